"""Opens a project for the screen: finds its root, and reads what was remembered of it."""

from pathlib import Path

from ovi_studio.project.layout import PROJECT_FILE, ProjectLayout, find_layout
from ovi_studio.project.sets import find_sets, set_folder
from ovi_studio.tui.context import StudioContext
from ovi_studio.tui.state import RememberedState


def open_context(folder: Path) -> StudioContext:
    """The context of the project that a folder is in, or of the folder itself."""
    return context_of(find_layout(folder))


def context_of(layout: ProjectLayout) -> StudioContext:
    """The context of a project, with the set and row that were current when it was left."""
    remembered = RememberedState(layout.state.path / "studio.json")
    context = StudioContext(layout, remembered)
    name = remembered.get("set", "")
    path = layout.root / name
    if name and path.is_file():
        context.set_path = path
        context.row_id = remembered.get("row", "") or None
    return context


def is_used(layout: ProjectLayout) -> bool:
    """Whether anything was ever done in the folder: then there is nothing to offer."""
    return (
        (layout.root / PROJECT_FILE).is_file()
        or layout.state.queue_path.is_file()
        or bool(find_sets(set_folder(layout)))
    )
