"""Pictures as text: two pixels a character, the upper half block over the colour of its ground.

Neither pillow nor numpy is needed. A colour keeps five bits a channel, so that neighbours are often
equal and become one piece of text.
"""

from collections.abc import Sequence

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

UPPER_HALF = "▀"

_FEWER_COLOURS = bytes(min(255, value + 4) & 0xF8 for value in range(256))
_MAX_PIECES = 60_000

_pieces: dict[bytes, dict[int, Segment]] = {}
"""Pieces by colours and length: one object for all places, so that little has to be collected."""


def half_block_rows(width: int, height: int, pixels: bytes) -> list[list[Segment]]:
    """The lines of a picture, `height` / 2 of them rounded up, each `width` characters wide.

    `pixels` is RGB, row by row.
    """
    if len(_pieces) > _MAX_PIECES:
        _pieces.clear()
    pixels = pixels.translate(_FEWER_COLOURS)
    stride = width * 3
    rows = []
    for top in range(0, height * stride, 2 * stride):
        upper = pixels[top : top + stride]
        lower = pixels[top + stride : top + 2 * stride] or upper
        rows.append(_row(upper, lower))
    return rows


def _row(upper: bytes, lower: bytes) -> list[Segment]:
    segments = []
    before, length = b"", 0
    for at in range(0, len(upper), 3):
        colours = upper[at : at + 3] + lower[at : at + 3]
        if colours == before:
            length += 1
            continue
        if length:
            segments.append(_piece(before, length))
        before, length = colours, 1
    if length:
        segments.append(_piece(before, length))
    return segments


def _piece(colours: bytes, length: int) -> Segment:
    by_length = _pieces.setdefault(colours, {})
    piece = by_length.get(length)
    if piece is None:
        style = next(iter(by_length.values())).style if by_length else _style_of(colours)
        piece = by_length[length] = Segment(UPPER_HALF * length, style)
    return piece


def _style_of(colours: bytes) -> Style:
    return Style(color=Color.from_rgb(*colours[:3]), bgcolor=Color.from_rgb(*colours[3:]))


def without_ground(style: Style) -> Style:
    """The style with no colour behind the text, to be laid over another ground."""
    return Style(color=style.color, bold=style.bold, dim=style.dim, italic=style.italic)


def centred_strips(
    rows: Sequence[Sequence[Segment]], width: int, columns: int, lines: int, ground: Style
) -> list[Strip]:
    """A picture `width` characters wide in the middle of a box of `columns` and `lines`."""
    left = max(0, (columns - width) // 2)
    right = max(0, columns - width - left)
    above = max(0, (lines - len(rows)) // 2)
    blank = Strip([Segment(" " * columns, ground)], columns)
    strips = [blank] * above
    for row in rows[: lines - above]:
        segments = [Segment(" " * left, ground), *row, Segment(" " * right, ground)]
        strips.append(Strip([piece for piece in segments if piece.text], left + width + right))
    return strips + [blank] * (lines - len(strips))


def fitted(width: int, height: int, columns: int, lines: int) -> tuple[int, int]:
    """Pixels of a picture of that shape, made to fit a box of characters: width and height."""
    if width < 1 or height < 1 or columns < 1 or lines < 1:
        return 0, 0
    factor = min(columns / width, 2 * lines / height)
    return max(1, min(columns, round(width * factor))), max(
        1, min(2 * lines, round(height * factor))
    )
