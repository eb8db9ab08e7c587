"""The log of calls to language models: listing them, and making one again."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ovi_studio.actions.connections import connection_of, key_of
from ovi_studio.actions.settings import load_settings
from ovi_studio.errors import StudioError, UsageError
from ovi_studio.project.layout import find_layout
from ovi_studio.rewrite.call_log import log_path, read_calls
from ovi_studio.rewrite.calling import Caller, Completes, Question, Spent
from ovi_studio.rewrite.connection import Connection, ResponseFormat
from ovi_studio.rewrite.records import Records
from ovi_studio.rewrite.server import CallError, Server


@dataclass(frozen=True, slots=True)
class Replay:
    """A call that was made again."""

    before: str
    """What was answered then, or the error."""
    now: str
    spent: Spent


def list_calls(working_folder: Path) -> list[tuple[int, Mapping[str, Any]]]:
    """All calls of the project with their numbers, the oldest first."""
    calls = read_calls(find_layout(working_folder).state.path)
    return list(enumerate(calls, 1))


def call_numbered(number: int, working_folder: Path) -> Mapping[str, Any]:
    """One call. Raises UsageError if there is none of that number."""
    calls = dict(list_calls(working_folder))
    if number not in calls:
        there = f"There are calls 1 to {len(calls)}." if calls else "No call was made here yet."
        raise UsageError(f"There is no call {number}. {there}")
    return calls[number]


def replay_call(
    number: int,
    working_folder: Path,
    *,
    connect: Callable[[Connection, str | None], Completes] = Server,
) -> Replay:
    """Sends a call of the log again, to the same connection and model; it is logged too.

    Raises UsageError for a call or connection that is gone, StudioError if the call fails.
    """
    call = call_numbered(number, working_folder)
    config = load_settings(working_folder)
    messages = call.get("messages")
    if not isinstance(messages, list) or not messages:
        raise UsageError(f"Call {number} has no messages to send again.")
    model = str(call.get("model") or "")
    connection = connection_of(config, str(call.get("connection") or ""), model=model)
    if connection.address != call.get("address"):
        raise UsageError(
            f"Call {number} went to {call.get('address')}, and [llm.{connection.name}] now names "
            f"{connection.address}. What was sent there is not sent elsewhere."
        )
    try:
        form = ResponseFormat(str(call.get("response_format")))
    except ValueError:
        form = ResponseFormat.TEXT
    server = connect(replace(connection, response_format=form), key_of(config, connection))
    log = Records(log_path(find_layout(working_folder).state.path), server.secrets)
    caller = Caller(server, log, threading.Event())
    schema = call.get("schema")
    question = Question(
        messages=lambda _: messages,
        schema=schema if isinstance(schema, dict) else {},
        max_tokens=int(call.get("max_tokens") or 1000),
        rows=tuple(map(str, call.get("rows") or ())),
    )
    try:
        reply = caller.ask(question)
    except CallError as error:
        raise StudioError(str(error)) from error
    finally:
        server.close()
    before = str(call.get("error") or call.get("answer") or "")
    return Replay(before, reply.text or reply.refusal, caller.spent)
