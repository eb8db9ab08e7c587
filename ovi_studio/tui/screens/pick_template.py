"""Asks for one of the prompt templates."""

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from ovi_studio.tui.visible_text import visible


class PickTemplate(ModalScreen[str | None]):
    """Gives the name of the template, None for escape."""

    BINDING_GROUP_TITLE = "Templates"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss_dialog", "Back"),
        Binding("j", "app.simulate_key('down')", "Template below", show=False),
        Binding("k", "app.simulate_key('up')", "Template above", show=False),
    ]
    DEFAULT_CSS = """
    PickTemplate {
        align: center middle;
        #window {
            width: 76; max-width: 90%; height: auto; max-height: 80%; padding: 1 2;
            background: $surface; border: round $primary;
        }
        #question { text-style: bold; }
        OptionList { height: auto; max-height: 14; margin-top: 1; border: none; padding: 0; }
        OptionList:focus { border: none; }
    }
    """

    def __init__(self, templates: Sequence[tuple[str, str]]) -> None:
        """`templates` are names and purposes."""
        super().__init__()
        self._templates = tuple(templates)

    def compose(self) -> ComposeResult:
        """The question and the list."""
        with Vertical(id="window"):
            yield Static("A new row from which template?", id="question", markup=False)
            yield OptionList(
                *(
                    Option(Text.assemble((visible(name), "bold"), f"  {visible(purpose)}"))
                    for name, purpose in self._templates
                )
            )

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """That one."""
        self.dismiss(self._templates[event.option_index][0])

    def action_dismiss_dialog(self) -> None:
        """None of them."""
        self.dismiss(None)
