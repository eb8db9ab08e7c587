"""Two clips side by side, playing at the same moment, with the settings that differ."""

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Static

from ovi_studio.actions.library import Difference, LibraryClip, compare_clips
from ovi_studio.report.plain import printable, shortened
from ovi_studio.tui.clip_actions import ClipActions
from ovi_studio.tui.clip_cards import STAR
from ovi_studio.tui.clip_session import ClipSession
from ovi_studio.tui.widgets.clip_player import ClipPlayer

MAX_DIFFERENCES = 60
NAME_COLUMNS = 16


class CompareClipsScreen(ClipActions):
    """Clips A and B; actions are about the one that is chosen."""

    VIEW = "choose"
    BINDING_GROUP_TITLE = "Compare"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,c", "close", "Back"),
        Binding("space", "play_or_pause", "Pause"),
        Binding("tab,a,b", "choose_other", "Choose the other"),
        Binding("left,h", "step(-1)", "Frame back", show=False),
        Binding("right,l", "step(1)", "Frame on", show=False),
        Binding("shift+left,H", "step(-12)", "Half a second back", show=False),
        Binding("shift+right,L", "step(12)", "Half a second on", show=False),
        Binding("home,0", "seek(0)", "First frame", show=False),
        *ClipActions.CLIP_BINDINGS,
    ]
    DEFAULT_CSS = """
    CompareClipsScreen {
        #pair { height: 1fr; }
        .side { width: 1fr; height: 1fr; border: round $panel; }
        .side.-chosen { border: round $primary; }
        .side .title { height: 1; padding: 0 1; color: $text-muted; }
        .side.-chosen .title { color: $foreground; text-style: bold; }
        #differences-pane { height: auto; max-height: 40%; background: $surface; padding: 0 1; }
        #differences { height: auto; }
    }
    CompareClipsScreen.-short #differences-pane { max-height: 6; }
    """

    def __init__(self, session: ClipSession, first: LibraryClip, second: LibraryClip) -> None:
        super().__init__()
        self.session = session
        self._clips = [first, second]
        self._chosen = 0

    def compose_view(self) -> ComposeResult:
        """The clips, and below them what differs."""
        with Horizontal(id="pair"):
            for place in range(2):
                with Vertical(id=f"side-{place}", classes="side"):
                    yield Static("", classes="title", id=f"title-{place}", markup=False)
                    yield ClipPlayer(self.session.library, id=f"player-{place}")
        with VerticalScroll(id="differences-pane", can_focus=False):
            yield Static("", id="differences", markup=False)

    def on_mount(self) -> None:
        self.call_after_refresh(self._start)

    def _start(self) -> None:
        first, second = self._player(0), self._player(1)
        first.follower = second
        second.load(self._clips[1], plays=False)
        first.load(self._clips[0], plays=True)
        second.leads = False
        self._show()

    def _player(self, place: int) -> ClipPlayer:
        return self.query_one(f"#player-{place}", ClipPlayer)

    def current_clip(self) -> LibraryClip | None:
        """The chosen one of the two."""
        return self._clips[self._chosen]

    def meant_clips(self) -> Sequence[LibraryClip]:
        """The chosen one of the two."""
        return [self._clips[self._chosen]]

    def clips_changed(self) -> None:
        """Reads the clips anew; closes when one is gone."""
        super().clips_changed()
        self.run_in_thread(self.session.library.clips, self._refresh)

    def _refresh(self, found: Sequence[LibraryClip]) -> None:
        by_path = {clip.path: clip for clip in found}
        if any(clip.path not in by_path for clip in self._clips):
            self.action_close()
            return
        self._clips = [by_path[clip.path] for clip in self._clips]
        self._show()

    def _show(self) -> None:
        for place, clip in enumerate(self._clips):
            star = f"{STAR} " if clip.is_starred else ""
            tags = "".join(f"  #{tag}" for tag in clip.tags)
            row = f"{clip.set_name}:{clip.row_id}" if clip.set_name else clip.name
            seed = "" if clip.seed is None else f"  seed {clip.seed}"
            title = printable(f"{'AB'[place]}  {star}{row}{seed}{tags}")
            self.query_one(f"#title-{place}", Static).update(title)
            self.query_one(f"#side-{place}").set_class(place == self._chosen, "-chosen")
        width = self.size.width - 2
        differences = compare_clips(self._clips[0], self._clips[1])
        self.query_one("#differences", Static).update(differences_text(differences, width))

    def on_resize(self) -> None:
        if self._player(0).clip is not None:
            self._show()

    def action_close(self) -> None:
        """Back to the gallery."""
        self.dismiss()

    def action_choose_other(self) -> None:
        """The other clip is the one that keys are about."""
        self._chosen = 1 - self._chosen
        self._show()

    def action_play_or_pause(self) -> None:
        """Pauses or goes on, both."""
        self._player(0).toggle()

    def action_step(self, frames: int) -> None:
        """Goes so many frames on or back, both."""
        self._player(0).step(frames)

    def action_seek(self, share: float) -> None:
        """Goes to a moment, 0 to 1, both."""
        self._player(0).seek(share)


def differences_text(differences: Sequence[Difference], width: int) -> Text:
    """A line a setting, in columns; what does not decide the clip is dim."""
    if not differences:
        return Text("The recipes say the same.")
    side = max(10, (width - NAME_COLUMNS - 4) // 2)
    lines = []
    for one in differences[:MAX_DIFFERENCES]:
        first, second = _apart(one.first, one.second, side)
        name = shortened(one.name, NAME_COLUMNS)
        lines.append(
            Text.assemble(
                (f"{name:{NAME_COLUMNS}}  ", "bold" if one.is_deciding else "dim"),
                _cell(first, side, is_dim=not one.is_deciding),
                "  ",
                _cell(second, side, is_dim=not one.is_deciding),
            )
        )
    if len(differences) > MAX_DIFFERENCES:
        lines.append(Text(f"… and {len(differences) - MAX_DIFFERENCES:,} more", style="dim"))
    return Text("\n").join(lines)


def _apart(first: str, second: str, width: int) -> tuple[str, str]:
    """Both texts, cut so that the place where they begin to differ can be seen."""
    first, second = first[:20_000], second[:20_000]
    if max(len(first), len(second)) <= width:
        return first, second
    same = 0
    for one, other in zip(first, second, strict=False):
        if one != other:
            break
        same += 1
    start = max(0, same - width // 3)
    lead = "…" if start else ""
    return lead + first[start:], lead + second[start:]


def _cell(text: str, width: int, *, is_dim: bool) -> Text:
    cell = Text(shortened(text[: width * 4], width), style="dim" if is_dim else "")
    cell.truncate(width, overflow="ellipsis", pad=True)
    return cell
