"""Rule empty-row."""

from collections.abc import Iterator

from ovi_studio.lint.diagnostic import Finding
from ovi_studio.lint.subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """A row without a prompt.

    What it does
        Reports rows whose cell `text_prompt` is empty. Empty lines are no rows.

    Why it matters
        There is nothing to render.

    Example (csv)
        text_prompt,seed
        ,1

    Use instead (csv)
        text_prompt,seed
        A pale face looks at us and says <S>hello yellow<E>. Audio: A voice.,1

    Fix safety
        There is no fix: write the prompt, or delete the row.
    """
    assert not subject.text.strip(), "the clue no-prompt has been seen"
    yield Finding("There is no prompt here: write one, or delete the row.")
