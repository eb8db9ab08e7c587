"""The view `rewrite`: a form, the cost before the yes, the rows as they come, review, writing."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.timer import Timer
from textual.widgets import Static

from ovi_studio.actions.inventing import IdeaOrder, IdeaSession
from ovi_studio.actions.reviewing import ReviewFile
from ovi_studio.actions.rewriting import RewriteOrder, RewritePlan, estimate_of, plan_rewrite
from ovi_studio.project.sets import set_name
from ovi_studio.report.plain import printable, shortened
from ovi_studio.report.rewriting import estimate_line
from ovi_studio.rewrite.estimate import Estimate
from ovi_studio.tui.connection_setup import ConnectionSetup
from ovi_studio.tui.messages import RewriteRows, SelectionChanged, SetChanged, ShowRow
from ovi_studio.tui.rewrite_offers import IdeaOffers, RewriteOffers
from ovi_studio.tui.rewrite_runs import IdeaRun, RewriteRun
from ovi_studio.tui.rewrite_saving import Saving
from ovi_studio.tui.rewrite_texts import HINT, cost_text, rows_text
from ovi_studio.tui.screens.base import StudioScreen
from ovi_studio.tui.set_choice import SetChoice
from ovi_studio.tui.threads import in_thread
from ovi_studio.tui.widgets.offer_list import OfferList
from ovi_studio.tui.widgets.review_panel import ReviewPanel
from ovi_studio.tui.widgets.rewrite_form import FormError, RewriteForm

COST_SECONDS = 0.5
"""How long the form has to rest before the cost is counted."""

MAX_ROWS_COUNTED = 1500
"""Sets up to this size have their cost shown while the form is filled in; others at the yes."""


class RewriteScreen(StudioScreen):
    """The view `rewrite`."""

    VIEW = "rewrite"
    BINDING_GROUP_TITLE = "Rewrite"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+r", "start", "Rewrite"),
        Binding("f", "form", "Form"),
        Binding("l", "log", "Log of calls"),
        Binding("ctrl+o", "go_on", "Go on"),
        Binding("ctrl+z", "take_back", "Take the last writing in place back", show=False),
        Binding("o", "open_written", "Open what was written", show=False),
    ]
    DEFAULT_CSS = """
    RewriteScreen {
        #body { height: 1fr; }
        #left-review { height: auto; padding: 0 1; background: $accent 25%; display: none; }
        RewriteForm { width: 40; border-right: solid $border-blurred; }
        ReviewPanel { width: 1fr; }
    }
    RewriteScreen.-wide RewriteForm { width: 52; }
    RewriteScreen.-tall .field { margin-bottom: 1; }
    RewriteScreen.-tall #state { margin-bottom: 1; }
    RewriteScreen.-narrow RewriteForm { width: 100%; border: none; }
    RewriteScreen.-narrow ReviewPanel { width: 100%; display: none; }
    RewriteScreen.-narrow.-reviewing RewriteForm { display: none; }
    RewriteScreen.-narrow.-reviewing ReviewPanel { display: block; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._file: ReviewFile | None = None
        self._unfinished: tuple[RewriteOrder, list[dict[str, Any]]] | None = None
        self._is_planning = False
        self._cost_timer: Timer | None = None
        self._written: Path | None = None
        self._servers = ConnectionSetup(self)
        self._sets = SetChoice(self)

    def compose_view(self) -> ComposeResult:
        """The form at the left, the review at the right; one at a time where it is narrow."""
        yield Static(id="left-review", markup=False)
        with Horizontal(id="body"):
            yield RewriteForm(self.context.remembered.get("rewrite.form", {}))
            yield ReviewPanel()

    def on_mount(self) -> None:
        """Looks for what is there: sets, servers, a review that was left."""
        self._file = ReviewFile(self.context.layout.state.path)
        self.panel.show_offers(None)
        self.panel.show_hint(HINT)
        self._sets.follow_selection()
        self._servers.load()
        self.run_in_thread(self._file.read, self._offer_unfinished)
        self.form.focus_first()

    def on_screen_resume(self) -> None:
        """Sets and servers may be others by now."""
        if self.is_mounted and self._file is not None:
            self._sets.load()
            self._servers.load()

    @property
    def form(self) -> RewriteForm:
        """What is asked for."""
        return self.query_one(RewriteForm)

    @property
    def panel(self) -> ReviewPanel:
        """What has come of it."""
        return self.query_one(ReviewPanel)

    async def before_quitting(self) -> None:
        """Ends calls; every decision is on the disk when this is done."""
        self._remember()
        if self.panel.offers is not None:
            self.panel.offers.run.stop()
        if self.panel.rewrite is not None:
            await in_thread(self.panel.rewrite.run.close)

    # What there is.

    def on_selection_changed(self, _: SelectionChanged) -> None:
        """Another set or other rows are marked in the write view, or just the cursor has moved."""
        self._sets.follow_selection()

    def on_set_changed(self, _: SetChanged) -> None:
        """There may be a new set, or a row more."""
        self._sets.load()

    def on_rewrite_rows(self, message: RewriteRows) -> None:
        """The write view hands rows over."""
        self._sets.take_rows(message.path, message.row_ids)
        self.action_form()

    def on_rewrite_form_set_chosen(self) -> None:
        """The rows that are marked belong to one set."""
        self._sets.show_rows()

    def on_rewrite_form_connection_changed(self) -> None:
        """Asks whether a server on this machine listens."""
        self._servers.check()

    def on_rewrite_form_connection_wanted(self) -> None:
        """Sets a server up."""
        self._servers.set_up()

    # The cost, while the form is filled in.

    def on_rewrite_form_changed(self) -> None:
        """Counts the cost when the form rests."""
        if self._cost_timer is not None:
            self._cost_timer.stop()
        self._cost_timer = self.set_timer(COST_SECONDS, self._count_cost)

    def _count_cost(self) -> None:
        self._remember()
        if self.form.purpose == "idea":
            self.form.say_cost("")
            return
        try:
            order = self.form.rewrite_order()
        except FormError:
            self.form.say_cost("")
            return
        root = self.context.root

        def count() -> str:
            plan = plan_rewrite(order, root)
            is_small = len(plan.tasks) <= MAX_ROWS_COUNTED
            return cost_text(plan, estimate_of(plan) if is_small else None)

        self.run_in_thread(
            count, self.form.say_cost, group="cost", exclusive=True,
            on_error=lambda error: self.form.say_cost(str(error)),
        )  # fmt: skip

    def _remember(self) -> None:
        self.context.remembered.put("rewrite.form", self.form.values())

    # Starting.

    def on_rewrite_form_wanted(self) -> None:
        """The button, or enter in a field."""
        self.action_start()

    def action_start(self) -> None:
        """Counts the cost, asks, and rewrites; a run that was stopped goes on."""
        offers = self.panel.offers
        if offers is not None and offers.run.is_running:
            self.warn("It is running. Stop it first, with escape in the list of rows.")
            return
        self._remember()
        try:
            order = (
                self.form.idea_order()
                if self.form.purpose == "idea"
                else (self.form.rewrite_order())
            )
        except FormError as error:
            self.complain(error)
            self.form.focus_field(error.field)
            return
        if isinstance(order, IdeaOrder):
            self._asking_first(partial(self._plan_idea, order))
        elif (
            self.panel.rewrite is not None
            and self.panel.rewrite.run.plan.order == order
            and (offers is not None and offers.run.is_stopped)
        ):
            self.panel.rewrite.run.start(())
            self._to_rows()
        else:
            self._asking_first(partial(self._plan_rewrite, order))

    def _asking_first(self, go_on: Callable[[], None]) -> None:
        """Begins anew only if nothing that was decided would be lost."""
        undecided = self.panel.num_undecided
        if not undecided and self._unfinished is not None:
            undecided = len(self._unfinished[1])
        if not undecided:
            go_on()
            return
        self.confirm(
            f"Throw the review of {undecided} rows away?", go_on, yes="Throw away", no="Keep it",
            detail="They have new words that are not written yet. w writes them.",
        )  # fmt: skip

    def _plan_rewrite(
        self, order: RewriteOrder, records: list[dict[str, Any]] | None = None
    ) -> None:
        if self._is_planning:
            return
        self._is_planning = True
        root = self.context.root

        def plan() -> tuple[RewritePlan, Estimate | None]:
            planned = plan_rewrite(order, root)
            return planned, estimate_of(planned)

        def show(found: tuple[RewritePlan, Estimate | None]) -> None:
            self._is_planning = False
            planned, estimate = found
            if estimate is None or not estimate.num_rows or records is not None:
                self._run(planned, records)
                return
            self.confirm(
                f"Rewrite {rows_text(len(planned.tasks))}?", lambda: self._run(planned, records),
                yes="Yes, send", no="No", detail=cost_text(planned, estimate), is_destructive=False,
            )  # fmt: skip

        def fail(error: Exception) -> None:
            self._is_planning = False
            self.complain(error)

        self.run_in_thread(plan, show, on_error=fail)

    def _run(self, plan: RewritePlan, records: list[dict[str, Any]] | None) -> None:
        assert self._file is not None, "set when mounted"
        before = self.panel.rewrite
        self._stop_run()
        self._forget_unfinished()
        run = RewriteRun(plan, self._file)
        self.panel.show_offers(RewriteOffers(run))
        run.start(records, after=before.run if before is not None else None)
        self._to_rows()

    def _plan_idea(self, order: IdeaOrder) -> None:
        root = self.context.root

        def open_session(on_wait: Callable[[str, float], None]) -> IdeaSession:
            return IdeaSession(order, root, on_wait=on_wait)

        def count() -> str:
            session = open_session(lambda *_: None)
            said = estimate_line(session.estimate(), session.connection)
            return f"For {session.variant.name}, by {session.connection.label}.\n{said}"

        def ask(said: str) -> None:
            self.confirm(f"Invent {order.count} clips?", go, yes="Yes, send", no="No",
                         detail=said, is_destructive=False)  # fmt: skip

        def go() -> None:
            self._stop_run()
            run = IdeaRun(open_session)
            self.panel.show_offers(IdeaOffers(run, order.count))
            run.start()
            self._to_rows()

        self.run_in_thread(count, ask)

    def _forget_unfinished(self) -> None:
        self._unfinished = None
        self.query_one("#left-review", Static).display = False
        self.refresh_bindings()

    def _stop_run(self) -> None:
        """Ends the earlier run; its calls are over when the new one begins."""
        if self.panel.offers is not None:
            self.panel.offers.run.stop()

    def _to_rows(self) -> None:
        self.add_class("-reviewing")
        self.call_after_refresh(self.query_one(OfferList).focus)

    # A review that was left.

    def _offer_unfinished(self, found: tuple[RewriteOrder, list[dict[str, Any]]] | None) -> None:
        if found is None or self.panel.offers is not None:
            return
        self._unfinished = found
        order, records = found
        rows = {(record.get("row"), record.get("draw")) for record in records}
        about = order.wish.theme or order.wish.language or order.wish.tone or order.wish.voice
        line = self.query_one("#left-review", Static)
        line.update(f"You left a review: {printable(Path(order.source).stem)}, "
                    f"“{shortened(about, 40)}”, {rows_text(len(rows))} with new words. "
                    "ctrl+o goes on from there.")  # fmt: skip
        line.display = True
        self.refresh_bindings()

    def action_go_on(self) -> None:
        """Takes up the review that was left."""
        if self._unfinished is not None and self.panel.offers is None:
            order, records = self._unfinished
            self.form.fill(order)
            self._plan_rewrite(order, records)

    def check_action(
        self,
        action: str,
        parameters: tuple[object, ...],  # noqa: ARG002
    ) -> bool | None:
        """Going on applies where something was left."""
        return self._unfinished is not None if action == "go_on" else True

    # Around.

    def action_form(self) -> None:
        """To the form."""
        self.remove_class("-reviewing")
        self.call_after_refresh(self.form.focus_first)

    def on_rewrite_form_left(self) -> None:
        """From the form to the rows."""
        self._to_rows()

    def on_review_panel_back_wanted(self) -> None:
        """From the rows to the form."""
        self.action_form()

    def action_log(self) -> None:
        """Shows every call that was made."""
        from ovi_studio.tui.screens.call_log import CallLog

        self.app.push_screen(CallLog(self.context.root))

    def on_review_panel_write_wanted(self) -> None:
        """Asks where to, and writes what was accepted."""
        Saving(self, self._note_written).ask(self.panel.offers)

    def _note_written(self, path: Path) -> None:
        self._written = path
        if self._file is not None and self.panel.rewrite is not None:
            self.panel.rewrite.run.forget()
        self.panel.note_written(set_name(path, self.context.layout))
        self.tell(SetChanged(path))

    def action_take_back(self) -> None:
        """Takes the last writing in place back."""
        path = self.form.set_path
        if path is not None:
            Saving(self, self._note_written).take_back(path)

    def action_open_written(self) -> None:
        """Opens the set that was written last, in the write view."""
        if self._written is not None:
            self.show_view("write", ShowRow(self._written))
