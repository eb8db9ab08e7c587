"""Rule image-alpha."""

from collections.abc import Iterator

from ovi_studio.lint.diagnostic import Finding
from ovi_studio.lint.picture import image_finding, picture_of
from ovi_studio.lint.subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """A first frame with transparent parts.

    What it does
        Reports pictures in which some pixel lets the background through.

    Why it matters
        A clip has no background to show: what was transparent comes out in whatever colour the
        file happens to hold there, often black.

    Example (csv)
        text_prompt,image_path
        A pale face looks at us and says <S>hello yellow<E>. Audio: A voice.,transparent.png

    Use instead (csv)
        text_prompt,image_path
        A pale face looks at us and says <S>hello yellow<E>. Audio: A voice.,good.png

    Fix safety
        There is no fix: flatten the picture onto the background you want.
    """
    picture = picture_of(subject)
    if picture is not None and picture.is_transparent:
        yield image_finding(
            subject, "The picture has transparent parts: flatten it onto a background first."
        )
