"""Understands the words of a clip, with pocketsphinx and a grammar of the vocabulary.

Pocketsphinx is optional: `load_recogniser()` is None where it is not installed, and words stay
unjudged. A little noise is added and silence is put around the speech, because that is what its
acoustic model was made for; both were chosen on the true clips.
"""

import importlib.util
from typing import Any

import numpy as np

from ovi.training.judge.hearing import Waveform
from ovi.training.world.scene import SAMPLE_RATE
from ovi.training.world.vocabulary import VOCABULARY

HOW_TO_INSTALL = "Words are not judged: pip install pocketsphinx."
AUDIBLE = 0.05
"""Share of the loudest below which the start and the end of a clip are not speech."""
MARGIN_SECONDS = 0.025
SILENCE_SECONDS = 0.3
NOISE_LEVEL = 1e-3
GAIN = 0.7


class Recogniser:
    """Hears one to three words of the vocabulary."""

    def __init__(self) -> None:
        from pocketsphinx import Decoder

        words = " | ".join(VOCABULARY)
        grammar = (
            "#JSGF V1.0; grammar nano; "
            f"<word> = {words}; public <speech> = <word> [<word>] [<word>];"
        )
        self._decoder: Any = Decoder(samprate=SAMPLE_RATE, lm=None, loglevel="FATAL")
        self._decoder.add_jsgf_string("nano", grammar)
        self._decoder.activate_search("nano")

    def words(self, waveform: Waveform) -> tuple[str, ...]:
        """The words heard in samples (S,); none in silence."""
        spoken = _spoken_part(waveform.astype(np.float64))
        if not len(spoken):
            return ()
        silence = np.zeros(round(SILENCE_SECONDS * SAMPLE_RATE))
        sound = np.concatenate([silence, GAIN * spoken, silence])
        sound += NOISE_LEVEL * np.random.default_rng(0).standard_normal(len(sound))
        samples = (np.clip(sound, -1.0, 1.0) * 32767.0).astype(np.int16)
        # Else the loudness of earlier clips would help to decide the words of this one.
        self._decoder.reinit_feat()
        self._decoder.start_utt()
        self._decoder.process_raw(samples.tobytes(), full_utt=True)
        self._decoder.end_utt()
        heard = self._decoder.hyp()
        return tuple(heard.hypstr.split()) if heard is not None else ()


def load_recogniser() -> Recogniser | None:
    """A recogniser, or None where pocketsphinx is not installed."""
    return Recogniser() if importlib.util.find_spec("pocketsphinx") else None


def words_right(said: tuple[str, ...], heard: tuple[str, ...]) -> int:
    """How many of the said words were heard in their order (longest common subsequence)."""
    row = [0] * (len(heard) + 1)
    for word in said:
        before = row[:]
        for index, other in enumerate(heard, start=1):
            row[index] = (
                before[index - 1] + 1 if word == other else max(before[index], row[index - 1])
            )
    return row[-1]


def _spoken_part(sound: np.ndarray) -> np.ndarray:
    window = SAMPLE_RATE // 50
    loudness = np.sqrt(np.convolve(sound**2, np.ones(window) / window, "same"))
    heard = np.flatnonzero(loudness > max(AUDIBLE * loudness.max(), NOISE_LEVEL))
    if not len(heard):
        return sound[:0]
    margin = round(MARGIN_SECONDS * SAMPLE_RATE)
    return sound[max(heard[0] - margin, 0) : heard[-1] + margin]
