"""Rule image-small."""

from collections.abc import Iterator
from math import isqrt

from ovi.spec.geometry import fit_size_to_image
from ovi_studio.lint.diagnostic import Finding
from ovi_studio.lint.picture import image_finding, picture_of
from ovi_studio.lint.subject import Subject

_USUAL_MINIMUM = 256


def check(subject: Subject) -> Iterator[Finding]:
    """A first frame that has to be enlarged a lot.

    What it does
        Reports pictures with a side under 256 pixels; under 128 for `nano`, whose frames are that
        small.

    Why it matters
        It is scaled to the size of the clip, and the clip stays as blurred as its first frame.

    Example (csv)
        text_prompt,image_path
        A pale face looks at us and says <S>hello yellow<E>. Audio: A voice.,small.png

    Use instead (csv)
        text_prompt,image_path
        A pale face looks at us and says <S>hello yellow<E>. Audio: A voice.,good.png

    Fix safety
        There is no fix: use a larger original.
    """
    picture = picture_of(subject)
    if picture is None:
        return
    area = subject.variant.target_area
    size = picture.size
    minimum = min(_USUAL_MINIMUM, isqrt(area))
    if min(size.height, size.width) < minimum:
        real = fit_size_to_image(size.height, size.width, area)
        yield image_finding(
            subject,
            f"The picture has {size} pixels and is enlarged to {real} (height x width): use one "
            f"with at least {minimum} on each side.",
        )
