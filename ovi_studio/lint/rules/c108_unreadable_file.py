"""Rule unreadable-file."""

from collections.abc import Iterator

from ovi_studio.errors import PromptFileError
from ovi_studio.lint.diagnostic import Finding


def check_error(error: PromptFileError) -> Iterator[Finding]:
    """A file that cannot be read to its end as a prompt set.

    What it does
        Reports files that are empty or cannot be opened, and rows that share an id.

    Why it matters
        Nothing after that place has been checked, and nothing of the file can be rendered.

    Example (csv)
        id,text_prompt
        a,A pale face looks at us and says <S>hello yellow<E>. Audio: A voice.
        a,A pale man looks at us and says <S>hello yellow<E>. Audio: A low voice.

    Use instead (csv)
        id,text_prompt
        a,A pale face looks at us and says <S>hello yellow<E>. Audio: A voice.
        b,A pale man looks at us and says <S>hello yellow<E>. Audio: A low voice.

    Fix safety
        There is no fix.
    """
    yield Finding(str(error))
