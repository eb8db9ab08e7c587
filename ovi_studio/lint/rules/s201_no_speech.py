"""Rule no-speech."""

from collections.abc import Iterator

from ovi_studio.lint.diagnostic import Finding
from ovi_studio.lint.subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """A prompt in which nobody speaks.

    What it does
        Notes that no words stand between `<S>` and `<E>`.

    Why it matters
        Sound effects alone are fine. But a person without words in a prompt often moves the lips
        and mumbles.

    Example
        A woman with black hair looks at us and smiles. Audio: A quiet room.

    Use instead
        A woman with black hair looks at us and says <S>hello yellow<E>. Audio: A quiet room.

    Fix safety
        There is no fix: only you know whether somebody should speak.
    """
    assert not subject.lines, "the clue no-speech has been seen"
    yield Finding(
        "Nobody speaks in this prompt. That is fine for sound effects; else put the words between "
        "<S> and <E>."
    )
