"""The review: rows as they come in, one of them before and after, and the decisions."""

from collections.abc import Sequence
from typing import ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from ovi_studio.actions.reviewing import Decision, Key
from ovi_studio.report.plain import printable
from ovi_studio.rewrite.calling import Spent
from ovi_studio.tui.rewrite_offers import Offers, RewriteOffers
from ovi_studio.tui.rewrite_runs import News
from ovi_studio.tui.screens.base import StudioScreen
from ovi_studio.tui.widgets.offer_detail import OfferDetail
from ovi_studio.tui.widgets.offer_list import OfferList

LOOK_SECONDS = 0.1
BAR_WIDTH = 20


class ReviewPanel(Vertical):
    """What a run gives, and what the user says of it."""

    BINDING_GROUP_TITLE = "Reviewing"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "decide('accepted')", "Accept"),
        Binding("e,enter", "edit", "Edit", key_display="e"),
        Binding("r", "decide('rejected')", "Reject"),
        Binding("g", "again", "Again"),
        Binding("A", "decide_all('accepted')", "All"),
        Binding("w", "write", "Write…"),
        Binding("R", "decide_all('rejected')", "Reject all", show=False),
        Binding("u", "decide('open')", "Take the decision back", show=False),
        Binding("n", "next", "Next undecided row", show=False),
        Binding("E", "edit_outside", "Edit in $EDITOR", show=False),
        Binding("slash", "filter", "Filter", show=False, key_display="/"),
        Binding("escape", "back", "Stop, or back", show=False),
    ]
    DEFAULT_CSS = """
    ReviewPanel {
        #counts { height: 1; padding: 0 1; background: $panel; }
        #filter { height: 1; background: $boost; }
        #filter.-hidden { display: none; }
        OfferList { height: 2fr; min-height: 3; }
        OfferDetail { height: 3fr; min-height: 6; border-top: solid $border-blurred; }
        #status { height: auto; max-height: 3; padding: 0 1; background: $panel; }
        #status.-wrong { color: $text-error; }
    }
    ReviewPanel.-empty OfferList, ReviewPanel.-empty #status { display: none; }
    ReviewPanel.-empty OfferDetail { border: none; }
    """

    class WriteWanted(Message):
        """The user wants what was accepted to be written."""

    class BackWanted(Message):
        """There is nothing more to go back from here."""

    def __init__(self) -> None:
        super().__init__()
        self.offers: Offers | None = None
        self._status = ""
        self._is_written = False

    def compose(self) -> ComposeResult:
        """Counts, filter, list, detail, status."""
        yield Static(id="counts")
        yield Input(placeholder="filter: words, a row, or open, failed, accepted …", id="filter",
                    classes="-hidden", compact=True)  # fmt: skip
        yield OfferList()
        yield OfferDetail()
        yield Static(id="status")

    def on_mount(self) -> None:
        """Looks for what has come, a few times a second."""
        self.set_interval(LOOK_SECONDS, self._look)

    @property
    def studio_screen(self) -> StudioScreen:
        """The view it is in."""
        return cast(StudioScreen, self.screen)

    @property
    def rewrite(self) -> RewriteOffers | None:
        """The run, if it rewrites a set."""
        return self.offers if isinstance(self.offers, RewriteOffers) else None

    @property
    def num_undecided(self) -> int:
        """Decisions and offers that would be lost with this review."""
        if self.offers is None or self._is_written:
            return 0
        counts = self.offers.counts()
        return counts[Decision.OPEN] + counts[Decision.ACCEPTED]

    def show_offers(self, offers: Offers | None) -> None:
        """Shows another run, or none."""
        self.offers = offers
        self.set_class(offers is None, "-empty")
        self._is_written = False
        self.query_one(OfferDetail).close_editor()
        self.query_one(OfferList).set_lines(offers.lines() if offers else ())
        self._say_counts()
        self.say_status("")

    def show_hint(self, text: str) -> None:
        """Says what can be done while there is nothing to review."""
        self.query_one(OfferDetail).show_nothing(text)

    def say_status(self, text: str, *, is_wrong: bool = False) -> None:
        """The line at the bottom."""
        status = self.query_one("#status", Static)
        if text != self._status:
            self._status = text
            status.update(Content(printable(text)))
        status.set_class(is_wrong, "-wrong")

    def note_written(self, name: str) -> None:
        """What was accepted is in the set of this name."""
        self._is_written = True
        self.say_status(f"Written to {name}; o opens it.")

    # What comes.

    def _look(self) -> None:
        if self.offers is None:
            return
        was_running = self._was_running
        news = self.offers.look()
        self._was_running = news.is_running
        if news.changed:
            self.refresh_keys(news.changed)
        if news.changed or news.is_running or was_running or news.error:
            self._say_progress(news)

    _was_running = False

    def refresh_keys(self, keys: Sequence[Key]) -> None:
        """Shows that lines are not as they were."""
        if self.offers is not None and keys:
            self.query_one(OfferList).update_lines(self.offers.lines(keys))
            self._say_counts()

    def _say_progress(self, news: News) -> None:
        assert self.offers is not None, "called while there is a run"
        if news.error is not None:
            said = self.studio_screen.studio.sentence_for(news.error)
            kept = " What came is kept: ctrl+r goes on." if self.num_undecided else ""
            self.say_status(said + kept, is_wrong=True)
            return
        waiting = self.offers.counts()[Decision.WAITING]
        done = self.offers.total - waiting
        cost = "" if self._is_free else f" · {_spent(news.spent)}"
        if news.is_running:
            part = round(BAR_WIDTH * done / max(1, self.offers.total))
            bar = "━" * part + "╌" * (BAR_WIDTH - part)
            wait = f" · {news.waiting}" if news.waiting else ""
            self.say_status(f"{bar} {done} of {self.offers.total}{cost} · escape stops{wait}")
        elif waiting and self.offers.run.is_stopped:
            self.say_status(f"Stopped: {done} of {self.offers.total}{cost} · what came is kept; "
                            "ctrl+r goes on from here.")  # fmt: skip
        elif not waiting:
            self.say_status(f"All {self.offers.total} are there{cost}")

    @property
    def _is_free(self) -> bool:
        return self.rewrite is not None and self.rewrite.run.plan.connection is None

    def _say_counts(self) -> None:
        line = self.query_one("#counts", Static)
        if self.offers is None:
            line.update(Content.styled("Review", "bold"))
            return
        counts = self.offers.counts()
        styles = {
            Decision.ACCEPTED: "$text-success bold", Decision.OPEN: "$text-accent bold",
            Decision.REJECTED: "dim", Decision.FAILED: "$text-error bold",
            Decision.BARRED: "dim", Decision.WAITING: "dim",
        }  # fmt: skip
        names = {Decision.BARRED: "cannot be rewritten", Decision.OPEN: "to decide"}
        parts: list[tuple[str, str]] = []
        for decision, style in styles.items():
            if counts[decision]:
                said = f"{counts[decision]} {names.get(decision, decision)}"
                parts += [(" · " if parts else "", "dim"), (said, style)]
        if wanted := self.query_one(OfferList).filter_text:
            parts.append((f"   / {printable(wanted)}", "$text-warning"))
        line.update(Content.assemble(*parts))

    def on_offer_list_moved(self, event: OfferList.Moved) -> None:
        """Shows the row under the cursor."""
        event.stop()
        if self.offers is not None:
            self.query_one(OfferDetail).show(self.offers, self.query_one(OfferList).current)

    # Decisions.

    def check_action(
        self,
        action: str,
        parameters: tuple[object, ...],  # noqa: ARG002
    ) -> bool | None:
        """Keys apply where there is something to review, and not while a row is edited."""
        if action in ("edit", "again", "edit_outside"):
            return self.rewrite is not None and not self.query_one(OfferDetail).is_editing
        if action in ("decide", "decide_all", "write", "next", "filter"):
            return self.offers is not None and not self.query_one(OfferDetail).is_editing
        return True

    def action_decide(self, decision: str) -> None:
        """Accepts, rejects or reopens the marked rows, else the current one."""
        if self.offers is None:
            return
        rows = self.query_one(OfferList)
        is_one = rows.num_marked == 0
        changed = self.offers.decide(rows.meant, Decision(decision))
        rows.clear_marks()
        self.refresh_keys(changed)
        if is_one and decision != "open":
            rows.go_to_next(("open",))

    def action_decide_all(self, decision: str) -> None:
        """Accepts or rejects every row that is not decided yet."""
        if self.offers is not None:
            lines = self.offers.lines()
            keys = [line.key for line in lines if line.state == str(Decision.OPEN)]
            self.refresh_keys(self.offers.decide(keys, Decision(decision)))

    def action_next(self) -> None:
        """To the next row that is not decided."""
        self.query_one(OfferList).go_to_next(("open",))

    def action_again(self) -> None:
        """Asks for other words for the marked rows, else the current one."""
        if self.rewrite is None:
            return
        rows = self.query_one(OfferList)
        run = self.rewrite.run
        asked = []
        for key in rows.meant:
            row = run.review.row(key)
            if row.decision not in (Decision.WAITING, Decision.BARRED) and not row.is_asking:
                run.again(key)
                asked.append(key)
        rows.clear_marks()
        self.refresh_keys(asked)

    def action_write(self) -> None:
        """Hands over to the screen, which asks where to."""
        self.post_message(self.WriteWanted())

    def action_back(self) -> None:
        """Stops what runs; else clears the filter, then the marks; else goes back to the form."""
        rows = self.query_one(OfferList)
        if self.offers is not None and self.offers.run.is_running:
            self.offers.run.stop()
        elif rows.filter_text:
            self._set_filter("")
        elif rows.num_marked:
            rows.clear_marks()
        else:
            self.post_message(self.BackWanted())

    # The filter.

    def action_filter(self) -> None:
        """Opens the filter."""
        field = self.query_one("#filter", Input)
        field.remove_class("-hidden")
        field.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filters while it is typed."""
        event.stop()
        self.query_one(OfferList).set_filter(event.value)
        self._say_counts()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Back to the list, which stays filtered."""
        event.stop()
        self.query_one("#filter", Input).add_class("-hidden")
        self.query_one(OfferList).focus()

    def on_key(self, event: object) -> None:
        """Escape in the filter clears it."""
        field = self.query_one("#filter", Input)
        if getattr(event, "key", "") == "escape" and field.has_focus:
            event.stop()  # type: ignore[attr-defined]
            self._set_filter("")

    def _set_filter(self, text: str) -> None:
        field = self.query_one("#filter", Input)
        field.value = text
        field.add_class("-hidden")
        self.query_one(OfferList).set_filter(text)
        self.query_one(OfferList).focus()
        self._say_counts()

    # Editing.

    def action_edit(self) -> None:
        """Opens the row's words for editing, where they are shown."""
        self.query_one(OfferDetail).edit()
        self.refresh_bindings()

    def action_edit_outside(self) -> None:
        """Opens the row's words in the user's editor."""
        with self.studio_screen.complaining():
            self.query_one(OfferDetail).edit_outside()

    def on_offer_detail_edited(self, event: OfferDetail.Edited) -> None:
        """The row has other words."""
        event.stop()
        self.refresh_keys([event.key])

    def on_offer_detail_closed(self, event: OfferDetail.Closed) -> None:
        """Back to the list."""
        event.stop()
        self.query_one(OfferList).focus()
        self.refresh_bindings()


def _spent(spent: Spent) -> str:
    """What calls have cost, shortly."""
    if not spent.num_calls:
        return "no call was needed so far"
    calls = "1 call" if spent.num_calls == 1 else f"{spent.num_calls} calls"
    about = "" if spent.is_counted else "about "
    price = "" if spent.price is None else f", price {spent.price:.4f}"
    return f"{calls}: {about}{spent.input_tokens:,} tokens in, {spent.output_tokens:,} out{price}"
