"""The clips of a project, and everything a user does with them: for every screen and `ovi clips`.

The parts are in files of their own: `clip_finding.py` reads, `clip_pictures.py` shows,
`clip_trash.py` deletes and brings back, `clip_settings.py` writes a winner's settings into its row.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from ovi_studio.actions.clip_comparison import Difference, compare_clips, recipe_lines
from ovi_studio.actions.clip_finding import ClipFinder, LibraryClip
from ovi_studio.actions.clip_pictures import ClipPictures, SmallFrame, iter_frames
from ovi_studio.actions.clip_player import open_clip
from ovi_studio.actions.clip_trash import ClipTrash, TrashedClip
from ovi_studio.actions.settings_change import SettingsChange
from ovi_studio.errors import UsageError
from ovi_studio.project.clip_notes import ClipNote, ClipNotes, SaidOfClips, clean_note, clean_tag
from ovi_studio.project.layout import ProjectLayout

__all__ = [
    "ClipLibrary",
    "Difference",
    "LibraryClip",
    "SettingsChange",
    "SmallFrame",
    "TrashedClip",
    "compare_clips",
    "recipe_lines",
    "select_clips",
]

MIN_IDENTITY_DIGITS = 4


class ClipLibrary:
    """The clips of one project. Use it in any thread."""

    def __init__(self, layout: ProjectLayout) -> None:
        """Looks at nothing yet."""
        self.layout = layout
        self.pictures = ClipPictures(layout.state.thumbnail_folder)
        self._finder = ClipFinder(layout)
        self._notes = ClipNotes(layout.clip_notes_path)
        self._trash = ClipTrash(layout, self._finder)
        self._said = SaidOfClips()
        self._stamp: object = None
        self._found: list[LibraryClip] | None = None
        self._clips: list[LibraryClip] = []
        self._looking = threading.Lock()

    def clips(self) -> list[LibraryClip]:
        """All clips, newest first, with what the user says about them.

        Cheap when asked again, and the same list if nothing has changed: leave it as it is.
        """
        with self._looking:
            found, stamp = self._finder.find(), self._notes.stamp()
            if found is self._found and stamp == self._stamp:
                return self._clips
            if stamp != self._stamp:
                self._said, self._stamp = self._notes.read(), stamp
            self._found = found
            self._clips = [_with_note(clip, self._said.of(clip.identity)) for clip in found]
            return self._clips

    @property
    def notes_fault(self) -> str | None:
        """Why stars, tags and notes cannot be shown, as of the last `clips`."""
        return self._said.fault

    # What the user says about clips. Each returns a sentence if something has to be told, and
    # raises ClipNotesError or PromptFileError when it cannot be written.

    def star(self, clips: LibraryClip | Iterable[LibraryClip], on: bool = True) -> str | None:
        """Sets or takes the star of clips."""
        return self._say(clips, lambda note: replace(note, is_starred=on))

    def tag(self, clips: LibraryClip | Iterable[LibraryClip], tag: str) -> str | None:
        """Adds a tag. Raises UsageError for what cannot be one."""
        clean = clean_tag(tag)
        return self._say(clips, lambda note: replace(note, tags=_with_tag(note.tags, clean)))

    def untag(self, clips: LibraryClip | Iterable[LibraryClip], tag: str) -> str | None:
        """Takes a tag off, if it is there; capital letters do not matter."""
        gone = clean_tag(tag).casefold()
        return self._say(
            clips,
            lambda note: replace(
                note, tags=tuple(tag for tag in note.tags if tag.casefold() != gone)
            ),
        )

    def note(self, clips: LibraryClip | Iterable[LibraryClip], text: str) -> str | None:
        """Replaces the note; an empty one removes it. Raises UsageError for one too long."""
        clean = clean_note(text)
        return self._say(clips, lambda note: replace(note, text=clean))

    def _say(
        self,
        clips: LibraryClip | Iterable[LibraryClip],
        edit: Callable[[ClipNote], ClipNote],
    ) -> str | None:
        aside = self._notes.change([clip.identity for clip in _several(clips)], edit)
        if aside is None:
            return None
        return f"{self._notes.path.name} could not be understood and is now {aside.name}."

    # Deleting.

    def trash(self, clips: LibraryClip | Iterable[LibraryClip]) -> list[TrashedClip]:
        """Moves clips to the trash of the project. Raises TrashError at the first that stays."""
        return [self._trash.put(clip.path) for clip in _several(clips)]

    def trashed(self) -> list[TrashedClip]:
        """What is in the trash, the latest first."""
        return self._trash.clips()

    def restore(self, clips: Iterable[TrashedClip]) -> list[Path]:
        """Brings clips back; returns where they are. Raises TrashError."""
        return [self._trash.restore(clip) for clip in clips]

    def empty_trash(self, clips: Sequence[TrashedClip] | None = None) -> list[TrashedClip]:
        """Removes trashed clips for good, all if none are named; returns those that are gone."""
        return self._trash.empty(self._trash.clips() if clips is None else clips)

    # Looking. All of these may take a second and raise MediaError.

    def thumbnails(self, clip: LibraryClip) -> Path:
        """A JPEG of `STRIP_FRAMES` frames side by side, made once."""
        return self.pictures.strip(clip)

    def waveform(self, clip: LibraryClip) -> Path:
        """A PNG of the sound over time, made once."""
        return self.pictures.waveform(clip)

    def peaks(self, clip: LibraryClip) -> Sequence[int]:
        """The loudness of the sound over time, 0 to 255, for whoever draws it himself."""
        return self.pictures.peaks(clip)

    def frames(
        self, clip: LibraryClip, height: int, width: int | None = None
    ) -> Iterator[SmallFrame]:
        """All frames, `FRAMES_PER_SECOND` of them, fitted into a box of pixels."""
        return iter_frames(clip.path, height, width)

    def open(self, clip: LibraryClip) -> None:
        """Shows a clip in the system's player. Raises UsageError where there is none."""
        open_clip(clip.path)

    # The winner.

    def plan_use(
        self, clip: LibraryClip, *, set_path: Path | None = None, with_prompt: bool = False
    ) -> SettingsChange:
        """What `use` would write; changes nothing. Raises UsageError, PromptFileError."""
        from ovi_studio.actions.clip_settings import plan_settings  # brings all of planning

        return plan_settings(clip.path, self.layout, set_path=set_path, with_prompt=with_prompt)

    def use(
        self, clip: LibraryClip, *, set_path: Path | None = None, with_prompt: bool = False
    ) -> SettingsChange:
        """Writes the clip's seed and settings into its row; returns what changed. Raises too."""
        change = self.plan_use(clip, set_path=set_path, with_prompt=with_prompt)
        self.write_use(change)
        return change

    def write_use(self, change: SettingsChange) -> None:
        """Writes what `plan_use` showed. Raises PromptFileError if the row has changed since."""
        from ovi_studio.actions.clip_settings import write_settings

        write_settings(change)

    def undo_use(self, change: SettingsChange) -> None:
        """Puts the row's cells back. Raises PromptFileError if they were changed since."""
        from ovi_studio.actions.clip_settings import undo_settings

        undo_settings(change)


def select_clips(words: Sequence[str], clips: Sequence[LibraryClip]) -> list[LibraryClip]:
    """The clips that the words name, in the order of the words.

    A word is a path, a file's name, `SET:ROW`, the beginning of an identity, `latest`, `starred` or
    `all`. Raises UsageError for a word that names none, and for one that begins several identities.
    """
    found: dict[Path, LibraryClip] = {}
    for word in words:
        named = _named(word, clips)
        if not named:
            raise UsageError(
                f"There is no clip {word!r}. Name a file, SET:ROW, latest, or the first letters of "
                "an identity; `ovi clips list` shows them."
            )
        found |= {clip.path: clip for clip in named}
    return list(found.values())


def _named(word: str, clips: Sequence[LibraryClip]) -> list[LibraryClip]:
    if word in ("all", "starred", "latest"):
        chosen = [clip for clip in clips if word != "starred" or clip.is_starred]
        return chosen[:1] if word == "latest" else chosen
    by_name = [clip for clip in clips if word in (clip.path.name, clip.name)]
    if by_name:
        return by_name
    path = Path(word)
    by_path = [clip for clip in clips if clip.path in (path, path.absolute(), path.resolve())]
    if by_path:
        return by_path
    by_row = [clip for clip in clips if word == f"{clip.set_name}:{clip.row_id}"]
    if by_row or len(word) < MIN_IDENTITY_DIGITS:
        return by_row
    by_identity = [
        clip for clip in clips if clip.identity.removeprefix("file-").startswith(word.lower())
    ]
    if len({clip.identity for clip in by_identity}) > 1:
        raise UsageError(f"Several clips begin with {word!r}; give more of the identity.")
    return by_identity


def _several(clips: LibraryClip | Iterable[LibraryClip]) -> list[LibraryClip]:
    return [clips] if isinstance(clips, LibraryClip) else list(clips)


def _with_note(clip: LibraryClip, note: ClipNote) -> LibraryClip:
    if not (note.is_starred or note.tags or note.text):
        return clip
    return replace(clip, is_starred=note.is_starred, tags=note.tags, note=note.text)


def _with_tag(tags: tuple[str, ...], tag: str) -> tuple[str, ...]:
    known = {one.casefold() for one in tags}
    return tags if tag.casefold() in known else (*tags, tag)
