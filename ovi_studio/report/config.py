"""How the configuration looks: a table of settings and where each comes from, or JSON."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ovi_studio.project.config import Layer, StudioConfig
from ovi_studio.project.config_file import is_secret
from ovi_studio.project.config_settings import SETTINGS, Setting
from ovi_studio.report.paths import short_path
from ovi_studio.report.plain import printable
from ovi_studio.report.table import table_text

HIDDEN = "(hidden)"


def config_table(config: StudioConfig, *, with_origin: bool) -> str:
    """Every setting with its value."""
    header = ("setting", "value", "from", "variable") if with_origin else ("setting", "value")
    rows = []
    for setting in SETTINGS:
        cells = [setting.key, _value_text(config, setting)]
        rows.append([*cells, _origin_text(config, setting), setting.variable][: len(header)])
    lines = [table_text(header, rows)]
    for name, table in config.llm.items():
        shown = ", ".join(f"{key} = {printable(str(value))}" for key, value in _llm_data(table))
        lines.append(f"llm.{name}: {shown}")
    return "\n".join(lines)


def config_document(config: StudioConfig) -> dict[str, Any]:
    """The configuration as plain JSON values.

    `settings`: for each `key`, `value` (null: none is fixed, and `default` says what happens),
    `layer` (command line, environment, project, user or default), `place`, `variable`; `llm`:
    connections by name, their secrets hidden; `files`: paths of the `project` and the `user` file.
    """
    return {
        "settings": [
            {
                "key": setting.key,
                "value": _plain(_effective(config, setting)),
                "default": setting.default_text or None,
                "layer": config.origin(setting.key).layer,
                "place": config.origin(setting.key).place or None,
                "variable": setting.variable,
            }
            for setting in SETTINGS
        ],
        "llm": {name: dict(_llm_data(table)) for name, table in config.llm.items()},
        "files": files_data(config.project_path, config.user_path),
    }


def files_data(project: Path | None, user: Path | None) -> dict[str, str | None]:
    """The paths of the configuration files."""
    paths = {"project": project, "user": user}
    return {name: None if path is None else str(path) for name, path in paths.items()}


def _effective(config: StudioConfig, setting: Setting) -> Any:
    said = config.value(setting.key)
    return setting.default if said is None else said


def _value_text(config: StudioConfig, setting: Setting) -> str:
    value = _plain(_effective(config, setting))
    if value is None:
        return f"({setting.default_text})"
    if isinstance(value, list):
        return ", ".join(value) or "(none)"
    return printable(str(value)) or "(empty)"


def _origin_text(config: StudioConfig, setting: Setting) -> str:
    origin = config.origin(setting.key)
    if origin.layer is Layer.ENVIRONMENT or not origin.place:
        return str(origin.layer)
    path, comma, line = origin.place.rpartition(", line ")
    return f"{origin.layer}: {short_path(Path(path))}{comma}{line}" if comma else origin.place


def _plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, tuple):
        return list(value)
    if value is None or isinstance(value, str | int | float):
        return value
    return str(value)


def _llm_data(table: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [(key, _without_secrets(key, value)) for key, value in table.items()]


def _without_secrets(key: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_secrets(name, inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_without_secrets(key, inner) for inner in value]
    return HIDDEN if is_secret(key, value) else _plain(value)
