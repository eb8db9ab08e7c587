"""One clip as large as the terminal allows: plays, pauses, goes frame by frame."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Static

from ovi_studio.actions.library import LibraryClip
from ovi_studio.report.plain import printable
from ovi_studio.tui.clip_actions import ClipActions
from ovi_studio.tui.clip_cards import STAR
from ovi_studio.tui.clip_session import ClipSession
from ovi_studio.tui.widgets.clip_facts import ClipFacts
from ovi_studio.tui.widgets.clip_player import ClipPlayer


@dataclass(frozen=True, slots=True)
class _Place:
    """A clip among those of the gallery."""

    clips: Sequence[LibraryClip]
    at: int

    @property
    def clip(self) -> LibraryClip:
        return self.clips[self.at]


class PlayClipScreen(ClipActions):
    """The large player."""

    VIEW = "choose"
    BINDING_GROUP_TITLE = "Player"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter", "close", "Back"),
        Binding("space", "play_or_pause", "Pause"),
        Binding("left,h", "step(-1)", "Frame back", show=False),
        Binding("right,l", "step(1)", "Frame on", show=False),
        Binding("shift+left,H", "step(-12)", "Half a second back", show=False),
        Binding("shift+right,L", "step(12)", "Half a second on", show=False),
        Binding("home,0", "seek(0)", "First frame", show=False),
        Binding("end", "seek(1)", "Last frame", show=False),
        Binding("down,j", "turn(1)", "Next clip"),
        Binding("up,k", "turn(-1)", "Previous clip", show=False),
        Binding("i", "toggle_facts", "Recipe"),
        Binding("pagedown", "turn_page(1)", "Scroll the recipe down", show=False),
        Binding("pageup", "turn_page(-1)", "Scroll the recipe up", show=False),
        *ClipActions.CLIP_BINDINGS,
    ]
    DEFAULT_CSS = """
    PlayClipScreen {
        #title { height: 1; padding: 0 1; background: $panel; color: $foreground; }
        #stage { height: 1fr; }
        #recipe { width: 56; display: none; border-left: vkey $panel; }
        #recipe.-shown { display: block; }
        #wave { height: 3; }
    }
    PlayClipScreen.-narrow #recipe { width: 44; }
    """

    def __init__(self, session: ClipSession, clips: Sequence[LibraryClip], path: Path) -> None:
        """Begins with the clip of that path; the others are a key away."""
        super().__init__()
        self.session = session
        at = next((at for at, clip in enumerate(clips) if clip.path == path), 0)
        self._place = _Place(clips, at)

    def compose_view(self) -> ComposeResult:
        """The clip, and its recipe when it is wanted."""
        yield Static("", id="title", markup=False)
        with Horizontal(id="stage"):
            yield ClipPlayer(self.session.library, is_sharp=True, id="player")
            yield ClipFacts(id="recipe")

    def on_mount(self) -> None:
        is_shown = self.context.remembered.get("choose.recipe", False)
        facts = self.query_one(ClipFacts)
        facts.can_focus = False  # its j and k are the next clip's here
        facts.set_class(is_shown, "-shown")
        self.call_after_refresh(self._show_clip)

    def current_clip(self) -> LibraryClip | None:
        """The clip that plays."""
        return self._place.clip if self._place.clips else None

    def meant_clips(self) -> Sequence[LibraryClip]:
        """The clip that plays."""
        clip = self.current_clip()
        return [] if clip is None else [clip]

    def clips_changed(self) -> None:
        """Reads the clips anew; what is gone is left out."""
        super().clips_changed()
        self.run_in_thread(self.session.library.clips, self._refresh)

    def _refresh(self, found: Sequence[LibraryClip]) -> None:
        by_path = {clip.path: clip for clip in found}
        before = self._place
        left = [by_path[clip.path] for clip in before.clips if clip.path in by_path]
        if not left:
            self.action_close()
            return
        is_gone = before.clip.path not in by_path
        at = min(before.at, len(left) - 1)
        if not is_gone:
            at = next(at for at, clip in enumerate(left) if clip.path == before.clip.path)
        self._place = _Place(left, at)
        if is_gone:
            self._show_clip()
        else:
            self._show_title()

    def _show_clip(self) -> None:
        self.query_one(ClipPlayer).load(self._place.clip, plays=True)
        self._show_title()

    def _show_title(self) -> None:
        clip = self._place.clip
        parts = [f"{self._place.at + 1} of {len(self._place.clips)}"]
        if clip.is_starred:
            parts.append(STAR)
        if clip.set_name:
            parts.append(f"{clip.set_name}:{clip.row_id}")
        if clip.seed is not None:
            parts.append(f"seed {clip.seed}")
        if clip.variant:
            parts.append(clip.variant)
        parts += [f"#{tag}" for tag in clip.tags]
        parts.append(clip.path.name)
        self.query_one("#title", Static).update(printable("  ".join(parts)))
        self.query_one(ClipFacts).show_clip(clip)

    def action_close(self) -> None:
        """Back to the gallery, the cursor on this clip."""
        from ovi_studio.tui.messages import ShowClip

        clip = self.current_clip()
        self.dismiss()
        if clip is not None:
            self.tell(ShowClip(clip.path))

    def action_play_or_pause(self) -> None:
        """Pauses or goes on."""
        self.query_one(ClipPlayer).toggle()

    def action_step(self, frames: int) -> None:
        """Goes so many frames on or back, and stands still."""
        self.query_one(ClipPlayer).step(frames)

    def action_seek(self, share: float) -> None:
        """Goes to a moment, 0 to 1."""
        self.query_one(ClipPlayer).seek(share)

    def action_turn(self, by: int) -> None:
        """Plays the next clip of the gallery, or the one before."""
        at = self._place.at + by
        if 0 <= at < len(self._place.clips):
            self._place = _Place(self._place.clips, at)
            self._show_clip()

    def action_toggle_facts(self) -> None:
        """Shows the recipe beside the clip, or hides it."""
        facts = self.query_one(ClipFacts)
        facts.toggle_class("-shown")
        self.context.remembered.put("choose.recipe", facts.has_class("-shown"))

    def action_turn_page(self, direction: int) -> None:
        """Scrolls the recipe."""
        facts = self.query_one(ClipFacts)
        facts.scroll_relative(y=direction * max(1, facts.size.height - 2), animate=False)
