"""Rule technical-text."""

import re
from collections.abc import Iterator

from ovi_studio.lint.diagnostic import Finding
from ovi_studio.lint.subject import Subject
from ovi_studio.prompt.model import Span

_SIGNS = (
    "hd", "quality", "detailed", "masterpiece", "artstation", "realistic", "award", "render",
    "unreal", "diffusion", "midjourney", "sora", "veo", "kling", " wan", " ovi", " five", " ten ",
    " ten-",
)  # fmt: skip
"""One of these stands in whatever `_IN_WORDS` finds; to look for them is much cheaper."""

_LENGTH = r"[ -]?(?:s|secs?|seconds?)[ -](?:long|clip|video|shot|duration)"
_IN_WORDS = (
    r"\b(?:"
    rf"(?:five|ten){_LENGTH}"
    r"|(?:ultra|full) ?hd|uhd"
    r"|masterpiece|(?:best|high|highest|top|ultra)[ -]quality"
    r"|(?:ultra|highly|extremely|hyper)[ -]?(?:detailed|realistic)|photo-?realistic"
    r"|trending on artstation|award[ -]winning|octane render|unreal engine"
    r"|stable diffusion|midjourney|sora|veo ?\d|kling|wan ?2(?:\.\d)?|(?<![^ (])ovi(?: model)?"
    r")\b"
)
_IN_DIGITS = (
    r"\b\d{1,4}(?:"
    r"k(?: uhd| resolution| quality)?|p|fps| fps"
    rf"| ?[x×] ?\d{{3,4}}(?: pixels)?|{_LENGTH}"
    r")\b"
)


def check(subject: Subject) -> Iterator[Finding]:
    """Words about the file instead of the scene: model names, durations, resolutions, praise.

    What it does
        Reports names of models, lengths, frame rates and sizes of clips, and words such as
        "masterpiece" in the description of the scene. What is spoken is left alone.

    Why it matters
        The model learned from descriptions of what is seen and heard. Length and size are set
        by options, and a list of praise takes the place of something to see.

    Example
        A pale face on a blue floor, 4k masterpiece, says <S>hello<E>. Audio: A woman's voice.

    Use instead
        A pale face on a blue floor, sharply lit, says <S>hello<E>. Audio: A woman's voice.

    Fix safety
        There is no fix: say instead what makes the picture good.
    """
    scene = subject.prompt.scene
    text = subject.text
    stretches = "\n".join([span.of(text) for span in scene])
    lowered = f" {stretches.lower()}"
    if any(sign in lowered for sign in _SIGNS):
        yield from _found(_IN_WORDS, scene, text)
    if any(digit in stretches for digit in "0123456789"):
        yield from _found(_IN_DIGITS, scene, text)


def _found(pattern: str, scene: tuple[Span, ...], text: str) -> Iterator[Finding]:
    compiled = re.compile(pattern, re.IGNORECASE)  # here, for most prompts never need it
    for span in scene:
        for match in compiled.finditer(text, span.start, span.end):
            yield Finding(
                f'"{match[0]}" describes no picture and no sound: leave it out, or use an option.',
                Span(*match.span()),
            )
