"""One call to a server through the package `openai`: messages in, an answer or a CallError out.

Answers are read piece by piece, up to a size and a time, so that a server can neither fill the
memory nor keep us waiting for ever. Keys are hidden here from all that a server says.
"""

import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ovi_studio.errors import MissingExtraError
from ovi_studio.rewrite.connection import ENVIRONMENT_NAME, Connection, ResponseFormat
from ovi_studio.rewrite.secret_keys import Secrets

MAX_BYTES = 8 << 20
"""Of one answer; larger ones are cut off unread."""

Messages = Sequence[Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answered."""

    text: str
    """"" where it refused or said nothing."""
    refusal: str = ""
    is_cut: bool = False
    """It ended for want of tokens."""
    input_tokens: int = 0
    output_tokens: int = 0
    is_counted: bool = False
    """The server counted the tokens."""


class CallError(Exception):
    """A call that gave no answer. Its message is fit to be shown."""

    def __init__(
        self, message: str, *, status: int | None = None, may_pass: bool = False,
        is_fatal: bool = False, retry_after: float | None = None,
    ) -> None:  # fmt: skip
        super().__init__(message)
        self.status = status
        """Of HTTP; None where no answer came."""
        self.may_pass = may_pass
        """The same call may work later."""
        self.is_fatal = is_fatal
        """No other call will work either."""
        self.retry_after = retry_after
        """Seconds the server asks to wait."""


class Server:
    """Makes calls; remembers which optional parameters the server does not take."""

    def __init__(self, connection: Connection, key: str | None) -> None:
        """Raises MissingExtraError where the package `openai` is not installed."""
        self.connection = connection
        self.secrets = Secrets([key] if key else [])
        self._openai = _import_openai()
        common: dict[str, Any] = {
            "api_key": key or "none",
            "timeout": connection.timeout_seconds,
            "max_retries": 0,  # we retry, so that every call is logged
            # A redirect would carry an Azure key, which is a header of its own, to another host.
            "http_client": self._openai.DefaultHttpxClient(follow_redirects=False),
        }
        is_own = connection.base_url is not None and connection.name != ENVIRONMENT_NAME
        if is_own:
            common["default_headers"] = dict.fromkeys(_headers_for_openai(), self._openai.omit)
        if connection.api_version is not None:
            self._client = self._openai.AzureOpenAI(
                azure_endpoint=connection.address, api_version=connection.api_version, **common
            )
        else:
            self._client = self._openai.OpenAI(
                base_url=connection.base_url or "https://api.openai.com/v1", **common
            )
        self._unknown: set[str] = set()

    def complete(
        self, messages: Messages, form: ResponseFormat, schema: Mapping[str, Any], max_tokens: int
    ) -> Reply:
        """The answer to messages. Raises CallError."""
        while True:
            options = self._options(form, schema, max_tokens)
            try:
                return self._call(messages, options)
            except CallError as error:
                if error.status not in (400, 422) or not self._drop_unknown(str(error), options):
                    raise

    def close(self) -> None:
        """Ends all connections, also those that calls are waiting on."""
        self._client.close()

    def _options(
        self, form: ResponseFormat, schema: Mapping[str, Any], max_tokens: int
    ) -> dict[str, Any]:
        options: dict[str, Any] = {"max_tokens": max_tokens}
        if "max_tokens" in self._unknown:  # newer models of OpenAI know it by another name
            options = {"max_completion_tokens": max_tokens}
        if self.connection.temperature is not None:
            options["temperature"] = self.connection.temperature
        if form is ResponseFormat.JSON_SCHEMA:
            named = {"name": "answer", "strict": True, "schema": schema}
            options["response_format"] = {"type": "json_schema", "json_schema": named}
        elif form is ResponseFormat.JSON_OBJECT:
            options["response_format"] = {"type": "json_object"}
        return {name: value for name, value in options.items() if name not in self._unknown}

    def _drop_unknown(self, message: str, options: Mapping[str, Any]) -> bool:
        """True if the server named a parameter that it does not take and that we can do without."""
        for name in ("max_tokens", "max_completion_tokens", "temperature"):
            if name in options and name in message:
                self._unknown.add(name)
                return True
        return False

    def _call(self, messages: Messages, options: Mapping[str, Any]) -> Reply:
        errors = self._openai
        deadline = time.monotonic() + self.connection.timeout_seconds
        try:
            with self._client.chat.completions.with_streaming_response.create(
                model=self.connection.model, messages=list(messages), **options
            ) as response:
                body = self._read(response, deadline)
        except errors.APITimeoutError as error:
            raise self._timeout() from error
        except errors.APIConnectionError as error:
            reason = self.secrets.hide(str(error.__cause__ or error))
            raise CallError(
                f"{self.connection.address} cannot be reached: {reason[:200]}. Does the server "
                f"run, and is base_url of [llm.{self.connection.name}] right?",
                may_pass=True,
            ) from None
        except errors.APIStatusError as error:
            raise self._status_error(error) from None
        except CallError:
            raise
        except Exception as error:  # what the transport raises while the answer is read
            if not _is_of_transport(error):
                raise
            if "imeout" in type(error).__name__:
                raise self._timeout() from None
            raise CallError(
                f"The connection broke off in the middle of the answer ({type(error).__name__}).",
                may_pass=True,
            ) from None
        return self._understood(body)

    def _read(self, response: Any, deadline: float) -> bytes:
        pieces: list[bytes] = []
        size = 0
        for piece in response.iter_bytes():
            pieces.append(piece)
            size += len(piece)
            if size > MAX_BYTES:
                raise CallError(f"The answer has more than {MAX_BYTES >> 20} MB; it was not read.")
            if time.monotonic() > deadline:
                raise self._timeout()
        return b"".join(pieces)

    def _timeout(self) -> CallError:
        seconds = self.connection.timeout_seconds
        return CallError(f"There was no answer within {seconds:g} s.", may_pass=True)

    def _status_error(self, error: Any) -> CallError:
        status = int(error.status_code)
        said = self.secrets.hide(" ".join(_message_of(error).split()))[:300]
        where = f"[llm.{self.connection.name}]"
        if status in (401, 403):
            return CallError(
                f"The server refused the key of {where} ({status}: {said}). Check api_key_env.",
                status=status, is_fatal=True,
            )  # fmt: skip
        if status == 404:
            return CallError(
                f"The server knows no such address or model (404: {said}). Check base_url and "
                f"model of {where}.", status=status, is_fatal=True,
            )  # fmt: skip
        if 300 <= status < 400:
            return CallError(
                f"The server sends calls to another address ({status}), where the key must not "
                f"follow. If you trust that address, make it the base_url of {where}.",
                status=status, is_fatal=True,
            )  # fmt: skip
        may_pass = status in (408, 409, 425, 429) or status >= 500
        return CallError(
            f"The server answered {status}: {said}", status=status, may_pass=may_pass,
            retry_after=_retry_after(error.response.headers),
        )  # fmt: skip

    def _understood(self, body: bytes) -> Reply:
        """The answer in a body. Bytes that are no UTF-8 come out as U+FFFD, to be refused later."""
        try:
            document = json.loads(body.decode("utf-8", "replace"))
            choice = document["choices"][0]
            message = choice.get("message") or {}
            text = message.get("content")
            refusal = message.get("refusal") or ""
            usage = document.get("usage") or {}
            counts = [_count(usage.get(n)) for n in ("prompt_tokens", "completion_tokens")]
        except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
            raise CallError(
                "The answer is no chat completion (broken or not JSON).", may_pass=True
            ) from None
        if isinstance(text, list):  # some servers answer in parts
            text = "".join(str(p.get("text", "")) for p in text if isinstance(p, dict))
        reason = choice.get("finish_reason")
        if reason == "content_filter" and not refusal:
            refusal = "its content filter stopped the answer"
        return Reply(
            text=self.secrets.hide(text) if isinstance(text, str) else "",
            refusal=self.secrets.hide(str(refusal)),
            is_cut=reason == "length",
            input_tokens=counts[0],
            output_tokens=counts[1],
            is_counted=any(counts),
        )


def _headers_for_openai() -> list[str]:
    """Names of headers that `openai` takes from variables, which are meant for OpenAI alone."""
    written = os.environ.get("OPENAI_CUSTOM_HEADERS", "").splitlines()
    custom = [line.partition(":")[0].strip() for line in written]
    return [name for name in ("OpenAI-Organization", "OpenAI-Project", *custom) if name]


def _import_openai() -> Any:
    try:
        import openai  # takes a second, and only calls need it
    except ImportError:
        raise MissingExtraError(
            'Rewriting with a model needs the package openai. Run: pip install "ovi-studio[llm]"; '
            "or use --offline."
        ) from None
    return openai


def _is_of_transport(error: Exception) -> bool:
    """True for what the HTTP package below `openai` raises, whichever it is."""
    return isinstance(error, OSError) or any(
        kind.__module__.partition(".")[0] in ("httpx", "httpx2", "httpcore", "httpcore2", "ssl")
        for kind in type(error).__mro__
    )


def _message_of(error: Any) -> str:
    body = error.body
    if isinstance(body, dict):
        inner = body.get("error", body)
        said = inner.get("message") if isinstance(inner, dict) else inner
        if said:
            return str(said)
    return str(error.message)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a server asks to wait; dates and nonsense count as nothing said."""
    try:
        seconds = float(headers.get("retry-after", ""))
    except ValueError:
        return None
    return seconds if 0 <= seconds < 3600 else None


def _count(value: Any) -> int:
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**12
    return value if is_count else 0
