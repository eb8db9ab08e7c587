"""Makes the speech bank: every word of the vocabulary, spoken by espeak-ng in both voices.

Run as `python -m ovi.training.world.make_speech_bank [FILE]`; needs `espeak-ng` (Debian package of
that name). Writes 16 kHz int16 sounds, trimmed and evenly loud, and prints each word's seconds for
`vocabulary.py`.
"""

import io
import math
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ovi.errors import MediaError
from ovi.training.world.scene import SAMPLE_RATE
from ovi.training.world.sound_bank import BANK_FILE
from ovi.training.world.vocabulary import VOCABULARY

VOICE_OPTIONS = {"woman": ("en-us+f2", 195), "man": ("en-us", 172)}
"""espeak-ng's voice and words a minute; the ones pocketsphinx understood best."""
LEVEL = 0.13
"""Root mean square of every word, unless that would pass the peak."""
PEAK = 0.95
AUDIBLE = 0.02
"""Share of the word's loudest below which its start and end are cut off."""
MARGIN_SECONDS = 0.015
FADE_SECONDS = 0.01


def main(arguments: list[str] | None = None) -> int:
    """Writes the bank; returns the exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    target = Path(given[0]) if given else Path(__file__).with_name(BANK_FILE)
    try:
        bank = {
            f"{voice}:{word}": speak(word, *VOICE_OPTIONS[voice])
            for voice in VOICE_OPTIONS
            for word in VOCABULARY
        }
    except MediaError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    np.savez_compressed(target, allow_pickle=False, **bank)
    for word in VOCABULARY:
        longest = max(len(bank[f"{voice}:{word}"]) for voice in VOICE_OPTIONS)
        sys.stdout.write(f'    "{word}": {math.ceil(longest * 100 / SAMPLE_RATE) / 100},\n')
    return 0


def speak(word: str, voice: str, words_a_minute: int) -> NDArray[np.int16]:
    """One word at 16 kHz, int16 (samples,). Raises MediaError where espeak-ng is missing."""
    command = ["espeak-ng", "-v", voice, "-s", str(words_a_minute), "--stdout", word]
    try:
        done = subprocess.run(command, capture_output=True, check=True)
    except FileNotFoundError:
        raise MediaError("espeak-ng is not installed: apt install espeak-ng.") from None
    with wave.open(io.BytesIO(done.stdout)) as reader:
        rate = reader.getframerate()
    # Into a pipe espeak-ng writes a header of unknown length: everything after it is sound.
    sound = np.frombuffer(done.stdout[44:], dtype=np.int16).astype(np.float64)
    sound = _trim(_resample(sound, rate))
    sound *= min(LEVEL / np.sqrt(np.mean(sound**2)), PEAK / np.abs(sound).max())
    return np.round(np.clip(sound, -1.0, 1.0) * 32767.0).astype(np.int16)


def _resample(sound: NDArray[np.float64], rate: int) -> NDArray[np.float64]:
    """To 16 kHz, by cutting the spectrum."""
    count = round(len(sound) * SAMPLE_RATE / rate)
    spectrum = np.fft.rfft(sound)[: count // 2 + 1]
    return np.asarray(np.fft.irfft(spectrum, count))


def _trim(sound: NDArray[np.float64]) -> NDArray[np.float64]:
    """Without silence at both ends, faded over a few milliseconds."""
    window = SAMPLE_RATE // 100
    loudness = np.sqrt(np.convolve(sound**2, np.ones(window) / window, "same"))
    heard = np.flatnonzero(loudness > AUDIBLE * loudness.max())
    margin = round(MARGIN_SECONDS * SAMPLE_RATE)
    kept = sound[max(heard[0] - margin, 0) : heard[-1] + margin].copy()
    ramp = np.linspace(0.0, 1.0, round(FADE_SECONDS * SAMPLE_RATE))
    kept[: len(ramp)] *= ramp
    kept[-len(ramp) :] *= ramp[::-1]
    return kept


if __name__ == "__main__":
    sys.exit(main())
