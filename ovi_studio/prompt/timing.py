"""How long spoken lines take to say, judged by their sounds and pauses.

Letters are counted as sounds: a syllable's vowels are one, a consonant is one however it is spelled
(`th`, `ck`), silent letters are none. Every sound takes the same time; stops and commas inside a
line, and the line itself, add a pause.

Where the numbers come from:

- `SOUND_SECONDS` and the pauses: fitted to synthesised speech (espeak-ng 1.51, voice en-us, its
  normal rate, 279 English sentences). Mean error 5 %, nine in ten within 11 %, worst 21 %. With the
  same constants, 26 sentences in 13 other languages of Latin script: mean error 8 %, worst 27 %
  (French, which writes letters it does not say).
- `PACE`: so that all 26 published rows that were at hand fit their clip. The densest says 51 words
  in four lines within ten seconds. That is the fastest the model was shown, not a comfortable pace.
- `SCRIPT_SOUNDS`: espeak-ng with its voice for each script; for ideographs and kana, which it
  spells out, the syllable rates of Pellegrino, Coupe and Marsico (Language 87, 2011).
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from ovi_studio.prompt.model import Prompt

SOUND_SECONDS = 0.070
"""One sound at an ordinary rate."""

STOP_SECONDS = 0.60
"""A pause inside a line after `.`, `!`, `?` or an ellipsis."""

COMMA_SECONDS = 0.27
"""A pause inside a line at `,`, `;`, `:` or a dash."""

LINE_SECONDS = 0.14
"""Added to every line: its last sound is drawn out."""

PACE = 0.62
"""The time that the fastest published lines take, over the time at an ordinary rate."""

DIGIT_SOUNDS = 5.0
"""Sounds of one digit read aloud as part of a number: `27` has ten."""

SIGN_SOUNDS = 6.0
"""Sounds of a sign read aloud, such as `%` or `&`."""

INITIAL_SOUNDS = 2.0
"""Sounds of one letter said by its name, as in `FBI`."""

SCRIPT_SOUNDS: tuple[tuple[int, float], ...] = (
    (0x0250, 1.0),  # Latin, where its words are not counted below
    (0x0370, 0.5),  # phonetic letters, modifiers
    (0x0400, 0.83),  # Greek
    (0x0590, 0.75),  # Cyrillic, Armenian
    (0x0600, 1.12),  # Hebrew: vowels are not written
    (0x0900, 1.35),  # Arabic: the same
    (0x0E00, 1.9),  # scripts of India: a letter is a syllable
    (0x1100, 1.75),  # Thai, Lao, Burmese, Georgian
    (0x3040, 2.0),  # others
    (0x3100, 2.2),  # kana: one mora
    (0xAC00, 3.4),  # ideographs: one syllable in Chinese
    (0xD7B0, 2.5),  # Hangul syllables
    (0x110000, 1.0),
)
"""Sounds of one letter, by the code point its range ends before."""

_JAPANESE_IDEOGRAPH = 1.2
"""An ideograph among kana is rather two morae: the factor on its sounds."""

_UNSPOKEN = re.compile(r"<[^<>]*>|\[[^\[\]]*\]|\([^()]*\)")
"""Tags and stage directions."""

_WORD = re.compile(r"[A-Za-zÀ-ɏ\u0300-\u036f]+(?:['’][A-Za-zÀ-ɏ]+)*")
_BEYOND_LATIN = re.compile(r"[^\W\d_\u0000-\u024f]")
_DIGIT = re.compile(r"\d")
_SIGN = re.compile(r"[%&@#$€£+=°/]")
_STOP = re.compile(r"[.!?…](?=\s)|[。！？]+")
_COMMA = re.compile(r"[,;:](?=\s)|[，、；：—–]|\s-+(?=\s)")
_UP_TO_LAST_WORD = re.compile(r".*[^\W_]", re.DOTALL)
_KANA = re.compile(r"[\u3041-\u30ff]")

_VOWELS = re.compile(r"[aeiouyæøœ]+")
_CONSONANT = re.compile(r"[^aeiouyæøœ]")
_SILENT_E = re.compile(r"[^aeiouy]e[sd]?\Z")
_SPOKEN_E = re.compile(r"(?:[td]ed|[^aeiouy]le|[sxzcg]es|[sc]hes)\Z")
_TWO_SYLLABLES = re.compile(r"i[ao](?!u|n)|[^qg]ua|[^aeiouy]ying")
_ONE_SOUND = re.compile(r"th|sh|ch|ck|ph|wh|gh|kn|wr|qu|ng|sc(?=[ei])")
_DOUBLED = re.compile(r"([^aeiouy])\1+")


@dataclass(frozen=True, slots=True)
class SpeechTime:
    """How long something takes to say."""

    seconds: float
    """At the pace of the fastest published lines: speech that takes longer than its clip is cut."""
    relaxed_seconds: float
    """At an ordinary rate."""


@dataclass(frozen=True, slots=True)
class PromptTime:
    """How long the speech of a prompt takes, line by line and in all."""

    lines: tuple[SpeechTime, ...]
    """In the order of `Prompt.speeches`."""
    total: SpeechTime


def time_prompt(prompt: Prompt) -> PromptTime:
    """The time that all spoken lines of a prompt take, said one after the other."""
    lines = tuple(time_speech(speech.text) for speech in prompt.speeches)
    total = SpeechTime(
        sum(line.seconds for line in lines), sum(line.relaxed_seconds for line in lines)
    )
    return PromptTime(lines, total)


def time_speech(text: str) -> SpeechTime:
    """The time that one line takes. Stage directions in brackets are not spoken."""
    words = _UP_TO_LAST_WORD.match(_UNSPOKEN.sub(" ", text))
    if words is None:
        return SpeechTime(0.0, 0.0)
    spoken = words[0]
    relaxed = (
        LINE_SECONDS
        + SOUND_SECONDS * count_sounds(spoken)
        + STOP_SECONDS * len(_STOP.findall(spoken))
        + COMMA_SECONDS * len(_COMMA.findall(spoken))
    )
    return SpeechTime(PACE * relaxed, relaxed)


def count_sounds(text: str) -> float:
    """Sounds of which the spoken `text` consists, pauses apart."""
    num_sounds = float(sum(map(_sounds_of_word, _WORD.findall(text))))
    num_sounds += DIGIT_SOUNDS * len(_DIGIT.findall(text)) + SIGN_SOUNDS * len(_SIGN.findall(text))
    if not text.isascii():
        is_japanese = _KANA.search(text) is not None
        for letter in _BEYOND_LATIN.findall(text):
            sounds = _sounds_of_letter(letter)
            is_ideograph = "\u3400" <= letter < "\ua000"
            num_sounds += sounds * (_JAPANESE_IDEOGRAPH if is_japanese and is_ideograph else 1)
    return num_sounds


@lru_cache(maxsize=8192)
def _sounds_of_word(word: str) -> float:
    """Sounds of one word in Latin script: its syllables and its consonants."""
    plain = "".join(c for c in unicodedata.normalize("NFD", word.lower()) if c.isalpha())
    num_syllables = len(_VOWELS.findall(plain))
    if num_syllables == 0 and word.isupper():
        return INITIAL_SOUNDS * len(plain)
    if num_syllables > 1 and _SILENT_E.search(plain) and not _SPOKEN_E.search(plain):
        num_syllables -= 1
    num_syllables += len(_TWO_SYLLABLES.findall(plain))
    consonants = _ONE_SOUND.sub("t", _DOUBLED.sub(r"\1", plain))
    return max(1, num_syllables) + len(_CONSONANT.findall(consonants))


@lru_cache(maxsize=4096)
def _sounds_of_letter(letter: str) -> float:
    return next(sounds for end, sounds in SCRIPT_SOUNDS if ord(letter) < end)
