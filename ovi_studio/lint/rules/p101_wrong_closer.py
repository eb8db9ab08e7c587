"""Rule wrong-closer."""

from collections.abc import Iterator

from ovi_studio.lint.clues import closes
from ovi_studio.lint.diagnostic import Edit, Finding, Fix
from ovi_studio.lint.subject import Subject
from ovi_studio.prompt.model import Spelling


def check(subject: Subject) -> Iterator[Finding]:
    """A closing tag with other letters than the model knows.

    What it does
        Reports `</S>`, `</E>`, `<\\S>`, `<END>` and the like where `<E>` belongs, and misspelt
        forms of `<ENDAUDCAP>`.

    Why it matters
        The model was trained on `<E>` and `<ENDAUDCAP>` alone. With another closer it cannot tell
        where the spoken words end, and speaks the scene as well.

    Example
        A pale face looks at us and says <S>hello yellow</S>. Audio: A clear woman's voice.

    Use instead
        A pale face looks at us and says <S>hello yellow<E>. Audio: A clear woman's voice.

    Fix safety
        Safe: only the tag changes.
    """
    for mark in subject.prompt.marks:
        if mark.spelling is Spelling.WRONG and closes(mark.role):
            fix = Fix(f"Write {mark.canonical}", (Edit(mark.span, mark.canonical),))
            yield Finding(
                f"The model does not know {mark.text}: close with {mark.canonical}.", mark.span, fix
            )
