"""Draws one clip as a card of the gallery's grid or as an entry of its list. Knows no widget."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.strip import Strip

from ovi_studio.actions.library import LibraryClip
from ovi_studio.report.plain import printable

LIST_THUMBNAIL_COLUMNS = 12
LIST_LINES = 3

STAR = "★"
CURSOR_BAR = "▌"
MARKED_BAR = "┃"


@dataclass(frozen=True, slots=True)
class CardShape:
    """How clips are laid out for one size of the gallery."""

    is_grid: bool
    num_columns: int
    card_width: int
    """characters of a card with the bar before it and the gap after it"""
    picture_columns: int
    picture_lines: int
    card_lines: int
    """lines from one card to the one below"""

    @property
    def text_columns(self) -> int:
        """Characters of a line of text."""
        if self.is_grid:
            return self.picture_columns
        return self.card_width - self.picture_columns - 3


def card_shape(width: int, height: int, *, is_grid: bool) -> CardShape:
    """The layout for a gallery of that many characters and lines."""
    if is_grid:
        num_columns = max(1, width // 30)
        card_width = max(8, width // num_columns)
        lines = 7 if height >= 22 else 5
        return CardShape(True, num_columns, card_width, card_width - 2, lines, lines + 3)
    picture = LIST_THUMBNAIL_COLUMNS if width >= 30 else 0
    return CardShape(False, 1, max(8, width), picture, LIST_LINES, LIST_LINES + 1)


@dataclass(frozen=True, slots=True)
class CardState:
    """What changes the look of a card besides its clip."""

    is_cursor: bool = False
    is_marked: bool = False


def draw_card(
    clip: LibraryClip,
    picture: Sequence[Sequence[Segment]] | None,
    shape: CardShape,
    state: CardState,
    styles: Mapping[str, Style],
    *,
    note: str = "",
) -> list[Strip]:
    """All lines of a card; `note` stands where the picture is missing.

    `styles` has ground, cursor, bar, marked, name, muted, star, tag and blank.
    """
    ground = styles["cursor"] if state.is_cursor else styles["ground"]
    bar = Segment(" ", styles["ground"])
    if state.is_cursor:
        bar = Segment(CURSOR_BAR, styles["bar"])
    elif state.is_marked:
        bar = Segment(MARKED_BAR, styles["marked"])
    pictures = _picture_lines(picture, shape, styles, note)
    texts = [_line(text, shape.text_columns, ground) for text in _texts(clip, shape, state, styles)]
    gap = Segment(" ", styles["ground"])
    lines: list[list[Segment]] = []
    if shape.is_grid:
        lines += [[bar, *picture_line, gap] for picture_line in pictures]
        lines += [[bar, *text, gap] for text in texts]
    else:
        for picture_line, text in zip(pictures, texts, strict=True):
            lines.append([bar, *picture_line, Segment(" ", ground), *text, gap])
    lines.append([Segment(" " * shape.card_width, styles["ground"])])
    return [Strip(line).adjust_cell_length(shape.card_width, styles["ground"]) for line in lines]


def _picture_lines(
    picture: Sequence[Sequence[Segment]] | None,
    shape: CardShape,
    styles: Mapping[str, Style],
    note: str,
) -> list[list[Segment]]:
    if not shape.picture_columns:
        return [[] for _ in range(shape.picture_lines)]
    if picture is not None:
        return [list(row) for row in picture[: shape.picture_lines]]
    blank = " " * shape.picture_columns
    lines = [[Segment(blank, styles["blank"])] for _ in range(shape.picture_lines)]
    said = note[: shape.picture_columns].center(shape.picture_columns)
    lines[shape.picture_lines // 2] = [Segment(said, styles["blank"])]
    return lines


def _texts(
    clip: LibraryClip, shape: CardShape, state: CardState, styles: Mapping[str, Style]
) -> list[Text]:
    """Two lines for a card, three for an entry of the list."""
    name = Text()
    if clip.is_starred:
        name.append(f"{STAR} ", styles["star"])
    row = f"{clip.set_name}:{clip.row_id}" if clip.set_name else clip.name
    name.append(printable(row), styles["name"])
    if clip.seed is not None:
        name.append(f"  s{clip.seed}", styles["muted"])
    if state.is_marked:
        name.append("  marked", styles["marked"])
    tags = Text()
    for tag in clip.tags:
        tags.append(f"#{printable(tag)} ", styles["tag"])
    if clip.note:
        tags.append("✎ ", styles["star"])
    words = clip.prompt or clip.fault or ""
    # Only what can be seen: a prompt may have a million characters.
    prompt = Text(" ".join(printable(words[:400]).split()), styles["muted"])
    if shape.is_grid:
        return [name, Text.assemble(tags, prompt)]
    return [name, tags if tags.plain else _facts(clip, styles), prompt]


def _facts(clip: LibraryClip, styles: Mapping[str, Style]) -> Text:
    facts = [clip.variant or ""]
    if clip.seconds is not None:
        facts.append(f"{clip.seconds:.1f} s")
    if clip.width is not None and clip.height is not None:
        facts.append(f"{clip.height}x{clip.width}"[:24])
    return Text(printable("  ".join(fact for fact in facts if fact)), styles["muted"])


def _line(text: Text, width: int, ground: Style) -> list[Segment]:
    """One line of exactly that many cells, the ground under the text's own colours."""
    text.truncate(max(1, width), overflow="ellipsis", pad=True)
    segments = []
    offset = 0
    for start, end, style in _runs(text):
        if start > offset:
            segments.append(Segment(text.plain[offset:start], ground))
        segments.append(Segment(text.plain[start:end], ground + style))
        offset = end
    if offset < len(text.plain):
        segments.append(Segment(text.plain[offset:], ground))
    return segments


def _runs(text: Text) -> list[tuple[int, int, Style]]:
    """Pieces with a style of their own, in order; they do not overlap."""
    if isinstance(text.style, Style) and not text.spans:
        return [(0, len(text.plain), text.style)]
    return sorted(
        (span.start, min(span.end, len(text.plain)), span.style)
        for span in text.spans
        if isinstance(span.style, Style) and span.start < len(text.plain)
    )
