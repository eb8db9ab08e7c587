"""Rule too-many-lines."""

from collections.abc import Iterator

from ovi_studio.lint.diagnostic import Finding
from ovi_studio.lint.subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """More spoken lines than fit into the clip.

    What it does
        Counts the lines of speech: more than 3 for 5 seconds, 4 for 10, 2 for `nano` are reported.

    Why it matters
        Every change of speaker takes time to be seen. With too many, voices and faces get mixed
        up.

    Example
        A man says <S>stop<E>, a girl says <S>yes<E>, the man says <S>go<E>. Audio: Two voices.

    Use instead
        A man says <S>stop<E>, a girl says <S>yes<E>. Audio: Two voices.

    Fix safety
        There is no fix: only you know what can go.
    """
    limit = subject.limits.num_lines
    if len(subject.lines) > limit:
        yield Finding(
            f"{len(subject.lines)} spoken lines in {subject.variant.video_seconds:.0f} seconds: "
            f"{limit} are known to work. Leave some out or join them.",
            subject.lines[limit].span,
        )
