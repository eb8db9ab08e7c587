"""Rule bom."""

from collections.abc import Iterator

from ovi_studio.lint.diagnostic import Finding
from ovi_studio.project.prompt_records import Header


def check_file(header: Header) -> Iterator[Finding]:
    """A file that begins with a byte order mark, or is written in UTF-16.

    What it does
        Notes how the file is encoded, if not plainly in UTF-8. It is understood, and kept.

    Why it matters
        Other programs may take the mark for a part of the first column's name, and not find
        `text_prompt`.

    Example (csv, escapes)
        \\xef\\xbb\\xbftext_prompt
        A pale face looks at us and says <S>hello yellow<E>. Audio: A voice.

    Use instead (csv, escapes)
        text_prompt
        A pale face looks at us and says <S>hello yellow<E>. Audio: A voice.

    Fix safety
        There is no fix: the file is read as it is.
    """
    if header.format.encoding != "utf-8":
        name = header.format.encoding.upper()[:6]
        yield Finding(f"The file is in {name}: fine here, but other programs expect UTF-8.")
    elif header.format.bom:
        yield Finding(
            "The file begins with a byte order mark: fine here, but other programs may stumble "
            "over it."
        )
