"""Rule speech-too-long."""

from collections.abc import Iterator

from ovi_studio.lint.diagnostic import Finding, Severity
from ovi_studio.lint.subject import Subject
from ovi_studio.prompt.timing import time_speech


def check(subject: Subject) -> Iterator[Finding]:
    """More speech than fits into the clip.

    What it does
        Estimates how long the spoken lines take at the pace of the fastest published ones, and
        warns where that is longer than the clip. As a cross-check it counts words: for 5 seconds
        more than 12 are noted, 14 a warning, 19 an error; for 10 seconds 36, 40 and 52; for `nano`
        3, 4 and 6.

    Why it matters
        Speech that does not fit is garbled or cut in the middle of a word.

    Example
        A pale face looks at us and says <S>hello yellow music and coffee<E>. Audio: A voice.

    Use instead
        A pale face looks at us and says <S>hello yellow music<E>. Audio: A voice.

    Fix safety
        There is no fix: only you know what can go unsaid.
    """
    lines, limits, variant = subject.lines, subject.limits, subject.variant
    num_words = sum(line.num_words for line in lines)
    seconds = sum(time_speech(line.words).seconds for line in lines)
    if num_words > limits.speech_error:
        severity = Severity.ERROR
    elif num_words > limits.speech_warning or seconds > variant.video_seconds:
        severity = Severity.WARNING
    elif num_words > limits.speech_info:
        severity = Severity.INFO
    else:
        return
    words = "1 spoken word" if num_words == 1 else f"{num_words} spoken words"
    yield Finding(
        f"{words} take about {seconds:.1f} s at the fastest, and a clip of {variant.name} lasts "
        f"{variant.video_seconds:.1f} s: {limits.speech_info} words fit with ease. Shorten the "
        "speech.",
        lines[-1].span,
        severity=severity,
    )
