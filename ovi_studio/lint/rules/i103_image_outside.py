"""Rule image-outside."""

from collections.abc import Iterator

from ovi_studio.lint.diagnostic import Finding
from ovi_studio.lint.picture import found_path, image_finding
from ovi_studio.lint.subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """A first frame outside the project.

    What it does
        Reports pictures that lie neither in the project's folder, nor in that of the prompt file,
        nor in the working folder.

    Why it matters
        Such a set works on one machine only: whoever gets the project lacks the picture.

    Example (csv)
        text_prompt,image_path
        A pale face looks at us and says <S>hello yellow<E>. Audio: A voice.,../outside.png

    Use instead (csv)
        text_prompt,image_path
        A pale face looks at us and says <S>hello yellow<E>. Audio: A voice.,good.png

    Fix safety
        There is no fix: copy the picture into the project, and name it there.
    """
    path = found_path(subject)
    roots = subject.target.roots
    if path is not None and roots and not any(path.is_relative_to(root) for root in roots):
        yield image_finding(
            subject, f"{path} lies outside the project: copy it into the folder of the prompts."
        )
