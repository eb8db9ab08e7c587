"""Rule technical-text."""

import re
from collections.abc import Iterator

from ovi_studio.lint.diagnostic import Finding
from ovi_studio.lint.subject import Subject
from ovi_studio.prompt.model import Span

_SIGNS = (
    "4k", "8k", "2k", "20p", "80p", "60p", "40p", "fps", "uhd", "second", "quality", "detail",
    "masterpiece", "artstation", "realistic", "award", "resolution", "render", "engine",
    "diffusion", "midjourney", "sora", "veo", "kling", "wan", "ovi", "x7", "x1", "x5", "x9", "sec",
)  # fmt: skip
"""One of these stands in whatever `_TECHNICAL` finds; looking for them is much cheaper."""

_TECHNICAL = re.compile(
    r"\b(?:"
    r"[248]k(?: uhd| resolution| quality)?"
    r"|(?:360|480|540|720|1080|1440|2160)p"
    r"|\d{3,4} ?[x×] ?\d{3,4}(?: pixels)?"
    r"|\d{1,3} ?fps"
    r"|(?:\d{1,3}|five|ten)[ -]?(?:s|secs?|seconds?)[ -](?:long|clip|video|shot|duration)"
    r"|(?:ultra|full) ?hd|uhd"
    r"|masterpiece|(?:best|high|highest|top|ultra)[ -]quality"
    r"|(?:ultra|highly|extremely|hyper)[ -]?(?:detailed|realistic)|photo-?realistic"
    r"|trending on artstation|award[ -]winning|octane render|unreal engine"
    r"|stable diffusion|midjourney|sora|veo ?\d|kling|wan ?2(?:\.\d)?|ovi(?: model)?"
    r")\b",
    re.IGNORECASE,
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
        A pale face on a blue floor, 4k masterpiece, says <S>hello yellow<E>. Audio: A woman's voice.

    Use instead
        A pale face on a blue floor, sharply lit, says <S>hello yellow<E>. Audio: A woman's voice.

    Fix safety
        There is no fix: say instead what makes the picture good.
    """
    lowered = subject.text.lower()
    if not any(sign in lowered for sign in _SIGNS):
        return
    for span in subject.prompt.scene:
        for match in _TECHNICAL.finditer(span.of(subject.text)):
            place = Span(span.start + match.start(), span.start + match.end())
            yield Finding(
                f'"{match[0]}" describes no picture and no sound: leave it out, or use an option.',
                place,
            )
