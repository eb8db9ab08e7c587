"""The HTTP API as one application, to be mounted at `/v1`."""

from fastapi import FastAPI

import ovi
from ovi_studio.web.api_errors import install_error_handlers
from ovi_studio.web.api_events import OpenStreams, event_routes
from ovi_studio.web.api_media import MediaFiles, media_routes
from ovi_studio.web.api_studio import studio_routes
from ovi_studio.web.api_videos import video_routes
from ovi_studio.web.context import WebContext
from ovi_studio.web.looks import QueueLooks

PREFIX = "/v1"

_DESCRIPTION = """\
Orders clips of Ovi Studio, watches them and fetches them. Addresses and fields are those of
OpenAI's videos API where it has them. Errors come as `{"error": {message, type, param, code}}`.
"""


def build_api(context: WebContext, streams: OpenStreams, *, needs_token: bool) -> FastAPI:
    """The application that answers below `/v1`. Who may ask is decided in front of it."""
    api = FastAPI(
        title="Ovi Studio",
        description=_DESCRIPTION,
        version=ovi.__version__,
        docs_url=None,  # both pages would load scripts from elsewhere
        redoc_url=None,
        max_body_size=context.limits.body_bytes,
        telemetry={"tracing": False, "metrics": False, "logs": False},
        servers=[{"url": PREFIX}],
        root_path_in_servers=False,
        redirect_slashes=False,
        separate_input_output_schemas=False,
    )
    install_error_handlers(api)
    looks, files = QueueLooks(context.layout), MediaFiles(context)
    for router in (
        video_routes(context, looks, files),
        media_routes(files, looks),
        event_routes(context, looks, streams),
        studio_routes(context, looks),
    ):
        api.include_router(router)
    if needs_token:
        _ask_for_token(api)
    return api


def _ask_for_token(api: FastAPI) -> None:
    """Says in the OpenAPI document that a token is needed; the guard in front checks it."""
    make = api.openapi

    def openapi() -> dict[str, object]:
        document = make()
        parts = document.setdefault("components", {})
        parts["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        document["security"] = [{"token": []}]
        return document

    api.openapi = openapi  # type: ignore[method-assign]
