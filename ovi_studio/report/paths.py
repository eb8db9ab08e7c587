"""Writes paths as the user would type them."""

from pathlib import Path


def short_path(path: Path) -> str:
    """Relative to the working folder if it lies inside, else as it is."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
