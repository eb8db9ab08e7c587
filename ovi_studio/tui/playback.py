"""The clock of a clip that is played: which frame is due now. Draws nothing and knows no screen.

Time is that of `time.monotonic`, and is handed in. A frame that comes too late is left out: the
clock never waits for the screen.
"""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Playback:
    """Where a clip that is played over and over stands."""

    num_frames: int = 0
    frames_per_second: float = 24.0
    is_playing: bool = False
    anchor: float = 0.0
    """when playing began, as if from the first frame; while paused the seconds into the clip"""
    is_whole: bool = True
    """False while more frames are to come: then the last one waits for them"""

    @property
    def seconds(self) -> float:
        """How long the clip is."""
        return self.num_frames / self.frames_per_second

    def position(self, now: float) -> float:
        """Seconds into the clip."""
        if not self.num_frames:
            return 0.0
        if not self.is_playing:
            return min(self.anchor, self.seconds)
        passed = now - self.anchor
        return passed % self.seconds if self.is_whole else min(passed, self.seconds)

    def frame(self, now: float) -> int:
        """The frame that is due, counted from 0."""
        due = int(self.position(now) * self.frames_per_second + 1e-6)
        return max(0, min(self.num_frames - 1, due))

    def play(self, now: float) -> "Playback":
        """Goes on; from the beginning if it stood at the end."""
        if self.is_playing:
            return self
        start = 0.0 if self.frame(now) >= self.num_frames - 1 else self.anchor
        return replace(self, is_playing=True, anchor=now - start)

    def pause(self, now: float) -> "Playback":
        """Stands still on the frame that is due."""
        return replace(self, is_playing=False, anchor=self._start_of(self.frame(now)))

    def toggle(self, now: float) -> "Playback":
        """Pauses or goes on."""
        return self.pause(now) if self.is_playing else self.play(now)

    def step(self, frames: int, now: float) -> "Playback":
        """Stands still so many frames further on, at the ends going round."""
        if not self.num_frames:
            return self
        return self.seek((self.frame(now) + frames) % self.num_frames, now)

    def seek(self, frame: int, now: float) -> "Playback":
        """Stands still on a frame."""
        frame = max(0, min(self.num_frames - 1, frame))
        return replace(self.pause(now), anchor=self._start_of(frame))

    def grown(self, num_frames: int, now: float, *, is_whole: bool) -> "Playback":
        """The same moment, once more frames are known."""
        position = self.position(now)
        resized = replace(self, num_frames=num_frames, is_whole=is_whole)
        anchor = now - position if self.is_playing else position
        return replace(resized, anchor=anchor)

    def _start_of(self, frame: int) -> float:
        return max(0, frame) / self.frames_per_second
