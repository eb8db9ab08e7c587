"""What the buttons of the queue on the page do."""

from ovi_studio.actions.queue_control import QueueControl
from ovi_studio.errors import UsageError
from ovi_studio.render.job import JobStatus, RenderJob
from ovi_studio.render.ordering import Place
from ovi_studio.web.context import WebContext
from ovi_studio.web.page_markup import counted


class QueueButtons:
    """What the buttons of the queue do. Each returns what to tell the user, or None.

    All raise StudioError with a message to show.
    """

    def __init__(self, context: WebContext) -> None:
        self._control = QueueControl(
            context.layout, on_rescue=lambda _: None, keep_queue=context.keep_queue
        )

    def press(self, act: str, job: str) -> str | None:
        """Does what a button says; `job` is the job's number where it is about one."""
        if act in _ABOUT_ALL:
            return _ABOUT_ALL[act](self._control)
        return _ABOUT_ONE[act](self._control, read_number(job))

    def knows(self, act: str) -> bool:
        """Whether there is such a button."""
        return act in _ABOUT_ALL or act in _ABOUT_ONE

    def job(self, job: str) -> RenderJob:
        """The job of that number."""
        return self._control.describe(read_number(job))[0]


def read_number(job: str) -> int:
    """The number of a job as a button carries it. Raises UsageError."""
    if not (job.isascii() and job.isdecimal() and len(job) < 16):
        raise UsageError("That is no job's number. Load the page anew.")
    return int(job)


def _pause(control: QueueControl) -> str | None:
    control.pause()
    return None


def _resume(control: QueueControl) -> str | None:
    control.resume()
    return None


def _cancel_all(control: QueueControl) -> str | None:
    stopped = control.cancel(["waiting", "running"])
    return f"Stopped: {counted(len(stopped), 'job')}."


def _clear(control: QueueControl) -> str | None:
    number = control.clear(control.finished(["all"]))
    return f"Forgotten: {counted(number, 'job')}. The clips stay."


def _cancel(control: QueueControl, number: int) -> str | None:
    stopped = control.cancel([str(number)])
    return None if stopped else f"Job {number} has ended already."


def _retry(control: QueueControl, number: int) -> str | None:
    again, others = control.retry([str(number)])
    if again:
        return None
    return f"Job {number} cannot be tried again: it is {others[0].status.lower()}."


def _first(control: QueueControl, number: int) -> str | None:
    control.move([str(number)], Place(is_first=True))
    return None


def _up(control: QueueControl, number: int) -> str | None:
    waiting = _waiting(control)
    place = waiting.index(number) if number in waiting else 0
    control.move([str(number)], Place(before=waiting[place - 1]) if place else Place(is_first=True))
    return None


def _down(control: QueueControl, number: int) -> str | None:
    waiting = _waiting(control)
    place = waiting.index(number) if number in waiting else len(waiting)
    after_next = waiting[place + 2 : place + 3]
    control.move([str(number)], Place(before=after_next[0]) if after_next else Place())
    return None


def _waiting(control: QueueControl) -> list[int]:
    return [job.id for job in control.view().jobs if job.status is JobStatus.PENDING]


_ABOUT_ALL = {"pause": _pause, "resume": _resume, "cancel-all": _cancel_all, "clear": _clear}
_ABOUT_ONE = {
    "cancel": _cancel, "retry": _retry, "move-first": _first, "move-up": _up, "move-down": _down,
}  # fmt: skip
