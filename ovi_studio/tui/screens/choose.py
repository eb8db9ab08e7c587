"""The view `choose`; a placeholder until its owner writes it."""

from textual.app import ComposeResult
from textual.widgets import Static

from ovi_studio.tui.screens.base import StudioScreen


class ChooseScreen(StudioScreen):
    """The view `choose`."""

    VIEW = "choose"
    BINDING_GROUP_TITLE = "Choose"

    def compose_view(self) -> ComposeResult:
        """The widgets of this view."""
        yield Static("Nothing here yet.")
