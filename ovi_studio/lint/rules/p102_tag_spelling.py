"""Rule tag-spelling."""

from collections.abc import Iterator

from ovi_studio.lint.clues import closes
from ovi_studio.lint.diagnostic import Edit, Finding, Fix
from ovi_studio.lint.subject import Subject
from ovi_studio.prompt.model import Role, Spelling


def check(subject: Subject) -> Iterator[Finding]:
    """A tag in another dress: small letters, blanks, other brackets, HTML entities.

    What it does
        Reports tags that are recognisable and not exact: `<s>`, `< S >`, `＜S＞`, `[S]`,
        `&lt;S&gt;`, `<AudCap>`, and tags that lost a bracket, such as `<E` or `AUDCAP>`.

    Why it matters
        The model knows one spelling. Any other is read as text, and the words are not spoken or
        the tag itself is.

    Example
        A pale face looks at us and says <s>hello yellow<e>. Audio: A clear woman's voice.

    Use instead
        A pale face looks at us and says <S>hello yellow<E>. Audio: A clear woman's voice.

    Fix safety
        Safe: only the tag changes.
    """
    for mark in subject.prompt.marks:
        if mark.is_exact or mark.role in (Role.UNKNOWN, Role.CAPTION_PREFIX):
            continue
        if mark.spelling is Spelling.WRONG and closes(mark.role):
            continue  # that is wrong-closer
        fix = Fix(f"Write {mark.canonical}", (Edit(mark.span, mark.canonical),))
        yield Finding(
            f"{mark.text} is not the tag the model knows: write {mark.canonical}.", mark.span, fix
        )
