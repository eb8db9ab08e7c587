"""Rule caption-length."""

from collections.abc import Iterator

from ovi_studio.lint.diagnostic import Finding
from ovi_studio.lint.limits import count_words
from ovi_studio.lint.subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """An audio caption that is much shorter or longer than usual.

    What it does
        Counts the words of the caption. The published examples have 4 to 41; for `nano`, 2 to 20
        are usual.

    Why it matters
        A word or two leave much to chance, and of a long list the model drops something.

    Example
        A pale face with black hair looks at us and says <S>hello yellow<E>. Audio: Voice.

    Use instead
        A pale face with black hair looks at us and says <S>hello yellow<E>. Audio: A quiet room.

    Fix safety
        There is no fix: only you know what is heard.
    """
    limits = subject.limits
    for caption in subject.prompt.captions:
        num_words = count_words(caption.text)
        if num_words == 0 or limits.caption_from <= num_words <= limits.caption_to:
            continue
        words = "1 word" if num_words == 1 else f"{num_words} words"
        usual = f"{limits.caption_from} to {limits.caption_to} are usual"
        yield Finding(
            f"The audio caption has {words}; {usual}. "
            "Name the voices, the room, sounds and music, and no more.",
            caption.span,
        )
