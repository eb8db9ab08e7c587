"""The one server: the HTTP API and the page, behind the same guard.

From outside to inside: `security.py` says who may ask, `page_gate.py` what of Gradio is there at
all, then come the API below `/v1` and the page at `/`.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ovi_studio.web.context import WebContext

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.types import ASGIApp

    from ovi_studio.web.api_events import OpenStreams


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """What is served, and to whom."""

    has_page: bool = True
    has_tools: bool = False
    """functions of the page are offered to assistants (MCP)"""
    allowed_hosts: frozenset[str] | None = None
    """None: any name, which needs a secret"""
    secret: str | None = None
    """password of the page and token of the API; None: nobody is asked"""


@dataclass(frozen=True, slots=True)
class WebServer:
    """What uvicorn runs."""

    app: "ASGIApp"
    streams: "OpenStreams"
    """has to be told when the server ends"""


def build_server(context: WebContext, options: ServerOptions, page_folder: Path) -> WebServer:
    """The whole application. `page_folder` is there, for what is uploaded during this run."""
    from fastapi import FastAPI

    from ovi_studio.web.api import PREFIX, build_api
    from ovi_studio.web.api_errors import install_error_handlers
    from ovi_studio.web.api_events import OpenStreams
    from ovi_studio.web.login import Login, login_routes
    from ovi_studio.web.page_gate import PageGate
    from ovi_studio.web.security import Guard, GuardRules

    assert options.allowed_hosts is not None or options.secret is not None
    login = None if options.secret is None else Login(options.secret)
    streams = OpenStreams(context.limits.event_streams)
    app = FastAPI(
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    install_error_handlers(app)
    app.mount(PREFIX, build_api(context, streams, needs_token=login is not None))
    if login is not None:
        app.router.routes.extend(login_routes(login))
    if options.has_page:
        app = _with_page(app, context, page_folder, has_tools=options.has_tools)
    gate = PageGate(
        app,
        page_folder,
        has_tools=options.has_tools,
        max_folder_bytes=context.limits.page_folder_bytes,
    )
    rules = GuardRules(
        allowed_hosts=options.allowed_hosts,
        max_body_bytes=context.limits.body_bytes,
        max_text_bytes=context.limits.text_bytes,
        login=login,
    )
    return WebServer(Guard(gate, rules), streams)


def _with_page(
    app: "FastAPI", context: WebContext, page_folder: Path, *, has_tools: bool
) -> "FastAPI":
    from ovi_studio.web.page_gate import close_gradio, tame_gradio

    tame_gradio(page_folder, os.environ)
    import gradio

    from ovi_studio.web.page import build_page, page_look

    page = build_page(context)
    if has_tools:
        from ovi_studio.web.tools import add_tools

        add_tools(page, context)
    mounted: FastAPI = gradio.mount_gradio_app(
        app,
        page,
        path="/",
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        ssr_mode=False,
        pwa=False,
        show_error=True,
        allowed_paths=[],
        max_file_size=context.limits.picture_bytes,
        mcp_server=has_tools,
        **page_look(),
    )
    close_gradio(page, (page_folder, context.layout.upload_folder))
    return mounted
