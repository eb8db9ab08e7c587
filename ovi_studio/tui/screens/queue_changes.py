"""What is done to the jobs of the queue by keys: pause, cancel, retry, order, forget, play.

The part of the view `render` that changes something; what it looks like is in `render.py`.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar, TypeVar

from textual.binding import Binding, BindingType

from ovi_studio.actions.queue_control import QueueControl
from ovi_studio.actions.queue_watching import QueueSnapshot
from ovi_studio.render.job import JobStatus, RenderJob
from ovi_studio.render.keeper import start_keeper
from ovi_studio.render.ordering import Place
from ovi_studio.report.queue_watch import clip_name
from ovi_studio.tui.dialogs import Choice
from ovi_studio.tui.messages import QueueChanged
from ovi_studio.tui.screens.base import StudioScreen
from ovi_studio.tui.visible_text import one_line
from ovi_studio.tui.widgets.queue_table import QueueTable

Result = TypeVar("Result")


class QueueChanges(StudioScreen):
    """A view with a queue in it that can be changed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "pause", "Pause", tooltip="Pause the queue, or let it go on"),
        Binding("x,delete", "cancel", "Cancel"),
        Binding("r", "retry", "Retry"),
        Binding("K,shift+up", "shift(-1)", "Earlier", show=False),
        Binding("J,shift+down", "shift(1)", "Later", show=False),
        Binding("t", "place(True)", "First", show=False, tooltip="Take it first"),
        Binding("b", "place(False)", "Last", show=False, tooltip="Take it last"),
        Binding(
            "c", "clear", "Clear", show=False, tooltip="Forget jobs that have ended; files stay"
        ),
        Binding("o", "play", "Play", show=False, tooltip="Play the clip in the system's player"),
    ]

    _snapshot = QueueSnapshot()
    """the queue as it was last seen"""

    @staticmethod
    def keep_queue(queue_path: Path) -> object:
        """Sees to it that workers are there, also once this process is gone."""
        return start_keeper(queue_path)

    @property
    def _table(self) -> QueueTable:
        return self.query_one(QueueTable)

    def _control(self) -> QueueControl:
        return QueueControl(
            self.context.layout, on_rescue=self.rescue_talk(), keep_queue=self.keep_queue
        )

    def rescue_talk(self) -> Callable[[str], None]:
        """Tells what became of a damaged queue; it is called in a thread."""
        return lambda text: self.app.call_from_thread(self.warn, text)

    def _change(self, work: Callable[[], Result], say: Callable[[Result], str]) -> None:
        """Changes the queue in a thread, says what came of it, and has all views look again."""

        def done(result: Result) -> None:
            self.say(say(result))
            self.tell(QueueChanged())

        self.run_in_thread(work, done, group="queue")

    def action_pause(self) -> None:
        """Pauses the queue, or lets it go on; also when it waits and nobody renders."""
        control = self._control()
        if self._snapshot.paused_since is None and not self._snapshot.is_stalled:
            self._change(control.pause, lambda _: "Paused: the clip at work is finished.")
        else:
            self._change(control.resume, lambda found: f"The queue goes on; {found[1]} waiting.")

    def action_cancel(self) -> None:
        """Stops the marked jobs, or the one under the cursor."""
        jobs = [job for job in self._meant_jobs() if not job.status.is_finished]
        if not jobs:
            self.say("Nothing to cancel: the job has ended.")
            return
        control, words = self._control(), [str(job.id) for job in jobs]

        def cancel() -> None:
            self._change(
                lambda: control.cancel(words),
                lambda stopped: f"{counted_clips(len(stopped))} cancelled.",
            )
            self._table.clear_marks()

        num_running = sum(job.status.is_with_worker for job in jobs)
        detail = "What is rendered of the clip is lost; r tries it again." if num_running else ""
        self.confirm(
            f"Cancel {_named(jobs)}?", cancel, yes="Cancel it", no="Keep it", detail=detail
        )

    def action_retry(self) -> None:
        """Lets failed and cancelled jobs wait again."""
        words = [str(job.id) for job in self._meant_jobs()]
        control = self._control()

        def said(found: tuple[list[RenderJob], list[RenderJob]]) -> str:
            again, others = found
            if again or not others:
                return f"{counted_clips(len(again))} back in the queue."
            return (
                "Only failed and cancelled jobs are tried again, unless a newer job has the clip."
            )

        if words:
            self._change(lambda: control.retry(words), said)
            self._table.clear_marks()

    def action_place(self, is_first: bool) -> None:
        """Puts waiting jobs before or behind all others that wait."""
        ids = [job.id for job in self._meant_jobs() if job.status is JobStatus.PENDING]
        self._move(ids, Place(is_first=is_first))

    def action_shift(self, by: int) -> None:
        """Moves waiting jobs one place up or down."""
        jobs = [view.job for view in self._snapshot.jobs if view.job.status is JobStatus.PENDING]
        waiting = [job.id for job in jobs]
        meant = {job.id for job in self._meant_jobs()}
        ids = [job_id for job_id in waiting if job_id in meant]
        others = [job_id for job_id in waiting if job_id not in meant]
        if not ids or not others:
            self._move(ids, Place())
            return
        behind = sum(waiting.index(other) < waiting.index(ids[0]) for other in others)
        at = max(0, behind + by)
        self._move(ids, Place(before=others[at]) if at < len(others) else Place())

    def _move(self, ids: Sequence[int], place: Place) -> None:
        if not ids:
            self.say("Only waiting jobs have a place that can be changed.")
            return
        control, words = self._control(), [str(job_id) for job_id in ids]

        def moved(waiting: list[RenderJob]) -> str:
            number = next((n for n, job in enumerate(waiting, 1) if job.id == ids[0]), 0)
            return f"Job {ids[0]} is number {number} of {len(waiting)} that wait."

        self._change(lambda: control.move(words, place), moved)

    def action_clear(self) -> None:
        """Forgets jobs that have ended; files stay."""
        ended = [view.job for view in self._snapshot.jobs if view.job.status.is_finished]
        groups = {
            "m": ("marked", [job for job in ended if job.id in self._table.marked]),
            "d": ("done", [job for job in ended if job.status is JobStatus.DONE]),
            "a": ("all ended", ended),
        }
        choices = [Choice("k", "Keep all", "")]
        choices += [
            Choice(key, f"{name.capitalize()} ({len(jobs)})", key, is_destructive=True)
            for key, (name, jobs) in groups.items()
            if jobs
        ]
        if len(choices) == 1:
            self.say("No job has ended.")
            return
        control = self._control()

        def clear(key: str) -> None:
            if key:
                self._table.clear_marks()
                self._change(lambda: control.clear(groups[key][1]), lambda n: f"{n} forgotten.")

        self.choose("Forget which jobs?", choices, clear, "Clips and other files stay.")

    def action_play(self) -> None:
        """Plays the clip of a finished job in the system's player."""
        job = self._done_job()
        if job is not None:
            from ovi_studio.actions.clip_player import open_clip

            path = job.task.output
            self.run_in_thread(lambda: open_clip(path), lambda _: self.say(f"Playing {path.name}."))

    def _meant_jobs(self) -> list[RenderJob]:
        """The marked jobs, or the one under the cursor, as they were last seen."""
        ids = set(self._table.meant_ids)
        return [view.job for view in self._snapshot.jobs if view.job.id in ids]

    def _done_job(self, *, complains: bool = True) -> RenderJob | None:
        """The job under the cursor, if its clip is there."""
        view = self._table.current
        if view is not None and view.job.status is JobStatus.DONE:
            return view.job
        if complains:
            self.say("The job has no clip yet.")
        return None


def counted_clips(number: int) -> str:
    return "1 clip" if number == 1 else f"{number} clips"


def _named(jobs: Sequence[RenderJob]) -> str:
    if len(jobs) == 1:
        return f"job {jobs[0].id} ({one_line(clip_name(jobs[0]), 50)})"
    return f"{len(jobs)} jobs"
