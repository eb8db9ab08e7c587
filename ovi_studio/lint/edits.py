"""Makes and applies edits of one text."""

from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence

from ovi_studio.lint.diagnostic import Edit
from ovi_studio.prompt.model import Span
from ovi_studio.prompt.prompt_set import TEXT_COLUMN


def apply_edits(text: str, edits: Iterable[Edit]) -> str:
    """The text with edits applied that do not overlap; their spans count in the text as given."""
    pieces: list[str] = []
    position = 0
    for edit in sorted(edits, key=lambda edit: (edit.span.start, edit.span.end)):
        assert edit.span.start >= position, "edits overlap"
        pieces += text[position : edit.span.start], edit.replacement
        position = edit.span.end
    return "".join([*pieces, text[position:]])


class Claims:
    """The places that chosen edits touch, cell by cell."""

    def __init__(self) -> None:
        self._taken: dict[str, list[tuple[int, int]]] = {}

    def claim(self, edits: Sequence[Edit]) -> bool:
        """Takes the places of the edits, if none of them is taken; else takes nothing.

        Edits that only meet end to end collide as well: together they could make what neither
        meant.
        """
        if any(self._is_taken(edit) for edit in edits):
            return False
        for edit in edits:
            insort(self._taken.setdefault(edit.cell, []), (edit.span.start, edit.span.end))
        return True

    def _is_taken(self, edit: Edit) -> bool:
        taken = self._taken.get(edit.cell, [])
        start, end = edit.span.start, edit.span.end
        index = bisect_left(taken, (start, end))
        meets_next = index < len(taken) and taken[index][0] <= end
        return meets_next or (index > 0 and taken[index - 1][1] >= start)


def edit_between(before: str, after: str) -> Edit:
    """The smallest single edit that turns one text into the other."""
    shorter = min(len(before), len(after))
    start = 0
    while start < shorter and before[start] == after[start]:
        start += 1
    tail = 0
    while tail < shorter - start and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    return Edit(Span(start, len(before) - tail), after[start : len(after) - tail])


def deletion(text: str, span: Span) -> Edit:
    """Deletes a range, and one of the blanks around it where two would be left."""
    return deletions(text, [span])[0]


def deletions(text: str, spans: Iterable[Span], cell: str = TEXT_COLUMN) -> tuple[Edit, ...]:
    """Deletes ranges, given in order, as `deletion` does one."""
    edits: list[Edit] = []
    position = 0
    for span in spans:
        start, end = span.start, span.end
        before_is_blank = start <= position or text[start - 1].isspace()
        after_is_blank = end == len(text) or text[end].isspace()
        if before_is_blank and after_is_blank:
            if end < len(text):
                end += 1
            elif start > position:
                start -= 1
        edits.append(Edit(Span(start, end), "", cell))
        position = end
    return tuple(edits)


def insertion(place: int, text: str) -> Edit:
    """Inserts a text."""
    return Edit(Span(place, place), text)
