"""What a user does with clips, for every screen that shows some: star, tag, note, delete, use.

A screen mixes `ClipActions` in and says which clips are meant; the work itself is in
`ovi_studio/actions/library.py`.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

from textual.binding import Binding, BindingType

from ovi_studio.actions.library import LibraryClip, SettingsChange, TrashedClip
from ovi_studio.errors import StudioError
from ovi_studio.project.clip_notes import clean_note, clean_tag
from ovi_studio.report.plain import shortened
from ovi_studio.tui.clip_session import ClipSession, Undo
from ovi_studio.tui.dialogs import Choice
from ovi_studio.tui.messages import ClipsChanged, QueueChanged, SetChanged, ShowRow
from ovi_studio.tui.screens.base import StudioScreen


class ClipActions(StudioScreen):
    """A screen with clips on it."""

    CLIP_BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "star", "Star"),
        Binding("t", "tag", "Tag"),
        Binding("n", "note", "Note", show=False),
        Binding("u", "use", "Use settings"),
        Binding("o", "open_outside", "Open in player", show=False),
        Binding("d,delete", "trash", "Delete"),
        Binding("r", "reseed", "Render with another seed", show=False),
        Binding("e", "edit_row", "Edit its prompt", show=False),
        Binding("z,ctrl+z", "undo", "Undo", show=False),
    ]

    session: ClipSession

    def meant_clips(self) -> Sequence[LibraryClip]:
        """The clips that an action is about."""
        raise NotImplementedError

    def current_clip(self) -> LibraryClip | None:
        """The one clip that an action for one is about."""
        raise NotImplementedError

    def clips_changed(self) -> None:
        """Called after something was said about clips, or some came or went."""
        self.tell(ClipsChanged())

    # What is said about them.

    def action_star(self) -> None:
        """Stars clips; takes the stars if all have one."""
        clips, library = self.meant_clips(), self.session.library
        on = not all(clip.is_starred for clip in clips)
        changed = [clip for clip in clips if clip.is_starred != on]
        self._change(
            changed,
            "star" if on else "unstar",
            lambda: library.star(changed, on),
            lambda: library.star(changed, not on),
        )

    def action_tag(self) -> None:
        """Asks for the tags of clips."""
        clips = self.meant_clips()
        if not clips:
            return
        tags = list(dict.fromkeys(tag for clip in clips for tag in clip.tags))
        has = shortened(" ".join(f"#{tag}" for tag in tags), 40) or "none"
        self.ask_text(
            f"Tags to add (now {has})",
            lambda text: self._set_tags(clips, text.split()),
            placeholder="good final · -bad takes one off",
            find_problem=_problem_with_tags,
        )

    def _set_tags(self, clips: Sequence[LibraryClip], words: Sequence[str]) -> None:
        library = self.session.library
        gone = [clean_tag(word[1:]) for word in words if word.startswith("-")]
        added = [clean_tag(word) for word in words if not word.startswith("-")]

        def change() -> None:
            for tag in gone:
                library.untag(clips, tag)
            for tag in added:
                library.tag(clips, tag)

        def undo() -> None:
            for clip in clips:
                for tag in added:
                    library.untag(clip, tag)
                for tag in clip.tags:
                    library.tag(clip, tag)

        if added or gone:
            self._change(clips, "tags", change, undo)

    def action_note(self) -> None:
        """Asks for the note of the clip."""
        clip, library = self.current_clip(), self.session.library
        if clip is None:
            return
        self.ask_text(
            f"Note on {shortened(clip.name, 50)}",
            lambda text: self._change(
                [clip],
                "note",
                lambda: library.note(clip, text),
                lambda: library.note(clip, clip.note),
            ),
            value=clip.note,
            placeholder="what is good or bad about it",
            find_problem=lambda text: _problem(lambda: clean_note(text)),
        )

    def _change(
        self,
        clips: Sequence[LibraryClip],
        name: str,
        do: Callable[[], object],
        undo: Callable[[], object],
    ) -> None:
        """Changes what is said about clips, and remembers how to take it back."""
        if not clips:
            return

        def then(told: object) -> None:
            if isinstance(told, str):
                self.warn(told)
            self.session.remember(Undo(name, undo))
            self.clips_changed()

        self.run_in_thread(do, then)

    # Deleting.

    def action_trash(self) -> None:
        """Asks, and moves clips to the trash."""
        clips = tuple(self.meant_clips())
        if not clips:
            return
        shown = shortened(clips[0].path.name, 60) if len(clips) == 1 else f"{len(clips)} clips"
        self.confirm(
            f"Move {shown} to the trash?",
            lambda: self.run_in_thread(lambda: self.session.library.trash(clips), self._trashed),
            yes="Delete",
            detail="z brings it back; T shows the trash.",
        )

    def _trashed(self, gone: list[TrashedClip]) -> None:
        library = self.session.library
        self.session.remember(Undo("deleting", lambda: library.restore(gone)))
        number = "1 clip" if len(gone) == 1 else f"{len(gone)} clips"
        self.say(f"{number} in the trash; z brings it back.")
        self.clips_changed()

    def action_undo(self) -> None:
        """Takes the last act back."""
        if not self.session.undos:
            self.say("There is nothing to undo.")
            return
        last = self.session.undos.pop()

        def then(_: object) -> None:
            self.say(f"Undone: {last.name}.")
            if last.then is not None:
                last.then()
            self.clips_changed()

        self.run_in_thread(last.undo, then)

    # What follows from a choice.

    def action_open_outside(self) -> None:
        """Opens the clip in the system's player."""
        clip, library = self.current_clip(), self.session.library
        if clip is not None:
            self.run_in_thread(lambda: library.open(clip))

    def action_use(self) -> None:
        """Shows what the clip's seed and settings change in its row, and asks."""
        clip, library = self.current_clip(), self.session.library
        if clip is not None:
            self.run_in_thread(lambda: library.plan_use(clip), self._ask_use)

    def _ask_use(self, change: SettingsChange) -> None:
        row = f"{change.row.path.name} row {change.row.row_id}"
        lines = [
            f"{cell.column}: {shortened(cell.before, 30) or 'empty'} → "
            f"{shortened(cell.after, 40) or 'empty'}"
            + ("  (new column)" if cell.column in change.new_columns else "")
            for cell in change.cells
        ]
        if not change.cells:
            self.say("\n".join((f"{row} has this seed and these settings already.", *change.notes)))
            return
        self.choose(
            f"Write this into {row}?",
            (Choice("w", "Write", "write"), Choice("n", "No", "no")),
            lambda value: self._use(change) if value == "write" else None,
            "\n".join((*lines, *change.notes)),
        )

    def _use(self, change: SettingsChange) -> None:
        library = self.session.library
        path = change.row.path

        def told() -> None:
            self.tell(SetChanged(path))

        def then(_: object) -> None:
            undo = Undo("writing settings", lambda: library.undo_use(change), told)
            self.session.remember(undo)
            self.say(f"Written into {path.name} row {change.row.row_id}; z takes it back.")
            told()

        self.run_in_thread(lambda: library.write_use(change), then)

    def action_reseed(self) -> None:
        """Asks for a seed, and renders the clip again with it."""
        clip = self.current_clip()
        if clip is None:
            return

        def next_one() -> int:
            from ovi_studio.actions.clip_reseeding import next_seed

            return next_seed(clip, self.session.library.clips())

        def ask(seed: int) -> None:
            self.ask_text(
                f"Render {shortened(clip.name, 40)} again with the seed",
                lambda text: self._reseed(clip.path, int(text)),
                value=str(seed),
                find_problem=_problem_with_seed,
            )

        self.run_in_thread(next_one, ask)

    def _reseed(self, path: Path, seed: int) -> None:
        def work() -> int:
            from ovi_studio.actions.clip_reseeding import reseed_clip

            return reseed_clip(path, seed, self.session.library.layout).id

        def then(job_id: int) -> None:
            self.say(f"Job {job_id} renders it in the background; 3 shows the queue.")
            self.tell(QueueChanged())

        self.run_in_thread(work, then)

    def action_edit_row(self) -> None:
        """Opens the clip's row in the write view."""
        clip, layout = self.current_clip(), self.session.library.layout
        if clip is None:
            return

        def find() -> ShowRow:
            from ovi_studio.actions.clip_settings import find_row

            row = find_row(clip.set_name, clip.row_id, layout)
            return ShowRow(row.path, row.row_id)

        self.run_in_thread(find, lambda message: self.show_view("write", message))


def _problem(check: Callable[[], object]) -> str | None:
    try:
        check()
    except StudioError as error:
        return str(error)
    return None


def _problem_with_tags(text: str) -> str | None:
    return _problem(lambda: [clean_tag(word.removeprefix("-")) for word in text.split()])


def _problem_with_seed(text: str) -> str | None:
    is_seed = text.strip().isdecimal() and len(text.strip()) < 19
    return None if is_seed else "A seed is a whole number from 0."
