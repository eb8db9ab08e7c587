"""Rule stage-direction."""

import re
from collections.abc import Iterator

from ovi_studio.lint.diagnostic import Finding
from ovi_studio.lint.subject import Subject
from ovi_studio.prompt.model import Span

_DIRECTION = re.compile(r"\[[^\[\]]{1,80}\]|\([^()]{1,80}\)")


def check(subject: Subject) -> Iterator[Finding]:
    """A stage direction in brackets inside speech.

    What it does
        Notes `[...]` and `(...)` between the speech tags.

    Why it matters
        The model's authors use `[soft whisper]` at the start of a line, and it often works; it may
        also be spoken. Words about the voice are safe in the scene and in the caption.

    Example
        A pale face looks at us and says <S>(softly) hello yellow<E>. Audio: A woman's voice.

    Use instead
        A pale face looks at us and says softly <S>hello yellow<E>. Audio: A woman's voice.

    Fix safety
        There is no fix: the direction may be wanted.
    """
    for line in subject.lines:
        for match in _DIRECTION.finditer(line.words):
            yield Finding(
                f"{match[0]} may be spoken: say how it is spoken in the scene, before <S>.",
                Span(line.span.start + match.start(), line.span.start + match.end()),
            )
