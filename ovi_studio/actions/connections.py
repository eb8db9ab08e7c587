"""Finding the server that rewrites, and its key: what every command that calls one begins with."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ovi_studio.errors import UsageError
from ovi_studio.project.config import StudioConfig
from ovi_studio.project.config_file import read_config_file
from ovi_studio.rewrite.connection import Connection, choose_connection, fetch_key


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
