"""The view `render`; a placeholder until its owner writes it."""

from textual.app import ComposeResult
from textual.widgets import Static

from ovi_studio.tui.screens.base import StudioScreen


class RenderScreen(StudioScreen):
    """The view `render`."""

    VIEW = "render"
    BINDING_GROUP_TITLE = "Render"

    def compose_view(self) -> ComposeResult:
        """The widgets of this view."""
        yield Static("Nothing here yet.")
