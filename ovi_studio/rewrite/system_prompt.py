"""The system prompt for a purpose: the project's own file, or the one that ships with us."""

from collections.abc import Mapping
from pathlib import Path

from ovi_studio.errors import UsageError
from ovi_studio.expand.errors import BlankError
from ovi_studio.expand.locations import shipped_folder
from ovi_studio.expand.sandbox import read_blanks
from ovi_studio.project.layout import ProjectLayout
from ovi_studio.rewrite.order import Purpose


def prompt_folders(layout: ProjectLayout) -> tuple[Path, ...]:
    """Where files of the rewriter are looked for, in that order."""
    own = layout.root / "templates" / "rewrite"
    return tuple(dict.fromkeys((own, shipped_folder("templates") / "rewrite")))


def find_rewrite_file(name: str, layout: ProjectLayout) -> Path:
    """The file of that name. Raises UsageError where there is none."""
    for folder in prompt_folders(layout):
        if (folder / name).is_file():
            return folder / name
    raise UsageError(f"There is no templates/rewrite/{name}: this installation is incomplete.")


def system_prompt(purpose: Purpose, values: Mapping[str, str], layout: ProjectLayout) -> str:
    """The instructions for a model, its blanks filled by `values`.

    Raises UsageError that names the file and the line, for what no such file may say.
    """
    path = find_rewrite_file(f"{purpose}.jinja", layout)
    try:
        source = path.read_text(encoding="utf-8-sig")
        blanks = read_blanks(source)
        for name, line in blanks.names.items():
            if name not in values:
                raise BlankError(line, f"There is no {name!r} here. Known: {', '.join(values)}.")
        return blanks.fill(values).strip()
    except BlankError as error:
        raise UsageError(f"{path}, {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}.") from error
