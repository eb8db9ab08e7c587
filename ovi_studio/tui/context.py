"""What the views of the studio share: the project, its settings, and what is chosen in it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ovi_studio.project.layout import ProjectLayout
from ovi_studio.tui.state import EditJournal, RememberedState

if TYPE_CHECKING:
    from ovi_studio.project.config import StudioConfig


@dataclass(slots=True)
class StudioContext:
    """One project on the screen. Belongs to the event loop: threads read it before they start."""

    layout: ProjectLayout
    remembered: RememberedState
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    set_path: Path | None = None
    """the current set"""
    row_id: str | None = None
    """the current row of it"""
    selected_ids: tuple[str, ...] = ()
    """rows of it that are marked; empty: none, and the current row is meant"""

    @property
    def root(self) -> Path:
        """The project's folder, from which relative paths count."""
        return self.layout.root

    @property
    def project_name(self) -> str:
        """What the project is called on the screen."""
        return self.root.name or str(self.root)

    @property
    def meant_ids(self) -> tuple[str, ...]:
        """The rows an action is about: those that are marked, else the current one."""
        if self.selected_ids:
            return self.selected_ids
        return (self.row_id,) if self.row_id is not None else ()

    @property
    def journal(self) -> EditJournal:
        """Where unsaved edits are kept."""
        return EditJournal(self.layout.state.path / "unsaved")

    def load_config(self) -> "StudioConfig":
        """The settings as they are now. Reads files: call it from a thread. Raises UsageError."""
        from ovi_studio.project.config import load_config  # not needed for the first frame

        return load_config(self.root, self.environment)
