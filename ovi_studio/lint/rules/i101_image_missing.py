"""Rule image-missing."""

from collections.abc import Iterator

from ovi_studio.lint.diagnostic import Finding
from ovi_studio.lint.picture import found_path, image_finding, tried_paths
from ovi_studio.lint.subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """A first frame that is not there.

    What it does
        Looks for the picture of the column `image_path`, first in the folder of the prompt file,
        then in the working folder.

    Why it matters
        The row cannot be rendered.

    Example (csv)
        text_prompt,image_path
        A pale face looks at us and says <S>hello yellow<E>. Audio: A voice.,missing.png

    Use instead (csv)
        text_prompt,image_path
        A pale face looks at us and says <S>hello yellow<E>. Audio: A voice.,good.png

    Fix safety
        There is no fix: only you know the picture.
    """
    if found_path(subject) is None:
        try:
            tried = " and ".join(map(str, tried_paths(subject)))
        except (OSError, ValueError):
            tried = "a path that cannot exist"
        yield image_finding(
            subject, f"There is no picture {subject.row.image_path!r}: tried {tried}."
        )
