"""The view `rewrite`; a placeholder until its owner writes it."""

from textual.app import ComposeResult
from textual.widgets import Static

from ovi_studio.tui.screens.base import StudioScreen


class RewriteScreen(StudioScreen):
    """The view `rewrite`."""

    VIEW = "rewrite"
    BINDING_GROUP_TITLE = "Rewrite"

    def compose_view(self) -> ComposeResult:
        """The widgets of this view."""
        yield Static("Nothing here yet.")
