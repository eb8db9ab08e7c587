"""The one server: the HTTP API and the page, behind the same guards."""

from typing import TYPE_CHECKING

from ovi_studio.web.context import WebContext

if TYPE_CHECKING:
    from fastapi import FastAPI


def build_server(context: WebContext, *, has_page: bool = True) -> "FastAPI":
    """The application that uvicorn runs: `/v1/...` and `/openapi.json`, the page at `/`."""
    from fastapi import FastAPI

    app = FastAPI(title="Ovi Studio", docs_url=None, redoc_url=None)
    if has_page:
        import gradio

        from ovi_studio.web.page import build_page

        app = gradio.mount_gradio_app(app, build_page(context), path="/")
    return app
