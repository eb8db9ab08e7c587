"""Rule mode-needs-image."""

from collections.abc import Iterator

from ovi_studio.lint.diagnostic import Finding
from ovi_studio.lint.subject import MODE_COLUMN, MODES, Subject
from ovi_studio.prompt.model import Span


def check(subject: Subject) -> Iterator[Finding]:
    """Mode i2v without a first frame, or a mode that does not exist.

    What it does
        Reports rows that are to start from a given picture and name none in the column
        `image_path`, and words in the column `mode` other than t2v, i2v and t2i2v.

    Why it matters
        Such a row cannot be rendered.

    Example (csv)
        text_prompt,mode,image_path
        A pale face looks at us and says <S>hello yellow<E>. Audio: A clear voice.,i2v,

    Use instead (csv)
        text_prompt,mode,image_path
        A pale face looks at us and says <S>hello yellow<E>. Audio: A clear voice.,t2v,

    Fix safety
        There is no fix: only you know the picture.
    """
    row = subject.row
    if subject.mode == "i2v" and not row.image_path and row.source is not None:
        yield Finding(
            "Mode i2v starts from a picture and this row names none: fill the column image_path, "
            "or use mode t2v or t2i2v."
        )
    written = row.values.get(MODE_COLUMN, "").strip()
    if written and written not in MODES:
        yield Finding(
            f"There is no mode {written!r}: write t2v, i2v or t2i2v.",
            Span(0, len(row.values[MODE_COLUMN])),
            cell=MODE_COLUMN,
        )
