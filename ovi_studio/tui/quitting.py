"""What is asked before the studio ends: about clips at work, and what could not be saved."""

from functools import partial
from typing import TYPE_CHECKING

from ovi_studio.actions.queue_counts import QueueCounts, count_queue
from ovi_studio.tui.dialogs import Choice, ChoiceDialog, WaitDialog
from ovi_studio.tui.threads import in_thread

if TYPE_CHECKING:
    from ovi_studio.tui.app import StudioApp

STAY, RUN_ON, STOP, LOSE = "stay", "run on", "stop", "lose"

CHOICES = (
    Choice("n", "No, stay", STAY),
    Choice("b", "Quit, render on in the background", RUN_ON),
    Choice("s", "Stop rendering, quit", STOP, is_destructive=True),
)

UNSAVED = (
    Choice("n", "No, stay", STAY),
    Choice("y", "Quit without it", LOSE, is_destructive=True),
)


async def save_work(app: "StudioApp") -> bool:
    """Saves what was written; asks where that fails. Returns whether the studio may end."""
    problems = [problem for screen in app.views() for problem in await screen.save_work()]
    if not problems:
        return True
    question = "What you wrote could not be saved. Quit without it?"
    answer = await app.push_screen_wait(ChoiceDialog(question, UNSAVED, " ".join(problems)))
    return answer == LOSE


async def leave(app: "StudioApp") -> bool:
    """Asks if need be, and does what is answered. Returns whether the studio may end."""
    counts = await in_thread(partial(count_queue, app.context.layout))
    if counts.unfinished == 0 or (counts.is_paused and counts.running == 0):
        return True
    answer = await app.push_screen_wait(ChoiceDialog(question(counts), CHOICES, DETAIL))
    if answer == STOP:
        return await _stop(app)
    if answer == RUN_ON:
        await in_thread(partial(_keep_running, app))
        return True
    return False


DETAIL = (
    "In the background the clips are finished without the studio; open it again to see how far "
    "they are. Clips that are stopped are kept in the queue: `ovi render --resume` goes on."
)


def question(counts: QueueCounts) -> str:
    """What is asked, with the numbers."""
    parts = []
    if counts.running:
        parts.append(f"{counts.running} rendering")
    if counts.waiting:
        parts.append(f"{counts.waiting} waiting")
    clips = "clip is" if counts.unfinished == 1 else "clips are"
    return f"{counts.unfinished} {clips} not finished: {', '.join(parts)}. Quit?"


def _keep_running(app: "StudioApp") -> None:
    """Leaves a keeper behind, for clips whose own command has ended meanwhile."""
    from ovi_studio.actions.queue_control import QueueControl

    QueueControl(app.context.layout, on_rescue=lambda _: None).keep_going()


async def _stop(app: "StudioApp") -> bool:
    from ovi_studio.actions.stopping import stop_work

    dialog = WaitDialog("Stopping. The clip at work is given up…", "Do not wait: kill the worker")
    app.push_screen(dialog)
    try:
        stop = partial(stop_work, app.context.layout, is_hurried=lambda: dialog.is_hurried)
        await in_thread(stop)
    except Exception as error:
        dialog.dismiss()
        app.complain(error)
        return False
    return True
