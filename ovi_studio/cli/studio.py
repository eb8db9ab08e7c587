"""`ovi studio`: writing, checking, rewriting, rendering and choosing on one screen."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

FEW_COLOURS = (None, "standard")
"""What Rich calls the colours of a terminal that has 16 or none: other themes' do not fit them."""


def studio(
    project: Annotated[
        str, typer.Argument(metavar="[PROJECT]", help="Its folder. Default: here.")
    ] = ".",
    theme: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="dark, light, contrast, terminal, or one of Textual's own."
        ),
    ] = None,
    view: Annotated[
        str | None,
        typer.Option(
            metavar="write|rewrite|render|choose", help="Where to begin. Default: as it was left."
        ),
    ] = None,
) -> int:
    """Open the studio: write, check, rewrite, render, watch and choose on one screen.

    `?` in it shows every key, ctrl+p finds every action by its name, and the mouse works too.
    """
    import sys

    from ovi_studio.errors import UsageError

    check_textual()
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(
            "The studio needs a terminal for its input and output. Elsewhere, `ovi --help` lists "
            "the commands that do the same."
        )
    folder = Path(project).expanduser()
    if not folder.is_dir():
        raise UsageError(f"There is no folder {folder}. `ovi init {project}` makes a project.")
    return run_studio(folder, theme=theme, view=view)


def check_textual() -> None:
    """Raises MissingExtraError when the packages of the terminal studio are not installed."""
    from importlib.util import find_spec

    from ovi_studio.errors import MissingExtraError

    if find_spec("textual") is None:
        raise MissingExtraError(
            'The studio needs textual, not installed here: pip install "ovi-studio[tui]".'
        )


def run_studio(folder: Path, *, theme: str | None, view: str | None) -> int:
    """Runs the studio on the terminal. Returns the exit code. Raises UsageError."""
    import gc
    import os

    gc.disable()  # until the first frame: nothing of what is loaded now will be garbage
    from ovi_studio.tui.app import StudioApp
    from ovi_studio.tui.opening import open_context
    from ovi_studio.tui.terminal_guard import guarded_terminal
    from ovi_studio.tui.themes import PLAIN_THEME

    context = open_context(folder)
    app = StudioApp(context, theme=theme, view=view)
    is_chosen = theme is not None or context.remembered.get("theme", "") != ""
    if not is_chosen and app.console.color_system in FEW_COLOURS:
        app.theme = PLAIN_THEME
    if _draws_pictures(os.environ):
        import textual_image.renderable  # noqa: F401  asks the terminal, while nobody else does
    with guarded_terminal():
        app.run()
    return int(app.return_code or 0)


def _draws_pictures(environment: Mapping[str, str]) -> bool:
    """Whether the terminal is one that can show pictures beside characters.

    The package that draws them asks the terminal how, which takes longer than opening the studio;
    so terminals that cannot are not asked.
    """
    if "TMUX" in environment or environment.get("TERM", "").startswith(("screen", "tmux")):
        return False
    names = f"{environment.get('TERM', '')} {environment.get('TERM_PROGRAM', '')}".lower()
    known = ("kitty", "ghostty", "wezterm", "iterm", "foot", "mlterm", "contour", "rio", "konsole")
    return any(name in names for name in known) or "KONSOLE_VERSION" in environment
