"""Rule image-unused."""

from collections.abc import Iterator

from ovi_studio.lint.diagnostic import Finding
from ovi_studio.lint.subject import Subject
from ovi_studio.prompt.model import Span
from ovi_studio.prompt.prompt_set import IMAGE_COLUMN


def check(subject: Subject) -> Iterator[Finding]:
    """A first frame that the mode does not use.

    What it does
        Reports a picture in the column `image_path` of a row rendered in mode t2v or t2i2v.

    Why it matters
        The clip will not start from the picture, which was probably the point.

    Example (csv)
        text_prompt,mode,image_path
        A pale face looks at us and says <S>hello yellow<E>. Audio: A voice.,t2v,good.png

    Use instead (csv)
        text_prompt,mode,image_path
        A pale face looks at us and says <S>hello yellow<E>. Audio: A voice.,i2v,good.png

    Fix safety
        There is no fix: either may be what was meant.
    """
    if subject.row.image_path and subject.mode != "i2v":
        yield Finding(
            f"Mode {subject.mode} makes no use of this picture: use mode i2v, or empty the cell.",
            Span(0, len(subject.row.values[IMAGE_COLUMN])),
            cell=IMAGE_COLUMN,
        )
