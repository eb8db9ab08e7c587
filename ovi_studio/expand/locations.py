"""Where templates and wildcard files lie: in the project first, then in what ships with us."""

from pathlib import Path

import ovi_studio
from ovi_studio.project.layout import ProjectLayout

_PACKAGE = Path(ovi_studio.__file__).parent


def template_folders(layout: ProjectLayout) -> tuple[Path, ...]:
    """Where a template is looked for, in that order."""
    return _existing(layout.root / "templates", shipped_folder("templates"))


def wildcard_folders(layout: ProjectLayout) -> tuple[Path, ...]:
    """Where a wildcard file is looked for, in that order."""
    return _existing(layout.root / "wildcards", shipped_folder("templates") / "wildcards")


def shipped_folder(name: str) -> Path:
    """The folder `templates` or `prompts` that ships with this program.

    In an installed wheel it lies inside the package, in a checkout beside it.
    """
    installed = _PACKAGE / "_data" / name
    return installed if installed.is_dir() else _PACKAGE.parent / name


def _existing(*folders: Path) -> tuple[Path, ...]:
    """Those that are there, each once: inside a checkout the two can be the same."""
    return tuple(dict.fromkeys(folder.resolve() for folder in folders if folder.is_dir()))
