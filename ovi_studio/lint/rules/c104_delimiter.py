"""Rule delimiter."""

from collections.abc import Iterator

from ovi_studio.lint.diagnostic import Finding
from ovi_studio.project.prompt_records import Header

_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}


def check_file(header: Header) -> Iterator[Finding]:
    """A CSV file with something else than commas between its cells.

    What it does
        Notes semicolons, tabs or bars in a `.csv` file. They are understood, and kept.

    Why it matters
        Other programs that read prompt sets, the published engine among them, expect commas.

    Example (csv)
        text_prompt;seed
        A pale face looks at us and says <S>hello yellow<E>. Audio: A voice.;1

    Use instead (csv)
        text_prompt,seed
        A pale face looks at us and says <S>hello yellow<E>. Audio: A voice.,1

    Fix safety
        There is no fix: the file is read as it is.
    """
    yield Finding(
        f"The cells are divided by {_NAMES[header.format.delimiter]}: fine here, but other "
        "programs expect commas in a CSV file."
    )
