"""Rule image-unreadable."""

from collections.abc import Iterator

from ovi.errors import FirstFrameError
from ovi_studio.lint.diagnostic import Finding
from ovi_studio.lint.picture import can_read_pictures, found_path, image_finding, read_picture
from ovi_studio.lint.subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """A first frame that is no picture, or is damaged, or far too small or large.

    What it does
        Opens the picture and reads its head.

    Why it matters
        The row cannot be rendered.

    Example (csv)
        text_prompt,image_path
        A pale face looks at us and says <S>hello yellow<E>. Audio: A voice.,damaged.png

    Use instead (csv)
        text_prompt,image_path
        A pale face looks at us and says <S>hello yellow<E>. Audio: A voice.,good.png

    Fix safety
        There is no fix: save the picture again.
    """
    path = found_path(subject)
    if path is not None and can_read_pictures():
        picture = read_picture(path)
        if isinstance(picture, FirstFrameError):
            yield image_finding(subject, str(picture))
