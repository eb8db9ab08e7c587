"""The view `rewrite`: a form, the cost before the yes, the rows as they come, review, writing."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.timer import Timer

from ovi_studio.actions.connections import (
    PRESETS,
    ConnectionChoice,
    add_connection,
    list_connections,
    server_problem,
)
from ovi_studio.actions.inventing import IdeaOrder, IdeaSession
from ovi_studio.actions.reviewing import ReviewFile
from ovi_studio.actions.rewriting import RewriteOrder, RewritePlan, estimate_of, plan_rewrite
from ovi_studio.errors import StudioError
from ovi_studio.project.sets import find_sets, set_folder, set_name
from ovi_studio.report.rewriting import estimate_line, plan_lines
from ovi_studio.rewrite.connection import Connection
from ovi_studio.rewrite.estimate import Estimate
from ovi_studio.tui.dialogs import Choice
from ovi_studio.tui.messages import RewriteRows, SelectionChanged, SetChanged
from ovi_studio.tui.rewrite_offers import IdeaOffers, RewriteOffers
from ovi_studio.tui.rewrite_runs import IdeaRun, RewriteRun
from ovi_studio.tui.rewrite_saving import Saving
from ovi_studio.tui.screens.base import StudioScreen
from ovi_studio.tui.widgets.offer_list import OfferList
from ovi_studio.tui.widgets.review_panel import ReviewPanel
from ovi_studio.tui.widgets.rewrite_form import FormError, RewriteForm

COST_SECONDS = 0.5
"""How long the form has to rest before the cost is counted."""

MAX_ROWS_COUNTED = 1500
"""Sets up to this size have their cost shown while the form is filled in; others at the yes."""

HINT = """\
What to say, in other words: choose a set, write a theme, and press ctrl+r.

Only the chosen part changes; tags, scene and sound stay byte for byte. Each line fits its time in \
the clip, and nothing is written before you have accepted it.

The offline bank needs no server. A server that speaks OpenAI's chat completions writes better: \
choose "set up a server" as writer."""


class RewriteScreen(StudioScreen):
    """The view `rewrite`."""

    VIEW = "rewrite"
    BINDING_GROUP_TITLE = "Rewrite"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+r", "start", "Rewrite"),
        Binding("f", "form", "Form"),
        Binding("l", "log", "Log of calls"),
        Binding("c", "go_on", "Go on", show=False),
        Binding("ctrl+z", "take_back", "Take the last writing in place back", show=False),
        Binding("o", "open_written", "Open what was written", show=False),
        Binding("escape", "to_review", "Back to the rows", show=False),
    ]
    DEFAULT_CSS = """
    RewriteScreen {
        #body { height: 1fr; }
        RewriteForm { width: 40; border-right: solid $border-blurred; }
        ReviewPanel { width: 1fr; }
    }
    RewriteScreen.-wide RewriteForm { width: 52; }
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

    def compose_view(self) -> ComposeResult:
        """The form at the left, the review at the right; one at a time where it is narrow."""
        with Horizontal(id="body"):
            yield RewriteForm(self.context.remembered.get("rewrite.form", {}))
            yield ReviewPanel()

    def on_mount(self) -> None:
        """Looks for what is there: sets, servers, a review that was left."""
        self._file = ReviewFile(self.context.layout.state.path)
        self.panel.show_offers(None)
        self.panel.show_hint(HINT)
        self._load_sets(is_wanted=bool(self.context.selected_ids))
        self._load_connections()
        self.run_in_thread(self._file.read, self._offer_unfinished)
        self.form.focus_first()

    def on_screen_resume(self) -> None:
        """Sets and servers may be others by now."""
        if self.is_mounted and self._file is not None:
            self._load_sets(is_wanted=False)
            self._load_connections()

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
            self.panel.rewrite.run.close()

    # What there is.

    def on_selection_changed(self, _: SelectionChanged) -> None:
        """Another set or other rows are marked in the write view."""
        self._load_sets(is_wanted=True)

    def on_set_changed(self, _: SetChanged) -> None:
        """There may be a new set, or a row more."""
        self._load_sets(is_wanted=False)

    def on_rewrite_rows(self, message: RewriteRows) -> None:
        """The write view hands rows over."""
        self._load_sets(message.path, message.row_ids, is_wanted=True)
        self.action_form()

    def _load_sets(
        self, path: Path | None = None, rows: tuple[str, ...] = (), *, is_wanted: bool
    ) -> None:
        layout = self.context.layout
        current = path or (self.context.set_path if is_wanted else None) or self.form.set_path
        current = current or self.context.set_path

        def find() -> list[tuple[str, Path]]:
            found = [(set_name(found, layout), found) for found in find_sets(set_folder(layout))]
            if current is not None and current not in [path for _, path in found]:
                found.append((set_name(current, layout), current))
            return found

        def show(found: list[tuple[str, Path]]) -> None:
            self.form.set_sets(found, current)
            self._show_marked(rows, is_wanted=is_wanted)

        self.run_in_thread(find, show, group="sets", exclusive=True)

    def _show_marked(self, rows: tuple[str, ...] = (), *, is_wanted: bool) -> None:
        is_current = self.form.set_path == self.context.set_path
        marked = rows or (self.context.selected_ids if is_current else ())
        self.form.set_rows(marked, is_wanted=is_wanted)
        self.on_rewrite_form_changed()

    def on_rewrite_form_set_chosen(self) -> None:
        """The rows that are marked belong to one set."""
        self._show_marked(is_wanted=True)

    def _load_connections(self) -> None:
        context = self.context

        def find() -> list[ConnectionChoice]:
            return list_connections(context.load_config(), context.environment)

        def show(choices: list[ConnectionChoice]) -> None:
            self.form.set_connections(choices)
            self.on_rewrite_form_connection_changed()

        self.run_in_thread(find, show, group="connections", exclusive=True)

    def on_rewrite_form_connection_changed(self) -> None:
        """Asks whether a server on this machine listens."""
        choice = self.form.connection
        if choice is None or choice.problem or choice.connection is None:
            return
        connection: Connection = choice.connection

        def show(found: tuple[str, str]) -> None:
            if self.form.connection == choice:
                self.form.say_state(*found)

        self.run_in_thread(partial(server_problem, connection), show, group="server")

    def on_rewrite_form_connection_wanted(self) -> None:
        """Sets a server up: which one, then which model."""
        choices = [
            Choice(key, name, name)
            for key, name in zip("olmcv", ("openai", "ollama", "lmstudio", "llamacpp", "vllm"),
                                 strict=True)
        ]  # fmt: skip
        self.choose("Which server?", choices, self._ask_model,
                    "Its settings go to ovi.toml; a key never does, only the variable's name. "
                    "Another one: ovi connect NAME --base-url URL --model MODEL.")  # fmt: skip

    def _ask_model(self, name: str) -> None:
        preset = PRESETS[name]
        where = preset.get("base_url", "OpenAI")
        self.ask_text(f"Which model of {where}?", partial(self._add_connection, name),
                      value=preset.get("model", ""))  # fmt: skip

    def _add_connection(self, name: str, model: str) -> None:
        layout = self.context.layout

        def show(path: Path) -> None:
            self.say(f"[llm.{name}] was added to {path}.")
            self.form.choose_connection(name)
            self._load_connections()

        self.run_in_thread(lambda: add_connection(name, {"model": model}, layout), show)

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
            if len(plan.tasks) > MAX_ROWS_COUNTED:
                return plan_lines(plan)
            return _cost_of(plan, estimate_of(plan))

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
                f"Rewrite {_rows(len(planned.tasks))}?", lambda: self._run(planned, records),
                yes="Yes, send", no="No", detail=_cost_of(planned, estimate), is_destructive=False,
            )  # fmt: skip

        def fail(error: Exception) -> None:
            self._is_planning = False
            self.complain(error)

        self.run_in_thread(plan, show, on_error=fail)

    def _run(self, plan: RewritePlan, records: list[dict[str, Any]] | None) -> None:
        assert self._file is not None, "set when mounted"
        self._close_run()
        self._unfinished = None
        run = RewriteRun(plan, self._file)
        self.panel.show_offers(RewriteOffers(run))
        run.start(records)
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
            self._close_run()
            run = IdeaRun(open_session)
            self.panel.show_offers(IdeaOffers(run, order.count))
            run.start()
            self._to_rows()

        self.run_in_thread(count, ask)

    def _close_run(self) -> None:
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
        self.panel.show_hint(
            f"You left a review: {Path(order.source).stem}, “{about}”, {_rows(len(rows))} with new "
            "words.\n\nPress c to go on where you were (not while typing: escape leaves the form)."
        )

    def action_go_on(self) -> None:
        """Takes up the review that was left."""
        if self._unfinished is not None and self.panel.offers is None:
            order, records = self._unfinished
            self.form.fill(order)
            self._plan_rewrite(order, records)

    # Around.

    def action_form(self) -> None:
        """To the form."""
        self.remove_class("-reviewing")
        self.call_after_refresh(self.form.focus_first)

    def action_to_review(self) -> None:
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
        self.panel.note_written()
        self.tell(SetChanged(path))

    def action_take_back(self) -> None:
        """Takes the last writing in place back."""
        path = self.form.set_path
        if path is not None:
            Saving(self, self._note_written).take_back(path)

    def action_open_written(self) -> None:
        """Opens the set that was written last, in the write view."""
        from ovi_studio.tui.messages import ShowRow

        if self._written is not None:
            self.show_view("write", ShowRow(self._written))


def _cost_of(plan: RewritePlan, estimate: Estimate | None) -> str:
    lines = [plan_lines(plan)]
    if estimate is not None and plan.connection is not None:
        lines.append(estimate_line(estimate, plan.connection))
    if plan.kept:
        lines.append(f"{_rows(len(plan.kept))} cannot be rewritten: {plan.kept[0].reason}")
    return "\n".join(lines)


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"


__all__ = ["RewriteScreen", "StudioError"]
