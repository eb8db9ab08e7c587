"""A connection to a server that rewrites: what `[llm.NAME]` says, checked, and how to get its key.

The key itself is never part of a `Connection`: it is fetched when a call is about to be made.
"""

import difflib
import re
import shlex
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from ovi_studio.errors import UsageError

ENVIRONMENT_NAME = "environment"
"""The connection that OPENAI_BASE_URL and OPENAI_API_KEY make."""

KEY_SECONDS = 30
"""How long a command may take to give a key: it may ask for a fingerprint."""


class ResponseFormat(StrEnum):
    """How a server is asked for data; the first is the strictest."""

    JSON_SCHEMA = "json_schema"
    JSON_OBJECT = "json_object"
    TEXT = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """One server, without its key."""

    name: str
    base_url: str | None = None
    """None: OpenAI's own."""
    model: str = ""
    api_version: str | None = None
    """Given for Azure, whose `base_url` is the resource's endpoint and `model` the deployment."""
    api_key_env: str | None = None
    api_key_command: str | None = None
    response_format: ResponseFormat | None = None
    """None: the strictest that the server takes."""
    concurrency: int = 4
    """Requests at once."""
    rows_per_request: int = 4
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    price_input: float | None = None
    """Of a million tokens, in whatever currency; with `price_output` costs are shown."""
    price_output: float | None = None
    timeout_seconds: float = 120.0
    """For one request, however slowly it trickles in."""
    retries: int = 4
    """Of a request that failed for a reason that may pass."""
    temperature: float | None = None
    """None: the server's own."""
    max_output_tokens: int = 16_000

    @property
    def address(self) -> str:
        """Where requests go, for people."""
        return self.base_url or "https://api.openai.com/v1"

    @property
    def label(self) -> str:
        """`model (name)`, for reports and the column rewrite_model."""
        return f"{self.model} ({self.name})"

    def price_of(self, input_tokens: int, output_tokens: int) -> float | None:
        """What so many tokens cost; None where the prices are not configured."""
        if self.price_input is None and self.price_output is None:
            return None
        paid = input_tokens * (self.price_input or 0) + output_tokens * (self.price_output or 0)
        return paid / 1e6


_KEY = re.compile(r"\b(?:sk|pk|hf|gsk|xai)[-_](?=[\w-]*\d)[\w-]{16,}")
_TEXTS = ("base_url", "model", "api_version", "api_key_env", "api_key_command")
_COUNTS = ("concurrency", "rows_per_request", "max_output_tokens")
_AMOUNTS = ("requests_per_minute", "tokens_per_minute", "timeout_seconds")
_FREE_AMOUNTS = ("price_input", "price_output", "temperature")
_KNOWN = (*_TEXTS, *_COUNTS, *_AMOUNTS, *_FREE_AMOUNTS, "retries", "response_format", "api_key")


def read_connection(name: str, table: Mapping[str, Any]) -> Connection:
    """The connection that a table describes; `api_key` in it is left alone.

    Raises UsageError that names the key, for unknown ones and values that cannot be.
    """
    place = f"[llm.{name}]"
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in _KNOWN:
            near = difflib.get_close_matches(key, _KNOWN[:-1], n=1)
            hint = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(_KNOWN[:-1])}."
            raise UsageError(f"{place}: {key} is no setting of a connection. {hint}")
        if key != "api_key":
            values[key] = _read_value(place, key, value)
    connection = Connection(name=name, **values)
    if connection.base_url is not None:
        _check_address(place, connection.base_url)
    if connection.api_version is not None and connection.base_url is None:
        raise UsageError(f"{place}: with api_version, base_url has to name the Azure endpoint.")
    return connection


def _read_value(place: str, key: str, value: Any) -> Any:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if key in _TEXTS:
        if isinstance(value, str) and _KEY.search(value):
            raise UsageError(
                f"{place}: {key} holds a key itself, and this file is meant to be shared. Put the "
                "key into an environment variable, and name that one in api_key_env."
            )
        if isinstance(value, str) and value.strip():
            return value.strip()
        raise UsageError(f"{place}: {key} must be a text in quotes, not {value!r}.")
    if key == "response_format":
        if value in (*ResponseFormat, "auto"):
            return None if value == "auto" else ResponseFormat(value)
        known = ", ".join(("auto", *ResponseFormat))
        raise UsageError(f"{place}: response_format must be one of {known}, not {value!r}.")
    if key in _COUNTS or key == "retries":
        least = 0 if key == "retries" else 1
        if is_number and isinstance(value, int) and least <= value <= 1_000_000:
            return value
        raise UsageError(f"{place}: {key} must be a whole number from {least}, not {value!r}.")
    if is_number and 0 <= value < 1e12 and (value > 0 or key in _FREE_AMOUNTS):
        return float(value)
    raise UsageError(f"{place}: {key} must be a number {_least(key)}, not {value!r}.")


def _least(key: str) -> str:
    return "of 0 or more" if key in _FREE_AMOUNTS else "above 0"


def _check_address(place: str, address: str) -> None:
    try:
        parts = urlsplit(address)
        is_whole = parts.scheme in ("http", "https") and bool(parts.hostname)
        parts.port  # noqa: B018 - reading it checks it
    except ValueError:
        is_whole = False
        parts = urlsplit("")
    if not is_whole:
        raise UsageError(f"{place}: base_url must be an address such as http://localhost:8080/v1.")
    if parts.username is not None or parts.password is not None or parts.query:
        raise UsageError(
            f"{place}: base_url may not hold a name, a password or a query: an address is shown "
            "and written down. Give the key through api_key_env or api_key_command."
        )


def choose_connection(
    name: str | None, tables: Mapping[str, Mapping[str, Any]], environment: Mapping[str, str]
) -> Connection:
    """The connection named; else `default`, else the only one there is, else the environment's.

    A key that lies about in the environment does not take prompts to a server that the project
    does not name. Raises UsageError where none is meant for certain.
    """
    if name is not None and name in tables:
        return read_connection(name, tables[name])
    from_environment = _of_environment(environment)
    if name == ENVIRONMENT_NAME and from_environment is not None:
        return from_environment
    known = [*tables, *([ENVIRONMENT_NAME] if from_environment else [])]
    if name is not None:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(known) or 'none'}."
        raise UsageError(f"There is no connection {name!r}. {hint} Add [llm.{name}] to ovi.toml.")
    if "default" in tables:
        return read_connection("default", tables["default"])
    if len(tables) == 1:
        return next(read_connection(only, table) for only, table in tables.items())
    if tables:
        raise UsageError(
            f"Several connections are configured: {', '.join(tables)}. Choose one with "
            "--connection, or call one of them `default`."
        )
    if from_environment is not None:
        return from_environment
    raise UsageError(
        "No server is configured. Set one up, such as `ovi connect ollama --model llama3.1`, or "
        "set OPENAI_BASE_URL or OPENAI_API_KEY. Speech for a theme needs no server with --offline."
    )


def _of_environment(environment: Mapping[str, str]) -> Connection | None:
    address = environment.get("OPENAI_BASE_URL", "").strip()
    if not address and not environment.get("OPENAI_API_KEY", "").strip():
        return None
    table = {"base_url": address, "model": environment.get("OPENAI_MODEL", "").strip()}
    given = {key: value for key, value in table.items() if value}
    return replace(read_connection(ENVIRONMENT_NAME, given), api_key_env="OPENAI_API_KEY")


def fetch_key(
    connection: Connection,
    environment: Mapping[str, str],
    *,
    written: str | None = None,
    run: Callable[..., "subprocess.CompletedProcess[str]"] = subprocess.run,
) -> str | None:
    """The key of a connection: from a command, a variable, or `written` in the user's own file.

    None for a server that wants none. Raises UsageError, which never holds what a command wrote.
    """
    if connection.api_key_command is not None:
        return _key_of_command(connection, run)
    if connection.api_key_env is not None:
        key = environment.get(connection.api_key_env, "").strip()
        if key:
            _check_key(connection, key, connection.api_key_env)
            return key
        if connection.name != ENVIRONMENT_NAME:
            raise UsageError(
                f"The key of [llm.{connection.name}] is to come from the variable "
                f"{_shown_name(connection.api_key_env)}, which is not set. Set it."
            )
    return written


def _shown_name(variable: str) -> str:
    """The name of a variable; somebody may have written the key itself in its place."""
    is_name = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,63}", variable)
    return variable if is_name else "named in api_key_env (it does not look like a name)"


def _check_key(connection: Connection, key: str, source: str) -> None:
    if not key.isascii() or not key.isprintable() or " " in key:
        raise UsageError(
            f"The key of [llm.{connection.name}], from {source}, has characters that no key has. "
            "Is it the key itself, and all of it?"
        )


def _key_of_command(
    connection: Connection, run: Callable[..., "subprocess.CompletedProcess[str]"]
) -> str:
    place = f"api_key_command of [llm.{connection.name}]"
    assert connection.api_key_command is not None
    try:
        words = shlex.split(connection.api_key_command)
        ended = run(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True, timeout=KEY_SECONDS, check=False,
        )  # fmt: skip
    except UnicodeDecodeError:
        raise UsageError(f"{place} gave something that is no text, and no key.") from None
    except ValueError as error:
        raise UsageError(f"{place} is no command: {error}. Write it as in a terminal.") from error
    except (OSError, IndexError) as error:
        raise UsageError(
            f"{place} cannot be started ({type(error).__name__}). Is it installed, and on the path?"
        ) from error
    except subprocess.TimeoutExpired:
        raise UsageError(f"{place} gave no key within {KEY_SECONDS} s. Does it wait for an answer? "
                         "It gets none: unlock the key before.") from None  # fmt: skip
    lines = ended.stdout.split()
    if ended.returncode != 0 or not lines:
        raise UsageError(
            f"{place} ended with code {ended.returncode} and gave no key. Run it in a terminal: it "
            "has to print the key, and nothing before it."
        )
    _check_key(connection, lines[0], "its command")
    return lines[0]
