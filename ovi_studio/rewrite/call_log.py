"""The log of all calls to servers, and the store of answers that need not be paid twice."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ovi_studio.rewrite.records import Records
from ovi_studio.rewrite.secret_keys import Secrets

MAX_LOGGED_CHARACTERS = 20_000
"""Of one answer; a server can send far more."""

STORE_VERSION = 1
"""Part of every key: raised when the same request has to be answered anew."""


def log_path(state_folder: Path) -> Path:
    """Where the log of a project lies."""
    return state_folder / "rewrite" / "calls.jsonl"


def store_path(state_folder: Path) -> Path:
    """Where the answers of a project lie."""
    return state_folder / "rewrite" / "answers.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call as the log has it."""

    time: str
    """UTC, ISO 8601."""
    connection: str
    address: str
    model: str
    response_format: str
    messages: Sequence[Mapping[str, str]]
    rows: Sequence[str]
    """Ids of the rows that were asked for."""
    schema: Mapping[str, Any]
    max_tokens: int
    answer: str = ""
    error: str = ""
    status: int | None = None
    seconds: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    is_counted: bool = True
    """False: the tokens are an estimate."""
    price: float | None = None

    def record(self) -> dict[str, Any]:
        """As JSON values."""
        values = {name: getattr(self, name) for name in self.__slots__}
        values["answer"] = self.answer[:MAX_LOGGED_CHARACTERS]
        return values


def now_text() -> str:
    """The time as records have it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def read_calls(state_folder: Path) -> list[dict[str, Any]]:
    """All calls of a project, the oldest first; the n-th is call number n."""
    return list(Records(log_path(state_folder), Secrets()))


class AnswerStore:
    """Accepted answers by what was asked: the same question costs nothing again."""

    def __init__(self, path: Path, secrets: Secrets) -> None:
        self._records = Records(path, secrets)
        self._answers = {
            record["key"]: record
            for record in self._records
            if isinstance(record.get("key"), str) and _is_texts(record.get("words"))
        }

    def find(self, key: str) -> tuple[tuple[str, ...], str] | None:
        """The words that answered a question, and when; None if nothing did."""
        record = self._answers.get(key)
        return None if record is None else (tuple(record["words"]), str(record.get("time", "")))

    def add(self, key: str, words: Sequence[str], time: str) -> None:
        """Keeps an answer for good."""
        record = {"key": key, "time": time, "words": list(words)}
        self._answers[key] = record
        self._records.add(record)


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def question_key(**parts: Any) -> str:
    """The hash of everything that decides an answer."""
    written = json.dumps({"version": STORE_VERSION, **parts}, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(written.encode()).hexdigest()
