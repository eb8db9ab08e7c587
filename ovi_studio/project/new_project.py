"""Makes the folders and files that a new project starts with; never replaces what is there."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from ovi_studio.errors import UsageError
from ovi_studio.project.config_file import SCHEMA
from ovi_studio.project.config_settings import SETTINGS, Setting
from ovi_studio.project.layout import PROJECT_FILE, ProjectLayout
from ovi_studio.project.set_changes import create_file
from ovi_studio.project.sets import set_folder

EXAMPLE_SET = "example.csv"

_EXAMPLE = """\
text_prompt,seed
"A round face with brown hair and a green hat looks straight at us and says <S>good morning<E>. \
Audio: A clear woman's voice in a quiet room.",1
"A pale face with grey hair blinks once, leans closer and says <S>yellow garden<E>. \
Audio: A deep man's voice close by.",2
"""
"""Short, and for the variant that ships with the program, so that it renders at once."""

_IGNORE = """\
# What the studio keeps for itself, and what can be rendered again.
.ovi/
renders/
ckpts/
"""

_HEAD = f"""\
# Settings of this project. Each line shows the default; remove the # to change it.
# What a command line or an environment variable (OVI_SEED, ...) says wins over this file;
# `ovi config show --origin` tells where each value comes from. Keep keys and passwords out of it.

schema = {SCHEMA}
"""

_FOOT = """
# A server that rewrites prompts. The key stays in an environment variable, which is named here.
# [llm.local]
# base_url = "http://localhost:8080/v1"
# model = "..."
# api_key_env = "MY_API_KEY"
"""


@dataclass(frozen=True, slots=True)
class NewProject:
    """What was made, and what was there before; relative to the project's folder."""

    root: Path
    made: tuple[str, ...]
    kept: tuple[str, ...]


def create_project(root: Path, sets: Mapping[str, str] | None = None) -> NewProject:
    """Makes a folder a project. Raises UsageError, PromptFileError when it cannot be written.

    `sets` are the texts of its first sets by their file names; None: an example, if it has none.
    """
    if root.exists() and not root.is_dir():
        raise UsageError(f"{root} is a file. Name a folder, which may not be there yet.")
    made: list[str] = []
    kept: list[str] = []
    layout = ProjectLayout(root)
    try:
        for folder in (root, set_folder(layout), root / "images", root / "templates",
                       layout.output_folder):  # fmt: skip
            is_new = not folder.is_dir()
            folder.mkdir(parents=True, exist_ok=True)
            if folder != root:
                (made if is_new else kept).append(f"{folder.name}/")
    except OSError as error:
        raise UsageError(f"{error.filename or root} cannot be made: {error.strerror}.") from error
    for path, text in _files(layout, sets):
        name = path.relative_to(root).as_posix()
        if path.exists() or path.is_symlink():
            kept.append(name)
        else:
            create_file(path, [text.encode()])
            made.append(name)
    return NewProject(root, tuple(made), tuple(kept))


def _files(layout: ProjectLayout, sets: Mapping[str, str] | None) -> Iterator[tuple[Path, str]]:
    yield layout.root / ".gitignore", _IGNORE
    folder = set_folder(layout)
    if sets is None:
        sets = {} if any(folder.iterdir()) else {EXAMPLE_SET: _EXAMPLE}
    for name, text in sets.items():
        yield folder / name, text
    yield layout.root / PROJECT_FILE, project_file_text()  # last: it makes the folder a project


def project_file_text() -> str:
    """An `ovi.toml` with every setting in a comment."""
    lines = [_HEAD]
    section = ""
    for setting in SETTINGS:
        if setting.section != section:
            section = setting.section
            lines.append(f"[{section}]")
        default = f" Default: {setting.default_text}." if setting.default_text else ""
        lines += [f"# {setting.meaning}{default}", f"# {setting.name} = {_shown(setting)}", ""]
    return "\n".join(lines) + _FOOT


def _shown(setting: Setting) -> str:
    return toml_text(setting.example if setting.default is None else setting.default)


def toml_text(value: Any) -> str:
    """A value as TOML writes it."""
    if isinstance(value, StrEnum | str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'"{escaped}"'
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml_text, value))}]"
    return str(value)
