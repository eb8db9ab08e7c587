"""The view `write`; a placeholder until its owner writes it."""

from textual.app import ComposeResult
from textual.widgets import Static

from ovi_studio.tui.screens.base import StudioScreen


class WriteScreen(StudioScreen):
    """The view `write`."""

    VIEW = "write"
    BINDING_GROUP_TITLE = "Write"

    def compose_view(self) -> ComposeResult:
        """The widgets of this view."""
        yield Static("Nothing here yet.")
