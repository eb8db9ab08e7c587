"""The form of a new render: what, with which seeds and settings, what it takes, and the yes."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.timer import Timer
from textual.widgets import Button, Input, Label, Select, Static

from ovi.spec.profiles import AUTO, PROFILES
from ovi.spec.variants import VARIANTS
from ovi_studio.actions.forecasting import Forecast, forecast
from ovi_studio.render.planned import RenderPlan
from ovi_studio.tui.order_form import OrderForm
from ovi_studio.tui.screens.base import sentence_of
from ovi_studio.tui.threads import in_thread
from ovi_studio.tui.widgets.plan_text import plan_text

PATIENCE_SECONDS = 0.3
"""How long nothing is typed before the plan is made anew."""


@dataclass(frozen=True, slots=True)
class PlannedOrder:
    """What the user said yes to."""

    form: OrderForm
    plan: RenderPlan


class OrderDialog(ModalScreen[PlannedOrder | None]):
    """Asks what is to be rendered and shows what it takes; returns it, None for escape."""

    BINDING_GROUP_TITLE = "New render"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back"),
        Binding("ctrl+r,f5", "render", "Render"),
        Binding("down", "app.focus_next", "Next field", show=False),
        Binding("up", "app.focus_previous", "Previous field", show=False),
    ]
    DEFAULT_CSS = """
    OrderDialog {
        align: center middle;
        #window {
            width: 96%; max-width: 130; height: 90%; max-height: 34;
            background: $surface; border: round $primary; padding: 0 1;
        }
        #columns { height: 1fr; }
        #fields { width: 52; height: 1fr; scrollbar-size-vertical: 1; }
        .field { height: 1; margin-top: 1; }
        .field Label { width: 10; color: $text-muted; }
        .field Input, .field Select { width: 1fr; }
        #plan-pane { width: 1fr; height: 1fr; padding: 1 1 0 2; border-left: solid $panel; }
        #plan { height: auto; }
        #plan.-problem { color: $text-error; }
        #buttons { height: 1; margin: 0 0 0 0; }
        #buttons Button { margin-right: 2; min-width: 12; }
        #yes { width: 24; }
        #buttons Button:focus { background: $accent; color: $background; }
        #hint { width: 1fr; color: $text-muted; text-align: right; }
    }
    OrderDialog.-narrow {
        #window { width: 100%; height: 100%; }
        #columns { layout: vertical; }
        #fields { width: 1fr; height: 11; }
        .field { margin-top: 0; }
        #plan-pane { border-left: none; border-top: solid $panel; padding: 0; width: 1fr; }
    }
    """

    def __init__(self, root: Path, form: OrderForm, row_ids: tuple[str, ...] = ()) -> None:
        """`row_ids` are rows that were picked in another view."""
        super().__init__()
        self._root = root
        self._form = form
        self._row_ids = row_ids
        self._found: Forecast | None = None
        self._found_for: OrderForm | None = None
        self._timer: Timer | None = None

    def compose(self) -> ComposeResult:
        form = self._form
        with Vertical(id="window"):
            with Horizontal(id="columns"):
                with VerticalScroll(id="fields", can_focus=False):
                    yield from self._field("What", "source", form.source, "a set, or a prompt")
                    rows = _rows_text(self._row_ids) if self._row_ids else form.rows
                    yield from self._field("Rows", "rows", rows, "all, or such as 2,5-8")
                    yield from self._field("Seeds", "seeds", form.seeds, "3,5-8 or random:4")
                    variants = [variant.name for variant in VARIANTS.values()]
                    yield from self._choice("Variant", "variant", variants, form.variant)
                    yield from self._choice("Profile", "profile", [AUTO, *PROFILES], form.profile)
                    yield from self._field("Steps", "steps", form.steps, "default: 50, nano 20")
                    yield from self._field(
                        "Size", "size", form.size, "height x width, such as 720x720"
                    )
                    yield from self._field("Folder", "output", form.output, "renders")
                    yield from self._field(
                        "More", "options", form.options, "such as --solver euler --gpus 2"
                    )
                    with Horizontal(classes="field"):
                        yield Label("Existing")
                        anew = [("leave clips that exist", False), ("render them anew", True)]
                        yield Select(anew, value=form.is_forced, allow_blank=False,
                                     id="is_forced", compact=True)  # fmt: skip
                with VerticalScroll(id="plan-pane"):
                    yield Static("Planning …", id="plan")
            with Horizontal(id="buttons"):
                yield Button("Render", id="yes", variant="primary", compact=True)
                yield Button("Back", id="no", compact=True)
                yield Static("^r: render · esc: back", id="hint")

    def _field(self, label: str, name: str, value: str, placeholder: str) -> ComposeResult:
        with Horizontal(classes="field"):
            yield Label(label)
            yield Input(value, placeholder=placeholder, id=name, compact=True)

    def _choice(self, label: str, name: str, names: list[str], value: str) -> ComposeResult:
        options = [("default", ""), *((option, option) for option in names)]
        with Horizontal(classes="field"):
            yield Label(label)
            yield Select(
                options, value=value if value in names else "", allow_blank=False, id=name,
                compact=True,
            )  # fmt: skip

    def on_mount(self) -> None:
        if self._form.source:
            self.query_one("#yes").focus()
        else:
            self.query_one("#source").focus()
        self._plan()

    # The form.

    def read_form(self) -> OrderForm:
        """What stands in the fields now."""
        texts = {
            name: self.query_one(f"#{name}", Input).value
            for name in ("source", "rows", "seeds", "steps", "size", "output", "options")
        }
        picked = {
            name: str(self.query_one(f"#{name}", Select).value) for name in ("variant", "profile")
        }
        forced = self.query_one("#is_forced", Select).value is True
        return OrderForm(**texts, **picked, is_forced=forced)

    def on_input_changed(self) -> None:
        self._plan_soon()

    def on_select_changed(self) -> None:
        self._plan_soon()

    def on_input_submitted(self) -> None:
        """Enter in a field: on to the button, so that a second one renders."""
        self._plan()
        self.query_one("#yes").focus()

    # The plan.

    def _plan_soon(self) -> None:
        if self._timer is not None:
            self._timer.stop()
        self._show_ready()
        self._timer = self.set_timer(PATIENCE_SECONDS, self._plan)

    def _plan(self) -> None:
        form = self.read_form()
        if form != self._found_for:
            self.run_worker(self._look_ahead(form), group="plan", exclusive=True)

    async def _look_ahead(self, form: OrderForm) -> None:
        try:
            order = form.to_order(self._picked_rows(form))
            found = await in_thread(
                lambda: forecast(order, self._root, on_weight_bytes=self._weight_talk())
            )
        except Exception as error:
            self._found, self._found_for = None, form
            text = sentence_of(error) or f"This was not foreseen: {error}."
            self.query_one("#plan", Static).update(Text(text))
            self.query_one("#plan").add_class("-problem")
        else:
            self._found, self._found_for = found, form
            self.query_one("#plan", Static).update(plan_text(found))
            self.query_one("#plan").remove_class("-problem")
        self._show_ready()

    def _picked_rows(self, form: OrderForm) -> tuple[str, ...]:
        """The rows that were picked in another view, unless the field was changed since."""
        is_kept = form.rows == _rows_text(self._row_ids) and form.source == self._form.source
        return self._row_ids if is_kept else ()

    def _weight_talk(self) -> Callable[[int, int], None]:
        said = -1

        def tell(done: int, total: int) -> None:
            nonlocal said
            percent = 100 * done // max(total, 1)
            if total > 1e9 and percent > said:
                said = percent
                text = f"Reading the weight files once: {done / 1e9:.1f} of {total / 1e9:.1f} GB."
                self.app.call_from_thread(self.query_one("#plan", Static).update, text)

        return tell

    def _show_ready(self) -> None:
        label = "Planning …" if self._found_for != self.read_form() else "Not yet possible"
        if self._is_ready() and self._found is not None:
            number = len(self._found.plan.clips)
            label = f"Render {number} {'clip' if number == 1 else 'clips'}"
        self.query_one("#yes", Button).label = label

    def _is_ready(self) -> bool:
        found = self._found
        return (
            found is not None
            and self._found_for == self.read_form()
            and all(clip.weights is not None for clip in found.plan.clips)
        )

    # The yes and the no.

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "yes":
            self.action_render()
        else:
            self.action_leave()

    def action_render(self) -> None:
        """Says yes to the plan that is seen; nothing happens while it is still being made."""
        if self._is_ready() and self._found is not None and self._found_for is not None:
            self.dismiss(PlannedOrder(self._found_for, self._found.plan))

    def action_leave(self) -> None:
        """Back without a render."""
        self.dismiss(None)


def _rows_text(row_ids: tuple[str, ...]) -> str:
    """Picked rows as the field shows them."""
    return ",".join(row_ids)
