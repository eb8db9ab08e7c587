"""The view `choose`: the gallery of finished clips, the one under the cursor playing beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Input, Static

from ovi_studio.actions.clip_filter import FILTER_HELP, SORTS, matching_clips, sorted_clips
from ovi_studio.actions.library import ClipLibrary, LibraryClip
from ovi_studio.tui.clip_actions import ClipActions
from ovi_studio.tui.clip_session import ClipSession
from ovi_studio.tui.messages import ClipsChanged, ShowClip
from ovi_studio.tui.screens.base import Poll
from ovi_studio.tui.thumbnails import ThumbnailLoader
from ovi_studio.tui.widgets.clip_facts import ClipFacts
from ovi_studio.tui.widgets.clip_gallery import ClipGallery
from ovi_studio.tui.widgets.clip_player import ClipPlayer

LOOK_SECONDS = 1.0

REST_SECONDS = 0.25
"""The cursor rests so long on a clip before it begins to play."""

NO_CLIPS = (
    "No clip was rendered here yet.\n\n"
    "Press 3 to render some; they appear here as they are finished."
)


@dataclass(frozen=True, slots=True)
class _Found:
    """What one look found."""

    clips: Sequence[LibraryClip]
    fault: str | None
    num_trashed: int


class ChooseScreen(ClipActions):
    """Finished clips."""

    VIEW = "choose"
    BINDING_GROUP_TITLE = "Choose"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", key_display="/"),
        Binding("c", "compare", "Compare"),
        *ClipActions.CLIP_BINDINGS,
        Binding("S", "sort", "Sort otherwise", show=False),
        Binding("f", "only_starred", "Only starred", show=False),
        Binding("p", "toggle_play", "Play or stop beside the gallery", show=False),
        Binding("T", "show_trash", "Trash", show=False),
        Binding("escape", "back", "Clear marks and filter", show=False),
        Binding("tab", "app.focus_next", "Next pane", show=False),
    ]
    DEFAULT_CSS = """
    ChooseScreen {
        #panes { height: 1fr; }
        #gallery-pane { width: 1fr; height: 1fr; }
        #side { width: 46; height: 1fr; border-left: vkey $panel; background: $surface; }
        #count { height: 1; padding: 0 1; background: $background; color: $text-muted; }
        #filter { height: 1; border: none; padding: 0 1; background: $panel; }
        #filter.-hidden { display: none; }
        #nothing { height: 1fr; padding: 2 4; color: $text-muted; }
        #nothing.-hidden { display: none; }
        #gallery.-hidden { display: none; }
        #player { height: 5fr; min-height: 8; }
        ClipFacts { height: 4fr; }
    }
    ChooseScreen.-narrow #gallery-pane { width: 36; }
    ChooseScreen.-narrow #side { width: 1fr; }
    ChooseScreen.-wide #side { width: 72; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.session: ClipSession
        self._clips: Sequence[LibraryClip] = ()
        self._filter = ""
        self._order = next(iter(SORTS))
        self._plays = True
        self._wanted: Path | None = None
        self._poll: Poll[_Found]
        self._loader: ThumbnailLoader
        self._fault: str | None = None
        self._num_trashed = 0

    def compose_view(self) -> ComposeResult:
        """Gallery at the left, the clip under the cursor at the right."""
        remembered = self.context.remembered
        self.session = ClipSession(ClipLibrary(self.context.layout))
        self._filter = remembered.get("choose.filter", "")
        self._order = remembered.get("choose.order", self._order)
        self._plays = remembered.get("choose.plays", True)
        layout = remembered.get("choose.layout", "")
        with Horizontal(id="panes"):
            with Vertical(id="gallery-pane"):
                yield Static("", id="count", markup=False)
                yield Input(
                    self._filter, placeholder=FILTER_HELP, id="filter", compact=True,
                    classes="" if self._filter else "-hidden",
                )  # fmt: skip
                yield ClipGallery(
                    wants_grid={"grid": True, "list": False}.get(layout), id="gallery"
                )
                yield Static("", id="nothing", classes="-hidden", markup=False)
            with Vertical(id="side"):
                yield ClipPlayer(self.session.library, id="player")
                yield ClipFacts(id="recipe")

    def on_mount(self) -> None:
        gallery = self._gallery
        self._loader = ThumbnailLoader(self.session.library, self._thumbnail_came)
        gallery.thumbnails = self._loader
        gallery.focus()
        wanted = self.context.remembered.get("choose.clip", "")
        self._wanted = Path(wanted) if wanted else None
        self._rest = self.set_timer(REST_SECONDS, self._play_current)
        self._poll = self.poll(LOOK_SECONDS, self._look, self._show_found)

    def on_unmount(self) -> None:
        self._loader.close()

    def on_screen_resume(self) -> None:
        if hasattr(self, "_poll"):
            self._poll.look()

    # The clips.

    @property
    def _gallery(self) -> ClipGallery:
        return self.query_one("#gallery", ClipGallery)

    def current_clip(self) -> LibraryClip | None:
        """The clip under the cursor."""
        return self._gallery.clip

    def meant_clips(self) -> Sequence[LibraryClip]:
        """The marked clips, else the one under the cursor."""
        gallery = self._gallery
        if gallery.marked:
            return gallery.marked
        return [gallery.clip] if gallery.clip is not None else []

    def _look(self) -> _Found:
        library = self.session.library
        return _Found(library.clips(), library.notes_fault, len(library.trashed()))

    def _show_found(self, found: _Found) -> None:
        if found.fault is not None and found.fault != self._fault:
            self.warn(found.fault)
        self._fault, self._num_trashed = found.fault, found.num_trashed
        if found.clips is not self._clips:
            self._clips = found.clips
            self._show_clips()
        else:
            self._show_count()

    def _show_clips(self) -> None:
        shown = sorted_clips(matching_clips(self._clips, self._filter), self._order)
        gallery = self._gallery
        gallery.show_clips(shown)
        if self._wanted is not None and gallery.go_to(self._wanted):
            self._wanted = None
        nothing = self.query_one("#nothing", Static)
        nothing.set_class(bool(shown), "-hidden")
        gallery.set_class(not shown, "-hidden")
        if not self._clips:
            nothing.update(NO_CLIPS)
        elif not shown:
            nothing.update(Text(f"No clip matches {self._filter!r}.\n\nEscape shows all again."))
        self._show_count()

    def _show_count(self) -> None:
        gallery = self._gallery
        num_shown, num_all = len(gallery.clips), len(self._clips)
        number = f"{num_all}" if num_shown == num_all else f"{num_shown} of {num_all}"
        parts = [f"{number} clip{'' if num_all == 1 else 's'}", self._order]
        if gallery.marked:
            parts.append(f"{len(gallery.marked)} marked")
        if self._num_trashed:
            parts.append(f"{self._num_trashed} in the trash")
        self.query_one("#count", Static).update(" · ".join(parts))

    def _thumbnail_came(self) -> None:
        """From a thread: the gallery draws what arrived, a few at once."""
        if self.is_attached:
            self.app.call_later(self._gallery.thumbnail_arrived)

    def on_clips_changed(self, message: ClipsChanged) -> None:
        message.stop()
        self._poll.look()

    def on_show_clip(self, message: ShowClip) -> None:
        message.stop()
        if not self._gallery.go_to(message.path):
            self._wanted = message.path
            self._set_filter("")
            self._poll.look()

    def on_clip_gallery_highlighted(self, message: ClipGallery.Highlighted) -> None:
        clip = message.clip
        self.query_one(ClipFacts).show_clip(clip)
        player = self.query_one(ClipPlayer)
        if clip is None or player.clip is None or clip.path != player.clip.path:
            player.load(None, plays=False)
            self._rest.stop()
            self._rest = self.set_timer(REST_SECONDS, self._play_current)
        if clip is not None:
            self.context.remembered.put("choose.clip", str(clip.path))

    def on_clip_gallery_marked(self) -> None:
        self._show_count()

    def on_clip_gallery_laid_out(self, message: ClipGallery.LaidOut) -> None:
        self.context.remembered.put("choose.layout", "grid" if message.is_grid else "list")

    def on_clip_gallery_opened(self, message: ClipGallery.Opened) -> None:
        from ovi_studio.tui.screens.play_clip import PlayClipScreen

        self.query_one(ClipPlayer).pause()
        self.app.push_screen(PlayClipScreen(self.session, self._gallery.clips, message.clip.path))

    def _play_current(self) -> None:
        clip = self._gallery.clip
        player = self.query_one(ClipPlayer)
        if clip is not None and (player.clip is None or player.clip.path != clip.path):
            player.load(clip, plays=self._plays)

    # Finding.

    def action_filter(self) -> None:
        """Lets the user type a filter."""
        field = self.query_one("#filter", Input)
        field.remove_class("-hidden")
        field.focus()

    def action_only_starred(self) -> None:
        """Shows starred clips only, or all again."""
        words = self._filter.split()
        on = "is:starred" not in words
        words = [*words, "is:starred"] if on else [w for w in words if w != "is:starred"]
        self._set_filter(" ".join(words))

    def on_input_changed(self, event: Input.Changed) -> None:
        if event.input.id == "filter" and event.value != self._filter:
            self._filter = event.value
            self.context.remembered.put("choose.filter", event.value)
            self._show_clips()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.input.id == "filter":
            self._leave_filter()

    def _set_filter(self, text: str) -> None:
        self.query_one("#filter", Input).value = text
        self._filter = text
        self.context.remembered.put("choose.filter", text)
        self.query_one("#filter", Input).set_class(not text, "-hidden")
        self._show_clips()

    def _leave_filter(self) -> None:
        self.query_one("#filter", Input).set_class(not self._filter, "-hidden")
        self._gallery.focus()

    def action_back(self) -> None:
        """Out of the filter or the recipe; then marks go, then the filter."""
        gallery = self._gallery
        if self.focused is not gallery and self.focused is not None:
            if self.focused.id == "filter" and not gallery.clips:
                self._set_filter("")
            self._leave_filter()
        elif not gallery.clear_marks():
            self._set_filter("")
        self._show_count()

    def action_sort(self) -> None:
        """Takes the next order; the line above the gallery names it."""
        orders = list(SORTS)
        at = orders.index(self._order) if self._order in orders else -1
        self._order = orders[(at + 1) % len(orders)]
        self.context.remembered.put("choose.order", self._order)
        self._show_clips()

    # Other windows.

    def action_toggle_play(self) -> None:
        """Lets the clip beside the gallery play, or stand still."""
        player = self.query_one(ClipPlayer)
        player.toggle()
        self._plays = player.playback.is_playing
        self.context.remembered.put("choose.plays", self._plays)

    def action_compare(self) -> None:
        """Plays two clips side by side: the marked ones, or the marked one and this."""
        gallery = self._gallery
        pair = gallery.marked[:2]
        if len(pair) < 2 and gallery.clip is not None and gallery.clip not in pair:
            pair = [*pair, gallery.clip]
        if len(pair) != 2 or len(gallery.marked) > 2:
            self.say("Mark two clips with space, then press c.")
            return
        from ovi_studio.tui.screens.compare_clips import CompareClipsScreen

        self.query_one(ClipPlayer).pause()
        self.app.push_screen(CompareClipsScreen(self.session, pair[0], pair[1]))

    def action_show_trash(self) -> None:
        """Shows what was deleted."""
        from ovi_studio.tui.screens.trash import TrashScreen

        self.query_one(ClipPlayer).pause()
        self.app.push_screen(TrashScreen(self.session))
