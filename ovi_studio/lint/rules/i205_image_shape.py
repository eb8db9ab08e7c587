"""Rule image-shape."""

from collections.abc import Iterator

from ovi.spec.geometry import fit_size_to_image
from ovi_studio.lint.diagnostic import Finding
from ovi_studio.lint.picture import image_finding, picture_of
from ovi_studio.lint.subject import Subject

_LONGEST = 2.5
"""Long side over short side of the most extreme size the model is recommended for (448x1120)."""


def check(subject: Subject) -> Iterator[Finding]:
    """A first frame much wider or taller than the model is recommended for.

    What it does
        Reports pictures with one side more than two and a half times the other.

    Why it matters
        The clip takes the shape of its first frame, and the model saw no such shapes.

    Example (csv)
        text_prompt,image_path
        A pale face looks at us and says <S>hello yellow<E>. Audio: A voice.,panorama.png

    Use instead (csv)
        text_prompt,image_path
        A pale face looks at us and says <S>hello yellow<E>. Audio: A voice.,good.png

    Fix safety
        There is no fix: cut the picture to the part that matters.
    """
    picture = picture_of(subject)
    if picture is None:
        return
    height, width = picture.size.height, picture.size.width
    if max(height, width) > _LONGEST * min(height, width):
        real = fit_size_to_image(height, width, subject.variant.target_area)
        yield image_finding(
            subject,
            f"The picture is {picture.size} and the clip becomes {real} (height x width), a shape "
            "the model does not know: cut it to at most 5:2.",
        )
