"""Rule size-not-exact."""

from collections.abc import Iterator

from ovi.errors import RequestError
from ovi.spec.geometry import FrameSize, fit_size
from ovi_studio.lint.diagnostic import Edit, Finding, Fix, Severity
from ovi_studio.lint.subject import Subject
from ovi_studio.prompt.model import Span

_SIZE = "size"
_SIDES = ("height", "width")


def check(subject: Subject) -> Iterator[Finding]:
    """A size that is not what comes out.

    What it does
        Fits the size in the row's column `size`, or `height` and `width`, as the variant does: to
        its area, and to multiples of 32.

    Why it matters
        Asking for 720x720 gives 704x704. Whoever edits or joins the clips should know.

    Example (csv)
        text_prompt,size
        A pale face looks at us and says <S>hello yellow<E>. Audio: A voice.,120x120

    Use instead (csv)
        text_prompt,size
        A pale face looks at us and says <S>hello yellow<E>. Audio: A voice.,128x128

    Fix safety
        Safe: the clip stays the same; the column then says its real size.
    """
    values = subject.row.values
    if subject.mode == "i2v":
        return  # the first frame decides
    written = values.get(_SIZE, "").strip()
    sides = [values.get(side, "").strip() for side in _SIDES]
    if not written and not all(sides):
        return
    cells = (_SIZE,) if written else _SIDES
    shown = written or "x".join(sides)
    whole = Span(0, len(values[cells[0]]))
    try:
        asked = FrameSize.parse(shown)
        real = fit_size(asked.height, asked.width, subject.variant.target_area)
    except RequestError as error:
        yield Finding(str(error), whole, severity=Severity.ERROR, cell=cells[0])
        return
    if real == asked:
        return
    new = (str(real),) if written else (str(real.height), str(real.width))
    edits = tuple(
        Edit(Span(0, len(values[cell])), text, cell) for cell, text in zip(cells, new, strict=True)
    )
    yield Finding(
        f"{subject.variant.name} makes {real} (height x width) of {shown}.",
        whole,
        Fix(f"Write {real}", edits) if _is_stable(real, subject) else None,
        cell=cells[0],
    )


def _is_stable(size: FrameSize, subject: Subject) -> bool:
    """True if asking for this size gives it."""
    return fit_size(size.height, size.width, subject.variant.target_area) == size
