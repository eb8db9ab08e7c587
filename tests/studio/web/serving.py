"""A server for tests: the real application in a real uvicorn on loopback, in a thread."""

import asyncio
import socket
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import uvicorn

from ovi_studio.project.layout import ProjectLayout
from ovi_studio.render.keeper import start_keeper
from ovi_studio.web.context import Limits, WebContext
from ovi_studio.web.security import LOOPBACK_NAMES
from ovi_studio.web.server import ServerOptions, build_server
from tests.studio.render.fake_worker import COMMAND

ROOT = Path(__file__).parents[3]
KEEPER = (
    sys.executable,
    "-c",
    f"from ovi_studio.render import keeper\nkeeper.main(worker_command={COMMAND!r})",
)
"""A keeper whose workers have no engine: the words of a prompt say what becomes of it."""


def keep_with_fake_worker(queue_path):
    start_keeper(queue_path, KEEPER)


def keep_nobody(_queue_path):
    """What is ordered waits."""


@dataclass
class Running:
    """A server that answers."""

    port: int
    context: WebContext
    streams: object
    clients: list = field(default_factory=list)

    @property
    def address(self):
        return f"http://127.0.0.1:{self.port}"

    def client(self, **options):
        client = httpx.Client(base_url=self.address, timeout=30, **options)
        self.clients.append(client)
        return client


@contextmanager
def running_server(
    folder, *, has_page=False, secret=None, keep_queue=keep_nobody, limits=None, has_tools=False
):
    """A server for the project in a folder, until the block ends."""
    context = WebContext(
        layout=ProjectLayout(folder), keep_queue=keep_queue, limits=limits or Limits()
    )
    context.layout.state.create()
    context.layout.state.page_folder.mkdir(exist_ok=True)
    options = ServerOptions(
        has_page=has_page, has_tools=has_tools, secret=secret,
        allowed_hosts=None if secret else LOOPBACK_NAMES,
    )  # fmt: skip
    built = build_server(context, options, context.layout.state.page_folder)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        server = uvicorn.Server(
            uvicorn.Config(
                built.app, log_level="error", ws="none", proxy_headers=False,
                timeout_graceful_shutdown=1,
            )
        )  # fmt: skip
        built.streams.is_ending = lambda: server.should_exit
        thread = threading.Thread(
            target=lambda: asyncio.run(server.serve(sockets=[listener])), daemon=True
        )
        thread.start()
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            threading.Event().wait(0.01)
        running = Running(listener.getsockname()[1], context, built.streams)
        try:
            yield running
        finally:
            for client in running.clients:
                client.close()
            server.should_exit = True
            thread.join()


def small_limits(**changes):
    return replace(Limits(), **changes)


def picture_bytes(size=(96, 64), kind="PNG", **options):
    """A real picture."""
    import io

    from PIL import Image

    written = io.BytesIO()
    Image.new("RGB", size, (200, 30, 30)).save(written, kind, **options)
    return written.getvalue()


def events_in(lines):
    """(name, data) of server-sent events, as they come."""
    import json

    name, data = "", ""
    for line in lines:
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            data = line.removeprefix("data: ")
        elif not line and name:
            yield name, json.loads(data)
            name = data = ""


def wait_until_ended(client, video_id):
    """The video as it ended; the test run's own time limit is the only one."""
    while True:
        video = client.get(f"/v1/videos/{video_id}").json()
        if video["status"] in ("completed", "failed", "cancelled"):
            return video
        threading.Event().wait(0.05)
