"""Rule empty-speech."""

from collections.abc import Iterator

from ovi_studio.lint.diagnostic import Finding, Fix
from ovi_studio.lint.edits import deletion
from ovi_studio.lint.subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """Speech tags with nothing between them.

    What it does
        Reports `<S><E>`, and pairs with nothing but blanks inside.

    Why it matters
        Tags announce a voice: with no words to say, the model mumbles something of its own.

    Example
        A pale face says <S>hello yellow<E> and smiles <S><E> at us. Audio: A woman's voice.

    Use instead
        A pale face says <S>hello yellow<E> and smiles at us. Audio: A woman's voice.

    Fix safety
        Safe: the tags go; there are no words to change.
    """
    for speech in subject.prompt.speeches:
        if speech.is_closed and not speech.text.strip():
            yield Finding(
                "There is nothing to say here: write the words, or take out the tags.",
                speech.span,
                Fix("Take out the tags", (deletion(subject.text, speech.span),)),
            )
