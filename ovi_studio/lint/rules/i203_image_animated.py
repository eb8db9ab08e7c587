"""Rule image-animated."""

from collections.abc import Iterator

from ovi_studio.lint.diagnostic import Finding
from ovi_studio.lint.picture import image_finding, picture_of
from ovi_studio.lint.subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """An animation as first frame.

    What it does
        Reports pictures with more than one frame.

    Why it matters
        Only the first one is used.

    Example (csv)
        text_prompt,image_path
        A pale face looks at us and says <S>hello yellow<E>. Audio: A voice.,animated.gif

    Use instead (csv)
        text_prompt,image_path
        A pale face looks at us and says <S>hello yellow<E>. Audio: A voice.,good.png

    Fix safety
        There is no fix: save the frame you want as a picture of its own.
    """
    picture = picture_of(subject)
    if picture is not None and picture.is_animated:
        yield image_finding(
            subject, "The picture is an animation and only its first frame is used: save that one."
        )
