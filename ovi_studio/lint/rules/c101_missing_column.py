"""Rule missing-column."""

from collections.abc import Iterator

from ovi_studio.lint.diagnostic import Finding
from ovi_studio.project.prompt_records import Header
from ovi_studio.prompt.prompt_set import TEXT_COLUMN


def check_file(header: Header) -> Iterator[Finding]:
    """A file without a column `text_prompt`, or anything like it.

    What it does
        Looks at the first line of a CSV or TSV file, which has to name the columns.

    Why it matters
        Nothing in the file can be read as a prompt, so its rows are not checked.

    Example (csv)
        scene,seed
        A pale face looks at us and says <S>hello yellow<E>. Audio: A voice.,1

    Use instead (csv)
        text_prompt,seed
        A pale face looks at us and says <S>hello yellow<E>. Audio: A voice.,1

    Fix safety
        There is no fix: only you know which column holds the prompts.
    """
    if not header.has_text_column and not header.near_columns:
        yield Finding(
            f"No column is called {TEXT_COLUMN}: give that name to the one with the prompts. "
            f"Columns: {', '.join(header.columns)}."
        )
