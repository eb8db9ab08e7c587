"""Finding the server that rewrites, and its key; listing those there are, and adding one."""

import importlib.util
import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ovi_studio.errors import UsageError
from ovi_studio.project.atomic_write import replace_file
from ovi_studio.project.config import StudioConfig
from ovi_studio.project.config_file import read_config_file
from ovi_studio.project.file_lock import file_lock
from ovi_studio.project.layout import PROJECT_FILE, ProjectLayout
from ovi_studio.rewrite.connection import (
    ENVIRONMENT_NAME,
    Connection,
    choose_connection,
    fetch_key,
    read_connection,
)

INSTALL_COMMAND = 'pip install "ovi-studio[llm]"'

SETUP_COMMAND = "ovi connect ollama --model llama3.1"
"""What sets a connection up where there is none."""

_CONNECT_SECONDS = 0.7
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")

PRESETS: Mapping[str, Mapping[str, str]] = {
    "openai": {"model": "gpt-4o-mini", "api_key_env": "OPENAI_API_KEY"},
    "ollama": {"base_url": "http://localhost:11434/v1", "model": "llama3.1"},
    "lmstudio": {"base_url": "http://localhost:1234/v1"},
    "llamacpp": {"base_url": "http://localhost:8080/v1", "model": "local"},
    "vllm": {"base_url": "http://localhost:8000/v1"},
}
"""Where the usual servers are: what `ovi connect NAME` begins with."""

_START_COMMANDS = {11434: "ollama serve", 1234: "lms server start"}
"""What starts the servers that listen there."""


@dataclass(frozen=True, slots=True)
class ConnectionChoice:
    """One connection that could be used, and what is missing for that."""

    name: str
    label: str
    """`model (name)`"""
    connection: Connection | None
    """None: the configuration is wrong, see `problem`."""
    problem: str = ""
    """What is missing, in a sentence; "" if it can be used, as far as one can tell unasked."""
    remedy: str = ""
    """The command that sets it up; "" where that is no matter of a command."""


def connection_of(
    config: StudioConfig,
    name: str | None,
    *,
    model: str | None = None,
    concurrency: int | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Connection:
    """The connection to use, with what the command line says of it. Raises UsageError."""
    connection = choose_connection(name, config.llm, environment)
    if model is not None:
        connection = replace(connection, model=model)
    if concurrency is not None:
        connection = replace(connection, concurrency=concurrency)
    if not connection.model:
        where = f"[llm.{connection.name}]"
        raise UsageError(f"No model is named: add `model` to {where}, set OPENAI_MODEL, or give "
                         "--model.")  # fmt: skip
    return connection


def list_connections(
    config: StudioConfig, environment: Mapping[str, str] = os.environ
) -> list[ConnectionChoice]:
    """All connections that are configured, the one taken by default first. Calls nobody."""
    choices = [_choice(config, name, environment) for name in config.llm]
    has_own = any(environment.get(name, "").strip() for name in
                  ("OPENAI_BASE_URL", "OPENAI_API_KEY"))  # fmt: skip
    if has_own and ENVIRONMENT_NAME not in config.llm:
        choices.append(_choice(config, ENVIRONMENT_NAME, environment))
    return sorted(choices, key=lambda choice: choice.name != "default")


def server_problem(connection: Connection) -> tuple[str, str]:
    """Whether a server on this machine listens: what is missing in a sentence, and what starts it.

    Both "" if it listens, and for servers elsewhere: those are not called before the user says so.
    """
    parts = urlsplit(connection.address)
    if parts.hostname not in ("localhost", "127.0.0.1", "::1"):
        return "", ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        with socket.create_connection((parts.hostname, port), timeout=_CONNECT_SECONDS):
            return "", ""
    except OSError:
        problem = f"No server listens at {connection.address}."
        return problem, _START_COMMANDS.get(port, "")


def _choice(config: StudioConfig, name: str, environment: Mapping[str, str]) -> ConnectionChoice:
    try:
        connection = choose_connection(name, config.llm, environment)
    except UsageError as error:
        return ConnectionChoice(name, name, None, str(error))
    label = connection.label if connection.model else f"no model ({name})"
    problem, remedy = _missing(config, connection, environment)
    return ConnectionChoice(name, label, connection, problem, remedy)


def _missing(
    config: StudioConfig, connection: Connection, environment: Mapping[str, str]
) -> tuple[str, str]:
    if importlib.util.find_spec("openai") is None:
        return "The package that talks to servers is not installed.", INSTALL_COMMAND
    if not connection.model:
        is_own = connection.name == ENVIRONMENT_NAME
        return (f"{connection.name} names no model.",
                "export OPENAI_MODEL=NAME" if is_own else "")  # fmt: skip
    variable = connection.api_key_env
    if connection.api_key_command is not None or variable is None:
        return "", ""
    own = _table(config.user_path, connection.name, may_hold_secrets=True)
    if environment.get(variable, "").strip() or own.get("api_key"):
        return "", ""
    if connection.name == ENVIRONMENT_NAME:  # servers on this machine often want no key
        return "", ""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,63}", variable):
        return f"api_key_env of {connection.name} does not look like a variable's name.", ""
    return f"Its key is missing: the variable {variable} is not set.", f"export {variable}=..."


def add_connection(name: str, settings: Mapping[str, str], layout: ProjectLayout) -> Path:
    """Adds [llm.NAME] to the project's file; returns that file. What stands in it stays.

    Settings that a preset of this name has need not be given. Raises UsageError for a name that is
    taken or cannot be, and for settings that cannot be.
    """
    path = layout.root / PROJECT_FILE
    if not path.is_file():
        raise UsageError(f"There is no {path}: `ovi init` makes a project.")
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} is no name for a connection. Use letters, digits, - and _.")
    given = {key: value.strip() for key, value in settings.items() if value.strip()}
    table = {**PRESETS.get(name, {}), **given}
    if not table.get("model"):
        raise UsageError(f"Name the model of {name}: --model NAME.")
    if "base_url" not in table and name not in PRESETS:
        raise UsageError(f"Say where {name} is: --base-url http://localhost:8080/v1.")
    read_connection(name, table)
    with file_lock(path):
        if name in read_config_file(path, may_hold_secrets=False).llm:
            raise UsageError(f"{path} has [llm.{name}] already. Change it there.")
        before = path.read_bytes()
        lines = [f"[llm.{name}]", *(f"{key} = {_quoted(value)}" for key, value in table.items())]
        gap = b"" if before.endswith(b"\n") or not before else b"\n"
        with replace_file(path.resolve()) as stream:
            stream.write(before + gap + ("\n" + "\n".join(lines) + "\n").encode())
    return path


def _quoted(value: str) -> str:
    """A text as TOML has it."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    if not escaped.isprintable():
        raise UsageError(f"{value!r} has characters that no setting can have.")
    return f'"{escaped}"'


def key_of(
    config: StudioConfig, connection: Connection, environment: Mapping[str, str] = os.environ
) -> str | None:
    """The key of a connection; None for a server that wants none. Raises UsageError.

    A key in the user's own file goes only to the server which that file names: a project that says
    another address would get hold of it.
    """
    own = _table(config.user_path, connection.name, may_hold_secrets=True)
    written = own.get("api_key")
    if not isinstance(written, str) or not written.strip():
        return fetch_key(connection, environment)
    shared = _table(config.project_path, connection.name, may_hold_secrets=False)
    moved = shared.get("base_url", own.get("base_url")) != own.get("base_url")
    if moved and connection.api_key_env is None and connection.api_key_command is None:
        raise UsageError(
            f"The project's [llm.{connection.name}] names another server than your own file, whose "
            "key is not sent there. Give the project's connection a name and an api_key_env of its "
            "own."
        )
    return fetch_key(connection, environment, written=written.strip())


def _table(path: Path | None, name: str, *, may_hold_secrets: bool) -> Mapping[str, Any]:
    if path is None or not path.is_file():
        return {}
    return read_config_file(path, may_hold_secrets=may_hold_secrets).llm.get(name, {})
