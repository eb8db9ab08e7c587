"""Rule ragged-row."""

from collections.abc import Iterator

from ovi_studio.lint.diagnostic import Finding, Severity
from ovi_studio.lint.subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """A row with more or fewer cells than there are columns.

    What it does
        Counts the cells of every row. More of them than columns is an error, fewer a warning.

    Why it matters
        A comma in a prompt that is not in quotes cuts the prompt there, and the rest of it slips
        into the next columns.

    Example (csv)
        text_prompt,seed
        A pale face looks at us and says <S>hello yellow<E>. Audio: A clear, low voice.,1

    Use instead (csv)
        text_prompt,seed
        "A pale face looks at us and says <S>hello yellow<E>. Audio: A clear, low voice.",1

    Fix safety
        There is no fix: only you know which cells belong together.
    """
    row = subject.row
    surplus = row.num_cells - len(row.columns)
    if surplus > 0:
        yield Finding(
            f"The row has {row.num_cells} cells and there are {len(row.columns)} columns: put "
            "a prompt with commas in quotation marks.",
            severity=Severity.ERROR,
        )
    elif surplus < 0:
        missing = ", ".join(row.columns[row.num_cells :])
        yield Finding(f"The row lacks cells at its end, which count as empty: {missing}.")
