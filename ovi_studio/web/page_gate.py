"""Keeps Gradio to what the page needs: its addresses one by one, and no file but uploads.

Gradio can do much that this page does not: fetch addresses for a client, serve files, run an
assistant that edits the page. Whatever is not named here is not reachable, so that an update of
Gradio opens nothing.
"""

import logging
import re
from collections.abc import MutableMapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ovi_studio.web.api import PREFIX
from ovi_studio.web.api_errors import error_response
from ovi_studio.web.login import LOGIN_PATH

_LOG = logging.getLogger("ovi.web")

_OURS = (LOGIN_PATH, "/logout", PREFIX)

_PAGES = ("/", "/config", "/theme.css", "/favicon.ico", "/robots.txt", "/manifest.json")

_FOLDERS = ("/assets/", "/static/", "/svelte/")

_GRADIO = "/gradio_api/"

_CALLS = re.compile(
    r"(info|app_id|startup-events|theme\.css|login_check|user|token|cancel|reset|upload"
    r"|upload_progress|queue/(join|data|status)|heartbeat/\w{1,64}"
    r"|(call|run|api)/[\w./-]{1,200})/?"
)

_TOOLS = re.compile(r"mcp(/.*)?")

_FILE = "file="

_UPLOAD = "/gradio_api/upload"

SETTINGS = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "GRADIO_SSR_MODE": "False",
    "GRADIO_RUN_HISTORY": "False",
    "GRADIO_SHARE": "False",
    "GRADIO_MCP_SERVER": "False",
    "GRADIO_ALLOWED_PATHS": "",
    "GRADIO_WATCH_DIRS": "",
    "GRADIO_VIBE_MODE": "",
}
"""What Gradio reads from the environment: no telemetry, nothing outside, nothing but the page."""


def tame_gradio(page_folder: Path, environment: MutableMapping[str, str]) -> None:
    """Tells Gradio where its files go, and to be quiet. Has to happen before it is imported."""
    environment.update(SETTINGS)
    environment["GRADIO_TEMP_DIR"] = str(page_folder)
    environment["GRADIO_EXAMPLES_CACHE"] = str(page_folder / "examples")


def close_gradio(page: Any, folders: Sequence[Path]) -> None:
    """Lets components take files of some folders only, once the page is mounted.

    A mounted page is not launched in Gradio's eyes, and until it is, Gradio copies whatever file a
    client names into the folder that it serves from. An address that a client names instead of an
    upload would be fetched.
    """
    from gradio import processing_utils
    from gradio.exceptions import InvalidPathError

    page.has_launched = page.is_running = True

    def check_upload(path: str | Path, check_in_upload_folder: bool) -> None:
        del check_in_upload_folder  # what the page shows lies in the same folders
        if not any(is_inside(path, folder) for folder in folders):
            raise InvalidPathError("Only files that were uploaded to this page are taken.")

    async def refuse(*_: Any, **__: Any) -> NoReturn:
        raise PermissionError("Addresses are not fetched here: upload the file itself.")

    processing_utils._check_allowed = check_upload
    processing_utils.async_ssrf_protected_get = refuse
    processing_utils.async_ssrf_protected_download = refuse


def is_inside(path: str | Path, folder: Path) -> bool:
    """Whether a path is a file in a folder, links followed."""
    try:
        real = Path(path).resolve(strict=True)
        return real.is_file() and real.is_relative_to(folder.resolve())
    except (OSError, ValueError):
        return False


class PageGate:
    """Wraps the application that holds the page."""

    def __init__(
        self, app: ASGIApp, page_folder: Path, *, has_tools: bool, max_folder_bytes: int
    ) -> None:
        """`page_folder` is where uploads lie; with `has_tools` the MCP server is reachable."""
        self._app = app
        self._folder = page_folder
        self._has_tools = has_tools
        self._max_folder_bytes = max_folder_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "http" and not self._is_open(scope["path"]):
            refusal = error_response(404, "There is nothing at this address.")
            await refusal(scope, receive, send)
            return
        if scope["type"] == "http" and scope["path"] == _UPLOAD and self._is_full():
            refusal = error_response(
                413,
                "Too much was uploaded to this page since it was opened. End it with Ctrl-C and "
                "start it again.",
            )
            await refusal(scope, receive, send)
            return
        if scope["type"] == "http" and scope["path"].startswith(_GRADIO):
            await self._calm(scope, receive, send)
            return
        await self._app(scope, receive, send)

    async def _calm(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request to Gradio; what it cannot read is a line in the log and no torn connection.

        Gradio has answered with 500 before it raises, or is in the middle of a stream.
        """
        is_open = False

        async def sending(message: Message) -> None:
            nonlocal is_open
            is_open = message.get("more_body", message["type"] == "http.response.start")
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception as error:
            _LOG.warning("%s: %s", scope["path"][:80], type(error).__name__)
            if is_open:
                await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _is_open(self, path: str) -> bool:
        if any(path == ours or path.startswith(f"{ours}/") for ours in _OURS) or path in _PAGES:
            return True
        if ".." in path.split("/"):
            return False
        if path.startswith(_FOLDERS):
            return True
        if not path.startswith(_GRADIO):
            return False
        rest = path.removeprefix(_GRADIO)
        if rest.startswith(_FILE):
            return is_inside(rest.removeprefix(_FILE), self._folder)
        return bool(_CALLS.fullmatch(rest)) or (self._has_tools and bool(_TOOLS.fullmatch(rest)))

    def _is_full(self) -> bool:
        """Whether uploads of this run have taken the room that they may take."""
        held = sum(path.stat().st_size for path in self._folder.rglob("*") if path.is_file())
        return held > self._max_folder_bytes
