"""Reads one configuration file: TOML text to entries that know their line.

Unknown keys, wrong types and secrets are found here; which file wins is `project/config.py`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ovi.errors import RequestError
from ovi_studio.errors import UsageError
from ovi_studio.project.config_settings import SECTIONS, SETTING_OF, Setting

SCHEMA = 1
"""The version of the settings that this program reads."""

_SECRET_WORDS = frozenset(
    {"key", "apikey", "token", "secret", "password", "passwd", "credential", "credentials",
     "authorization", "bearer"}
)  # fmt: skip
"""A key whose last word is one of these holds a secret; `api_key_env` and `max_tokens` do not."""

_SECRET_VALUE = re.compile(r"\A(?:sk|pk|hf|gsk|xai)[-_]\w{8}|\ABearer\s|://[^/\s:@]+:[^/\s@]+@")

_HEADER = re.compile(r"\s*\[\[?([^\[\]]+)\]")
_KEY = re.compile(
    r"\s*((?:[\w-]+|\"[^\"]*\"|'[^']*')(?:\s*\.\s*(?:[\w-]+|\"[^\"]*\"|'[^']*'))*)\s*="
)
_MULTILINE = re.compile(r'"""|\'\'\'')


@dataclass(frozen=True, slots=True)
class Entry:
    """One setting as a file or a variable says it."""

    setting: Setting
    value: Any
    place: str
    """`FILE, line N`, or the variable's name."""


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """What one file says."""

    path: Path
    entries: tuple[Entry, ...]
    llm: Mapping[str, Mapping[str, Any]]
    """Connections by name, kept as they are."""


def read_config_file(path: Path, *, may_hold_secrets: bool) -> ConfigFile:
    """The settings in a file.

    Raises UsageError that names the file, the line and the key: for what is no TOML, for unknown
    keys and values that cannot be, and for secrets in a file that others may read.
    """
    text = _read_text(path)
    document = _parse(path, text)
    lines = _Lines(path, text)
    _check_schema(document.pop("schema", SCHEMA), lines)
    llm = document.pop("llm", {})
    _check_llm(llm, lines, may_hold_secrets=may_hold_secrets)
    return ConfigFile(path, tuple(_entries(document, lines)), llm)


def read_value(setting: Setting, value: object, folder: Path, place: str) -> Any:
    """The value of a setting, checked. Raises UsageError that names the place and the key."""
    if not setting.kind.accepts(value):
        raise UsageError(f"{place}: {setting.key} must be {setting.kind.described}, not {value!r}.")
    try:
        result = setting.kind.read(value, folder)
        setting.check(result)
    except RequestError as error:
        raise UsageError(f"{place}: {setting.key}: {error}") from error
    except ValueError as error:
        raise UsageError(f"{place}: {setting.key} {error}.") from error
    return result


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 text; save it as UTF-8.") from error


def _parse(path: Path, text: str) -> dict[str, Any]:
    import tomllib  # ten milliseconds, for those who have such a file

    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, ValueError) as error:  # an absurdly long number is the latter
        place = re.search(r"\(at line (\d+)", str(error))
        problem = str(error).partition(" (at ")[0]
        line = f", line {place[1]}" if place else ""
        raise UsageError(f"{path}{line}: this is not TOML: {problem}.") from error
    except RecursionError as error:
        raise UsageError(f"{path}: its values are nested too deeply.") from error


class _Lines:
    """Where the keys of a file stand; TOML's reader does not say."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self._line_of = _find_lines(text)

    def place(self, key: str) -> str:
        """`FILE, line N`; without a line for a key written in an unusual way."""
        line = self._line_of.get(key)
        return str(self.path) if line is None else f"{self.path}, line {line}"


def _find_lines(text: str) -> dict[str, int]:
    """1-based line of each table header and key, by full key."""
    found: dict[str, int] = {}
    table = ""
    is_inside_text = False
    for number, line in enumerate(text.splitlines(), 1):
        was_inside_text = is_inside_text
        if len(_MULTILINE.findall(line)) % 2:
            is_inside_text = not is_inside_text
        if was_inside_text:
            continue
        if header := _HEADER.match(line):
            table = _plain_key(header[1])
            found.setdefault(table, number)
        elif key := _KEY.match(line):
            name = _plain_key(key[1])
            found.setdefault(f"{table}.{name}" if table else name, number)
    return found


def _plain_key(written: str) -> str:
    return ".".join(part.strip().strip("\"'") for part in written.split("."))


def _check_schema(schema: object, lines: _Lines) -> None:
    if schema == SCHEMA and not isinstance(schema, bool):
        return
    place = lines.place("schema")
    if isinstance(schema, int) and schema > SCHEMA:
        raise UsageError(
            f"{place}: schema {schema} is newer than this program, which reads schema {SCHEMA}. "
            "Upgrade ovi-studio."
        )
    raise UsageError(f"{place}: schema must be {SCHEMA}, not {schema!r}.")


def _entries(document: Mapping[str, Any], lines: _Lines) -> Iterator[Entry]:
    for section, table in document.items():
        if section not in SECTIONS or not isinstance(table, dict):
            raise _unknown(section, lines, is_table=isinstance(table, dict))
        for name, value in table.items():
            setting = SETTING_OF.get(f"{section}.{name}")
            if setting is None:
                raise _unknown(f"{section}.{name}", lines)
            place = lines.place(setting.key)
            yield Entry(setting, read_value(setting, value, lines.path.parent, place), place)


def _unknown(key: str, lines: _Lines, *, is_table: bool = False) -> UsageError:
    import difflib  # only the few who need it pay for it

    if is_table:
        known = [f"[{name}]" for name in SECTIONS]
        near = difflib.get_close_matches(f"[{key}]", known, n=1)
        hint = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(known)}."
        return UsageError(f"{lines.place(key)}: [{key}] is no section. {hint}")
    by_name = {setting.name: setting.key for setting in SETTING_OF.values()}
    name = key.rpartition(".")[2]
    names = difflib.get_close_matches(name.lower().replace("-", "_"), by_name, n=1)
    keys = difflib.get_close_matches(key, SETTING_OF, n=1)
    near_key = by_name[names[0]] if names else next(iter(keys), None)
    hint = f"Did you mean {near_key}?" if near_key else "`ovi config show` lists all settings."
    return UsageError(f"{lines.place(key)}: {key} is no setting. {hint}")


def _check_llm(llm: object, lines: _Lines, *, may_hold_secrets: bool) -> None:
    if not isinstance(llm, dict) or not all(isinstance(table, dict) for table in llm.values()):
        raise UsageError(f"{lines.place('llm')}: connections are tables of their own: [llm.NAME].")
    if may_hold_secrets:
        return
    for key in _secrets(llm, "llm"):
        raise UsageError(
            f"{lines.place(key)}: {key} holds a secret, and this file is meant to be shared. "
            "Remove it from here, put it into an environment variable, and name that one instead, "
            "such as api_key_env."
        )


def _secrets(table: Mapping[str, Any], prefix: str) -> Iterator[str]:
    """Full keys of values that look like secrets."""
    for name, value in table.items():
        key = f"{prefix}.{name}"
        if isinstance(value, dict):
            yield from _secrets(value, key)
        elif isinstance(value, list):
            yield from _secrets({name: {str(n): item for n, item in enumerate(value)}}, prefix)
        elif is_secret(name, value):
            yield key


def is_secret(name: str, value: object) -> bool:
    """True if a connection's value should not be shown: by its name, or by what it looks like."""
    if not isinstance(value, str) or not value:
        return False
    words = re.split(r"[^A-Za-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower())
    return words[-1] in _SECRET_WORDS or _SECRET_VALUE.search(value) is not None
