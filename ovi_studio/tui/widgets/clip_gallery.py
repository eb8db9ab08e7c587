"""The gallery: all clips as a grid of thumbnails or a list, whichever the width allows.

Only the lines that can be seen are drawn, so thousands of clips scroll as ten do.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Protocol

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.events import Click
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from ovi_studio.actions.library import LibraryClip
from ovi_studio.tui.clip_cards import CardShape, CardState, card_shape, draw_card
from ovi_studio.tui.half_blocks import without_ground

GRID_COLUMNS = 58
"""A gallery that is narrower is a list, unless the user wants otherwise."""

MAX_DRAWN = 500
"""Cards that are kept as they were drawn."""


class Thumbnails(Protocol):
    """Where thumbnails come from; `ThumbnailLoader` is one."""

    def get(
        self, clip: LibraryClip, columns: int, lines: int
    ) -> tuple[list[list[Segment]] | None, bool]:
        """A thumbnail as lines, and whether one may still come."""


class ClipGallery(ScrollView, can_focus=True):
    """Clips with a cursor and marks."""

    BINDING_GROUP_TITLE = "Gallery"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Play"),
        Binding("space", "mark", "Mark"),
        Binding("up,k", "move(0, -1)", "Up", show=False),
        Binding("down,j", "move(0, 1)", "Down", show=False),
        Binding("left,h", "move(-1, 0)", "Left", show=False),
        Binding("right,l", "move(1, 0)", "Right", show=False),
        Binding("pageup,ctrl+u", "page(-1)", "Page up", show=False),
        Binding("pagedown,ctrl+d", "page(1)", "Page down", show=False),
        Binding("home,g", "edge(-1)", "First clip", show=False),
        Binding("end,G", "edge(1)", "Last clip", show=False),
        Binding("ctrl+a", "mark_all", "Mark all", show=False),
        Binding("v", "toggle_grid", "Grid or list", show=False),
    ]
    DEFAULT_CSS = """
    ClipGallery {
        width: 1fr; height: 1fr; background: $background; scrollbar-size-vertical: 1;
        .clip-gallery--name { color: $foreground; text-style: bold; }
        .clip-gallery--muted { color: $text-muted; }
        .clip-gallery--cursor { background: $panel; }
        .clip-gallery--bar { color: $primary; text-style: bold; }
        .clip-gallery--marked { color: $accent; text-style: bold; }
        .clip-gallery--star { color: $warning; text-style: bold; }
        .clip-gallery--tag { color: $success; }
        .clip-gallery--blank { background: $surface; color: $text-muted; }
    }
    ClipGallery:focus .clip-gallery--cursor { background: $primary 30%; }
    """
    _PARTS = ("name", "muted", "cursor", "bar", "marked", "star", "tag", "blank")
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"clip-gallery--{part}" for part in _PARTS}

    class Highlighted(Message):
        """The cursor is on another clip, or the clip under it has changed; None: there is none."""

        def __init__(self, clip: LibraryClip | None) -> None:
            super().__init__()
            self.clip = clip

    class Opened(Message):
        """The user wants to see a clip."""

        def __init__(self, clip: LibraryClip) -> None:
            super().__init__()
            self.clip = clip

    class Marked(Message):
        """Other clips are marked than before."""

    class LaidOut(Message):
        """The user wants a grid, or a list."""

        def __init__(self, is_grid: bool) -> None:
            super().__init__()
            self.is_grid = is_grid

    def __init__(self, *, wants_grid: bool | None = None, id: str | None = None) -> None:  # noqa: A002
        """`wants_grid` None: a grid where there is room for one."""
        super().__init__(id=id)
        self.thumbnails: Thumbnails | None = None
        self._wants_grid = wants_grid
        self._clips: Sequence[LibraryClip] = ()
        self._cursor = 0
        self._marked: dict[Path, None] = {}
        self._shape = card_shape(30, 20, is_grid=False)
        self._drawn: dict[int, list[Strip]] = {}
        self._awaited: set[int] = set()
        self._styles: Mapping[str, Style] | None = None

    # What is shown.

    @property
    def clip(self) -> LibraryClip | None:
        """The clip under the cursor."""
        return self._clips[self._cursor] if self._clips else None

    @property
    def clips(self) -> Sequence[LibraryClip]:
        """All clips that are shown, in their order."""
        return self._clips

    @property
    def marked(self) -> list[LibraryClip]:
        """The marked clips that are shown, in the order they were marked."""
        by_path = {clip.path: clip for clip in self._clips}
        return [by_path[path] for path in self._marked if path in by_path]

    @property
    def shape(self) -> CardShape:
        """How the clips are laid out now."""
        return self._shape

    @property
    def is_waiting(self) -> bool:
        """A picture that can be seen has not come yet."""
        return bool(self._awaited)

    def show_clips(self, clips: Sequence[LibraryClip]) -> None:
        """Shows other clips; the cursor stays on its clip, or else at its place."""
        before = self.clip
        self._clips = clips
        places = {clip.path: place for place, clip in enumerate(clips)}
        self._marked = {path: None for path in self._marked if path in places}
        if before is not None and before.path in places:
            self._cursor = places[before.path]
        self._cursor = max(0, min(self._cursor, len(clips) - 1))
        self._lay_out()
        if self.clip is not before:
            self.post_message(self.Highlighted(self.clip))

    def go_to(self, path: Path | None) -> bool:
        """Puts the cursor on the clip of that path, the first for None; False if it is not here."""
        for place, clip in enumerate(self._clips):
            if path is None or clip.path == path:
                self._move_to(place)
                return True
        return False

    def clear_marks(self) -> bool:
        """Takes all marks away; False if there was none."""
        had_some = bool(self._marked)
        self._marked.clear()
        self._changed()
        return had_some

    def thumbnail_arrived(self) -> None:
        """Draws anew what waited for its picture."""
        for place in self._awaited:
            self._drawn.pop(place, None)
        self._awaited.clear()
        self.refresh()

    # Drawing.

    def render_line(self, y: int) -> Strip:
        """One line of all cards that it crosses."""
        left, top = self.scroll_offset
        line = top + y
        shape, width = self._shape, self.size.width
        first = line // shape.card_lines * shape.num_columns
        inner = line % shape.card_lines
        parts = [
            self._card(place)[inner]
            for place in range(first, min(first + shape.num_columns, len(self._clips)))
        ]
        ground = self.rich_style
        if not parts:
            return Strip([Segment(" " * width, ground)], width)
        return Strip.join(parts).crop(left, left + width).adjust_cell_length(width, ground)

    def _card(self, place: int) -> list[Strip]:
        drawn = self._drawn.get(place)
        if drawn is not None:
            return drawn
        clip, shape = self._clips[place], self._shape
        picture, may_come = None, False
        if self.thumbnails is not None and shape.picture_columns:
            picture, may_come = self.thumbnails.get(
                clip, shape.picture_columns, shape.picture_lines
            )
        if may_come:
            self._awaited.add(place)
        state = CardState(place == self._cursor, clip.path in self._marked)
        note = "…" if may_come else "no picture"
        drawn = draw_card(clip, picture, shape, state, self._part_styles(), note=note)
        if len(self._drawn) > MAX_DRAWN:
            self._drawn.clear()
            self._awaited.clear()
        self._drawn[place] = drawn
        return drawn

    def _part_styles(self) -> Mapping[str, Style]:
        if self._styles is None:
            styles = {
                part: self.get_component_rich_style(f"clip-gallery--{part}") for part in self._PARTS
            }
            on_any = {
                part: without_ground(style)
                for part, style in styles.items()
                if part not in ("cursor", "blank")
            }
            self._styles = {**styles, **on_any, "ground": self.rich_style}
        return self._styles

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._changed()

    def on_focus(self) -> None:
        self._changed()

    def on_blur(self) -> None:
        self._changed()

    def on_resize(self) -> None:
        self._lay_out()

    def _changed(self) -> None:
        self._drawn.clear()
        self._awaited.clear()
        self._styles = None
        self.refresh()

    def _lay_out(self) -> None:
        width, height = self.size
        is_grid = width >= GRID_COLUMNS if self._wants_grid is None else self._wants_grid
        self._shape = card_shape(max(1, width), height, is_grid=is_grid)
        num_rows = -(-len(self._clips) // self._shape.num_columns)
        self.virtual_size = Size(width, num_rows * self._shape.card_lines)
        self._changed()
        self._reveal()

    def _reveal(self) -> None:
        if not self._clips or not self.size.height:
            return
        shape = self._shape
        top = self._cursor // shape.num_columns * shape.card_lines
        region = Region(0, top, 1, min(shape.card_lines - 1, self.size.height))
        self.scroll_to_region(region, animate=False, force=True, immediate=True)

    # Moving.

    def _move_to(self, place: int) -> None:
        place = max(0, min(place, len(self._clips) - 1))
        if place == self._cursor or not self._clips:
            return
        for changed in (self._cursor, place):
            self._drawn.pop(changed, None)
        self._cursor = place
        self._reveal()
        self.refresh()
        self.post_message(self.Highlighted(self.clip))

    def action_move(self, columns: int, rows: int) -> None:
        """Moves the cursor; in a list, left and right do nothing."""
        num_columns = self._shape.num_columns
        if columns and num_columns == 1:
            return
        place = self._cursor + columns + rows * num_columns
        if 0 <= place < len(self._clips):
            self._move_to(place)
        elif rows > 0 and self._cursor // num_columns < (len(self._clips) - 1) // num_columns:
            self._move_to(len(self._clips) - 1)

    def action_page(self, direction: int) -> None:
        """Moves the cursor by what is seen."""
        shape = self._shape
        rows = max(1, self.size.height // shape.card_lines)
        self._move_to(self._cursor + direction * rows * shape.num_columns)

    def action_edge(self, direction: int) -> None:
        """Moves the cursor to the first or last clip."""
        self._move_to(0 if direction < 0 else len(self._clips) - 1)

    def action_open(self) -> None:
        """Tells that the clip is wanted."""
        if self.clip is not None:
            self.post_message(self.Opened(self.clip))

    def action_mark(self) -> None:
        """Marks the clip, or takes the mark away, and goes on to the next."""
        clip = self.clip
        if clip is None:
            return
        if clip.path in self._marked:
            del self._marked[clip.path]
        else:
            self._marked[clip.path] = None
        self._drawn.pop(self._cursor, None)
        self.refresh()
        self.post_message(self.Marked())
        self._move_to(self._cursor + 1)

    def action_mark_all(self) -> None:
        """Marks every clip that is shown; or none if all are marked."""
        if len(self._marked) == len(self._clips):
            self._marked.clear()
        else:
            self._marked = {clip.path: None for clip in self._clips}
        self._changed()
        self.post_message(self.Marked())

    def action_toggle_grid(self) -> None:
        """A list in place of the grid, or the other way round."""
        self._wants_grid = not self._shape.is_grid
        self._lay_out()
        self.post_message(self.LaidOut(self._wants_grid))

    def on_click(self, event: Click) -> None:
        shape = self._shape
        line = event.y + self.scroll_offset.y
        column = min(event.x // shape.card_width, shape.num_columns - 1)
        place = line // shape.card_lines * shape.num_columns + column
        if 0 <= place < len(self._clips):
            self._move_to(place)
            if event.ctrl:
                self.action_mark()
            elif event.chain == 2:
                self.action_open()
