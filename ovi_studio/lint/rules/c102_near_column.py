"""Rule near-column."""

from collections.abc import Iterator

from ovi_studio.lint.diagnostic import Finding, Severity
from ovi_studio.project.prompt_records import Header
from ovi_studio.prompt.prompt_set import IMAGE_COLUMN, TEXT_COLUMN

_LIKE_IMAGE = frozenset({"imagepath", "image", "imgpath", "imagefile", "firstframe"})


def check_file(header: Header) -> Iterator[Finding]:
    """A column whose name is almost the right one.

    What it does
        Offers the column that was probably meant as `text_prompt` or `image_path`, such as
        `prompt`, `Text_Prompt` or `image`.

    Why it matters
        Columns are found by their exact names: without `text_prompt` the file cannot be used and
        its rows are not checked; a picture under another name is left out in silence.

    Example (csv)
        prompt,seed
        A pale face looks at us and says <S>hello yellow<E>. Audio: A voice.,1

    Use instead (csv)
        text_prompt,seed
        A pale face looks at us and says <S>hello yellow<E>. Audio: A voice.,1

    Fix safety
        There is no fix: rename the column in the first line of the file.
    """
    if not header.has_text_column and header.near_columns:
        yield Finding(f"The column {header.near_columns[0]!r} has to be called {TEXT_COLUMN}.")
    if IMAGE_COLUMN not in header.columns:
        for column in header.columns:
            if "".join(c for c in column.casefold() if c.isalnum()) in _LIKE_IMAGE:
                yield Finding(
                    f"The column {column!r} has no effect: call it {IMAGE_COLUMN} if it names "
                    "first frames.",
                    severity=Severity.WARNING,
                )
