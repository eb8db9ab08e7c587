"""A clip that plays on the terminal: its frames, its sound below, and the time."""

import time
from collections.abc import Callable, Sequence

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from ovi.errors import OviError
from ovi_studio.actions.clip_pictures import FRAMES_PER_SECOND
from ovi_studio.actions.library import ClipLibrary, LibraryClip
from ovi_studio.errors import StudioError
from ovi_studio.tui.playback import Playback
from ovi_studio.tui.screens.base import StudioScreen
from ovi_studio.tui.widgets.moving_picture import MovingPicture
from ovi_studio.tui.widgets.sharp_still import SharpStill
from ovi_studio.tui.widgets.sound_wave import SoundWave

FRAMES_BEFORE_PLAYING = 12
"""So many are decoded before the clip begins to play."""

STILL_SECONDS = 0.3
"""It stands so long on a frame before that is drawn as well as the terminal can."""


class ClipPlayer(Vertical):
    """Plays over and over at the clip's own speed; leaves out frames that the screen is late for.

    One that follows another player has no clock of its own.
    """

    DEFAULT_CSS = """
    ClipPlayer { width: 1fr; height: 1fr; background: $surface; }
    ClipPlayer #time { height: 1; width: 1fr; color: $text-muted; background: $surface; }
    """

    def __init__(
        self,
        library: ClipLibrary,
        *,
        is_sharp: bool = False,
        now: Callable[[], float] = time.monotonic,
        id: str | None = None,  # noqa: A002
    ) -> None:
        """`is_sharp`: a frame it stands still on is drawn as well as the terminal can."""
        super().__init__(id=id)
        self._library = library
        self._is_sharp = is_sharp
        self._still_since = 0.0
        self._still_on: int | None = None
        self._now = now
        self._clip: LibraryClip | None = None
        self._wants_to_play = False
        self.playback = Playback(frames_per_second=FRAMES_PER_SECOND)
        self.follower: ClipPlayer | None = None
        """another player that shows the same moment"""
        self.leads = True
        """False: shows what another player's clock says"""

    def compose(self) -> ComposeResult:
        yield MovingPicture(id="picture")
        if self._is_sharp:
            yield SharpStill(id="still")
        yield SoundWave(id="wave")
        yield Static("", id="time", markup=False)

    def on_mount(self) -> None:
        self.set_interval(1 / FRAMES_PER_SECOND, self.tick)

    @property
    def clip(self) -> LibraryClip | None:
        """The clip that is shown."""
        return self._clip

    @property
    def is_drawn(self) -> bool:
        """The clip's first frame, its sound and its length are there."""
        picture, wave = self.query_one(MovingPicture), self.query_one(SoundWave)
        return picture.num_frames > 0 and picture.is_settled and wave.has_sound

    def load(self, clip: LibraryClip | None, *, plays: bool) -> None:
        """Shows another clip from its beginning, or none."""
        self._clip = clip
        self._wants_to_play = plays
        self.playback = Playback(frames_per_second=FRAMES_PER_SECOND)
        self._still_on = None
        self.query_one(MovingPicture).load(clip)
        self.query_one(SoundWave).show_peaks(())
        self._show()
        if clip is not None and isinstance(self.screen, StudioScreen):
            self.screen.run_in_thread(
                lambda: self._peaks_of(clip), self._peaks_came, group=f"peaks-{self.id}",
                exclusive=True,
            )  # fmt: skip

    def toggle(self) -> None:
        """Pauses or goes on."""
        self._wants_to_play = False
        self.playback = self.playback.toggle(self._now())
        self._show()

    def pause(self) -> None:
        """Stands still."""
        self._wants_to_play = False
        self.playback = self.playback.pause(self._now())

    def step(self, frames: int) -> None:
        """Stands still some frames further on or back."""
        self._wants_to_play = False
        self.playback = self.playback.step(frames, self._now())
        self._show()

    def seek(self, share: float) -> None:
        """Goes to a moment, 0 to 1, and plays on if it played."""
        was_playing = self.playback.is_playing
        frame = int(share * (self.playback.num_frames - 1) + 0.5)
        self.playback = self.playback.seek(frame, self._now())
        if was_playing:
            self.playback = self.playback.play(self._now())
        self._show()

    def tick(self) -> None:
        """Shows what is due."""
        if not self.leads or self._clip is None or not self.screen.is_current:
            return
        pictures = [self.query_one(MovingPicture)]
        if self.follower is not None:
            pictures.append(self.follower.query_one(MovingPicture))
        num_frames = max(picture.num_frames for picture in pictures)
        now = self._now()
        is_whole = all(picture.is_settled for picture in pictures)
        if (num_frames, is_whole) != (self.playback.num_frames, self.playback.is_whole):
            self.playback = self.playback.grown(num_frames, now, is_whole=is_whole)
        if self._wants_to_play and (
            num_frames >= FRAMES_BEFORE_PLAYING or (is_whole and num_frames)
        ):
            self._wants_to_play = False
            self.playback = self.playback.seek(0, now).play(now)
        self._show()
        if self._is_sharp:
            self._sharpen(now)

    def _sharpen(self, now: float) -> None:
        """Draws the frame well once the clip has stood on it for a moment."""
        still, moving = self.query_one(SharpStill), self.query_one(MovingPicture)
        playback = self.playback
        stands_on = None
        if playback.num_frames and not playback.is_playing and not self._wants_to_play:
            stands_on = playback.frame(now)
        if stands_on != self._still_on:
            self._still_on, self._still_since = stands_on, now
            still.clear()
        is_long_enough = now - self._still_since >= STILL_SECONDS
        screen, clip = self.screen, self._clip
        if stands_on is not None and is_long_enough and isinstance(screen, StudioScreen) and clip:
            still.want(screen, clip.path, stands_on)
        moving.display = not still.is_shown

    def show_moment(self, playback: Playback, now: float) -> None:
        """Shows what is due on another player's clock."""
        picture = self.query_one(MovingPicture)
        frame = playback.frame(now) if playback.num_frames else 0
        picture.show_frame(max(0, min(frame, picture.num_frames - 1)))
        seconds = picture.num_frames / FRAMES_PER_SECOND
        position = min(playback.position(now), seconds)
        self.query_one(SoundWave).show_share(position / seconds if seconds else 0.0)
        sign = "▶ " if playback.is_playing else "▌▌"
        number = min(frame + 1, picture.num_frames)
        text = f" {sign} {position:4.1f} / {seconds:.1f} s   frame {number} of {picture.num_frames}"
        label = self.query_one("#time", Static)
        if str(label.content) != text:
            label.update(text if self._clip is not None else "")

    def on_sound_wave_clicked(self, message: SoundWave.Clicked) -> None:
        message.stop()
        self.seek(message.share)

    def _show(self) -> None:
        now = self._now()
        self.show_moment(self.playback, now)
        if self.follower is not None:
            self.follower.show_moment(self.playback, now)

    def _peaks_of(self, clip: LibraryClip) -> tuple[LibraryClip, Sequence[int]]:
        try:
            return clip, self._library.peaks(clip)
        except (OviError, StudioError, OSError):
            return clip, ()  # the picture says what is wrong with the file

    def _peaks_came(self, came: tuple[LibraryClip, Sequence[int]]) -> None:
        clip, peaks = came
        if self._clip is not None and clip.path == self._clip.path:
            self.query_one(SoundWave).show_peaks(peaks)
