"""Rule image-orientation."""

from collections.abc import Iterator

from ovi_studio.lint.diagnostic import Finding
from ovi_studio.lint.picture import image_finding, picture_of
from ovi_studio.lint.subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """A first frame stored lying on its side.

    What it does
        Reports pictures that a note in the file (EXIF orientation) tells viewers to turn.

    Why it matters
        `ovi render` turns them; other programs, the published engine among them, may not.

    Example (csv)
        text_prompt,image_path
        A pale face looks at us and says <S>hello yellow<E>. Audio: A voice.,turned.jpg

    Use instead (csv)
        text_prompt,image_path
        A pale face looks at us and says <S>hello yellow<E>. Audio: A voice.,good.png

    Fix safety
        There is no fix: save the picture upright.
    """
    picture = picture_of(subject)
    if picture is not None and picture.orientation != 1:
        yield image_finding(
            subject,
            f"The picture is stored turned (EXIF orientation {picture.orientation}) and becomes "
            f"{picture.size} (height x width): save it upright to be sure.",
        )
