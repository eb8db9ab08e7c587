"""What the views of the studio tell each other.

Two ways, both in `app.py`: `tell` gives a message to every view that was ever opened, `show` opens
a view and gives it the message. None of them bubbles; a view handles `on_set_changed` and so on.
"""

from collections.abc import Sequence
from pathlib import Path

from textual.message import Message


class StudioMessage(Message, bubble=False):
    """Base of all of them."""


class SetChanged(StudioMessage):
    """The file of a set was written, here or by another program. Told to all."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path


class SelectionChanged(StudioMessage):
    """The current set, the current row or the selected rows are others now; see the context."""


class QueueChanged(StudioMessage):
    """Jobs were added, moved, stopped or forgotten: look again at once. Told to all."""


class ClipsChanged(StudioMessage):
    """A clip was finished, starred, tagged, noted or moved to the trash. Told to all."""


class ShowRow(StudioMessage):
    """For the write view: show this row of this set and put the cursor into its editor."""

    def __init__(self, path: Path, row_id: str | None = None) -> None:
        super().__init__()
        self.path = path
        self.row_id = row_id


class RewriteRows(StudioMessage):
    """For the rewrite view: these rows are to be rewritten."""

    def __init__(self, path: Path, row_ids: Sequence[str]) -> None:
        super().__init__()
        self.path = path
        self.row_ids = tuple(row_ids)


class RenderRows(StudioMessage):
    """For the render view: plan these rows; all of the set where none is named.

    Nothing is rendered before the user has seen the plan and said yes.
    """

    def __init__(self, path: Path, row_ids: Sequence[str] = ()) -> None:
        super().__init__()
        self.path = path
        self.row_ids = tuple(row_ids)


class ShowJob(StudioMessage):
    """For the render view: put the cursor on this job of the queue."""

    def __init__(self, job_id: int) -> None:
        super().__init__()
        self.job_id = job_id


class ShowClip(StudioMessage):
    """For the choose view: put the cursor on this clip; None: on the newest."""

    def __init__(self, path: Path | None = None) -> None:
        super().__init__()
        self.path = path
