"""Rule negative-tags."""

from collections.abc import Iterator

from ovi_studio.lint.diagnostic import Finding, Fix
from ovi_studio.lint.edits import deletions
from ovi_studio.lint.subject import Subject
from ovi_studio.prompt.marks import find_marks
from ovi_studio.prompt.model import Role
from ovi_studio.prompt.prompt_set import AUDIO_NEGATIVE_COLUMNS, VIDEO_NEGATIVE_COLUMNS


def check(subject: Subject) -> Iterator[Finding]:
    """Tags in a negative prompt.

    What it does
        Reports `<S>`, `<AUDCAP>`, `Audio:` and the like in the columns of negative prompts.

    Why it matters
        There is one negative prompt for the picture and one for the sound, and neither is ever
        tagged. A tag there leads the clip away from speech altogether.

    Example (csv)
        text_prompt,audio_negative
        A pale face on a blue floor says <S>hello<E>. Audio: A voice.,"Audio: robotic, muffled"

    Use instead (csv)
        text_prompt,audio_negative
        A pale face on a blue floor says <S>hello<E>. Audio: A voice.,"robotic, muffled"

    Fix safety
        Safe: the tags go, the words stay.
    """
    for cell in (*VIDEO_NEGATIVE_COLUMNS, *AUDIO_NEGATIVE_COLUMNS):
        text = subject.row.values.get(cell, "")
        tags = [mark.span for mark in find_marks(text) if mark.role is not Role.UNKNOWN]
        if tags:
            fix = Fix("Take out the tags", deletions(text, tags, cell))
            yield Finding(
                f"{tags[0].of(text)} in the column {cell}: negative prompts have no tags, take it "
                "out.",
                tags[0],
                fix,
                cell=cell,
            )
