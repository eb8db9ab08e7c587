"""Rule duplicate-row."""

from collections.abc import Callable, Iterator

from ovi_studio.lint.diagnostic import Finding
from ovi_studio.lint.same_clip import row_key
from ovi_studio.lint.subject import Subject


def start_watch() -> Callable[[Subject], Iterator[Finding]]:
    """A row that says the same as an earlier one.

    What it does
        Compares all cells but `id` and `ignore`. White space, quotation marks and the form of the
        caption make no difference.

    Why it matters
        The clip would be rendered once for both; a second row was probably meant to differ.

    Example (csv)
        text_prompt,seed
        A pale face looks at us and says <S>hello yellow<E>. Audio: A voice.,1
        A pale face looks at us and says <S>hello yellow<E>. Audio: A voice.,1

    Use instead (csv)
        text_prompt,seed
        A pale face looks at us and says <S>hello yellow<E>. Audio: A voice.,1
        A pale face looks at us and says <S>hello yellow<E>. Audio: A voice.,2

    Fix safety
        There is no fix: change one of the rows, or delete it.
    """
    seen: dict[int, int] = {}

    def check(subject: Subject) -> Iterator[Finding]:
        line = seen.setdefault(row_key(subject), subject.row.line)
        if line != subject.row.line:
            yield Finding(f"The same row as on line {line}: change one of them, or delete it.")

    return check
