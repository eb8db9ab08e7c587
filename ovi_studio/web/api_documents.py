"""What the OpenAPI document says about answers and bodies that the code alone does not tell."""

from typing import Any

from ovi_studio.web.api_models import ErrorAnswer, VideoForm, VideoOrder

_MEANINGS = {
    400: "The request is wrong; the message says what to change.",
    401: "A token is needed: Authorization: Bearer ...",
    403: "Refused: it comes from another site.",
    404: "There is no such thing.",
    409: "It is not in a state for that.",
    413: "The request is too large.",
    415: "Neither JSON nor a form.",
    416: "There are no such bytes.",
    429: "The queue is full, or too many watch.",
    501: "A part that this needs is not installed.",
    503: "The queue cannot be used now.",
    507: "The disk is full.",
}


def answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors that an address may answer with, all in the same shape."""
    always = (401, 403, 413, 503)
    return {
        status: {"model": ErrorAnswer, "description": _MEANINGS[status]}
        for status in sorted({*statuses, *always})
    }


def video_body() -> dict[str, Any]:
    """The body of `POST /v1/videos`: JSON or a form."""
    return {
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": _schema(VideoOrder)},
                "multipart/form-data": {"schema": _schema(VideoForm)},
            },
        }
    }


def _schema(model: Any) -> dict[str, Any]:
    """The schema of a model with everything it refers to written out in place."""
    schema: dict[str, Any] = model.model_json_schema()
    definitions = schema.pop("$defs", {})

    def resolved(part: Any) -> Any:
        if isinstance(part, dict):
            reference = part.get("$ref")
            if reference is not None:
                return resolved(definitions[reference.rpartition("/")[2]])
            return {key: resolved(value) for key, value in part.items()}
        return [resolved(each) for each in part] if isinstance(part, list) else part

    plain: dict[str, Any] = resolved(schema)
    return plain
