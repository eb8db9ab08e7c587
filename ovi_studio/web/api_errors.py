"""Errors of the HTTP API: one shape for all of them, the one that OpenAI's clients read.

`{"error": {"message", "type", "param", "code"}}`, where the message names the thing, the place and
the remedy. The same shape answers when a guard in front of the API refuses.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from ovi.errors import FirstFrameError, MediaError, OviError, WeightsError
from ovi_studio.actions.ordering import QueueFullError
from ovi_studio.errors import MissingExtraError, QueueError, StudioError, WorkerError

_LOG = logging.getLogger("ovi.web")

_TOLD_BY_GATE = "/gradio_api/"
"""Anybody can send Gradio what it cannot read; `page_gate.py` has one line in the log for it."""

_CODES = {
    400: "invalid_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    413: "too_large",
    415: "unsupported_media_type",
    416: "range_not_satisfiable",
    421: "wrong_host",
    429: "too_many_requests",
    500: "internal_error",
    501: "not_installed",
    503: "unavailable",
    507: "no_space",
}


_IN_PLAIN_WORDS = {
    ("prompt", "string_pattern_mismatch"): "it is empty; write what should be seen and heard",
    ("prompt", "string_too_short"): "it is empty; write what should be seen and heard",
    ("size", "string_pattern_mismatch"): "write width x height in pixels, such as 1280x704",
    ("seconds", "string_pattern_mismatch"): "write a number of seconds, such as 5",
    ("image_url", "string_pattern_mismatch"): "use data:image/png;base64,...; nothing is fetched",
}
"""(field, pydantic's kind of fault) -> what to say of it"""


class ApiError(Exception):
    """A request that is refused: the status, and what to tell."""

    def __init__(
        self, status: int, message: str, *, param: str | None = None, code: str | None = None
    ) -> None:
        """`param` is the field of the request that is at fault."""
        super().__init__(message)
        self.status = status
        self.param = param
        self.code = code or _CODES.get(status, "error")


def error_body(
    status: int, message: str, *, param: str | None = None, code: str | None = None
) -> dict[str, Any]:
    """An error as plain JSON values."""
    kind = "invalid_request_error" if status < 500 else "server_error"
    if status == 401:
        kind = "authentication_error"
    if status == 429:
        kind = "rate_limit_error"
    return {
        "error": {
            "message": message,
            "type": kind,
            "param": param,
            "code": code or _CODES.get(status, "error"),
        }
    }


def error_response(
    status: int,
    message: str,
    *,
    param: str | None = None,
    code: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """An error as a response."""
    body = error_body(status, message, param=param, code=code)
    return JSONResponse(body, status, headers=None if headers is None else dict(headers))


def install_error_handlers(app: FastAPI) -> None:
    """Makes every error of the application come out in the one shape."""
    app.add_exception_handler(ApiError, _on_api_error)
    app.add_exception_handler(StudioError, _on_user_error)
    app.add_exception_handler(OviError, _on_user_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(Exception, _on_surprise)


def first_fault(errors: Sequence[Any]) -> tuple[str, str | None]:
    """The first of pydantic's findings as a sentence, and the field that it is about."""
    fault = errors[0] if errors else {"msg": "it cannot be read", "loc": (), "type": ""}
    places = [str(part) for part in fault["loc"] if part not in ("body", "query", "path", "header")]
    field = ".".join(places) or None
    message = str(fault["msg"]).rstrip(".")
    kind = (places[-1] if places else "", str(fault["type"]))
    message = _IN_PLAIN_WORDS.get(kind, message)
    if fault["type"] == "extra_forbidden":
        message = "there is no such field; the OpenAPI document lists them"
    if fault["type"] == "json_invalid":
        field, message = None, "it holds no JSON that can be read"
    return f"{field or 'The request'}: {message}.", field


def _status_of(error: Exception) -> int:
    if isinstance(error, QueueFullError):
        return 429
    if isinstance(error, MissingExtraError):
        return 501
    if isinstance(error, QueueError | WorkerError):
        return 503
    if isinstance(error, MediaError):
        return 507
    return 400


async def _on_api_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ApiError)
    return error_response(error.status, str(error), param=error.param, code=error.code)


async def _on_user_error(_: Request, error: Exception) -> JSONResponse:
    status = _status_of(error)
    param = "input_reference" if isinstance(error, FirstFrameError) else None
    code = "weights_missing" if isinstance(error, WeightsError) else None
    if status == 429:
        code = "queue_full"
    headers = {"Retry-After": "30"} if status in (429, 503) else None
    return error_response(status, str(error), param=param, code=code, headers=headers)


async def _on_validation_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    message, param = first_fault(error.errors())
    return error_response(400, message, param=param)


async def _on_http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    message = str(error.detail)
    if error.status_code == 404:
        message = "There is nothing at this address. /v1/openapi.json lists what there is."
    elif error.status_code == 405:
        message = f"{request.method} is not possible here. /v1/openapi.json lists what is."
    elif error.status_code == 413:
        message = "The request is too large. Send a smaller picture, or a shorter prompt."
    return error_response(error.status_code, message, headers=error.headers)


async def _on_surprise(request: Request, error: Exception) -> JSONResponse:
    if not request.url.path.startswith(_TOLD_BY_GATE):
        _LOG.error("a request failed in a way that was not foreseen", exc_info=error)
    return error_response(
        500, "This was not foreseen; the server's log says more. Please report it with that."
    )
