"""Rule caption-spelling."""

from collections.abc import Iterator

from ovi_studio.lint.diagnostic import Edit, Finding, Fix
from ovi_studio.lint.subject import Subject
from ovi_studio.prompt.model import Role


def check(subject: Subject) -> Iterator[Finding]:
    """`audio:`, `AUDIO :`, `Sound:` where `Audio:` is meant.

    What it does
        Reports the beginning of an audio caption that is written in another way.

    Why it matters
        The model knows `Audio:`, with a capital and without a blank. Anything else is read as
        part of the scene.

    Example
        A pale face looks at us and says <S>hello yellow<E>. Sound: A clear woman's voice.

    Use instead
        A pale face looks at us and says <S>hello yellow<E>. Audio: A clear woman's voice.

    Fix safety
        Safe: only the prefix changes.
    """
    for mark in subject.prompt.marks:
        if mark.role is Role.CAPTION_PREFIX and not mark.is_exact:
            yield Finding(
                f'"{mark.text}" does not begin a caption for the model: write "Audio:".',
                mark.span,
                Fix('Write "Audio:"', (Edit(mark.span, mark.canonical),)),
            )
