"""Which set and rows the rewrite view is about: the write view's, or what the user chooses."""

from pathlib import Path
from typing import TYPE_CHECKING

from ovi_studio.project.sets import find_sets, set_folder, set_name

if TYPE_CHECKING:
    from ovi_studio.tui.screens.rewrite import RewriteScreen


class SetChoice:
    """Tells the form of a screen which sets there are, and which rows are marked."""

    def __init__(self, screen: "RewriteScreen") -> None:
        self._screen = screen
        self._seen: tuple[Path | None, tuple[str, ...]] | None = None
        self._handed: tuple[Path, tuple[str, ...]] | None = None

    def follow_selection(self) -> None:
        """Takes the set and the marked rows of the write view, if they are others than before."""
        context = self._screen.context
        seen = (context.set_path, context.selected_ids)
        if seen != self._seen:
            self._seen = seen
            self._handed = None
            self.load(context.set_path)

    def take_rows(self, path: Path, row_ids: tuple[str, ...]) -> None:
        """Takes rows that were handed over."""
        self._handed = (path, row_ids)
        self.load(path)

    def load(self, wanted: Path | None = None) -> None:
        """Lists the sets; the form shows the wanted one, else the one it had."""
        screen, layout = self._screen, self._screen.context.layout
        current = wanted or screen.form.set_path or screen.context.set_path

        def find() -> list[tuple[str, Path]]:
            found = [(set_name(path, layout), path) for path in find_sets(set_folder(layout))]
            if current is not None and current not in [path for _, path in found]:
                found.append((set_name(current, layout), current))
            return found

        def show(found: list[tuple[str, Path]]) -> None:
            screen.form.set_sets(found, current)
            self.show_rows()

        screen.run_in_thread(find, show, group="sets", exclusive=True)

    def show_rows(self) -> None:
        """Shows which rows of the form's set are marked."""
        form, context = self._screen.form, self._screen.context
        if self._handed is not None and self._handed[0] == form.set_path:
            form.set_rows(self._handed[1])
        else:
            form.set_rows(context.selected_ids if form.set_path == context.set_path else ())
        self._screen.on_rewrite_form_changed()
