"""Runs the server until somebody ends it: its address, its secret, its start and its end."""

import asyncio
import contextlib
import ipaddress
import secrets
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ovi_studio.actions.queue_control import QueueControl
from ovi_studio.errors import StudioError, UsageError
from ovi_studio.render.job import JobStatus
from ovi_studio.web.context import WebContext
from ovi_studio.web.login import MIN_SECRET_CHARACTERS
from ovi_studio.web.security import LOOPBACK_NAMES
from ovi_studio.web.server import ServerOptions, build_server

if TYPE_CHECKING:
    import uvicorn

DEFAULT_PORT = 7860
"""The published page's."""

_PORTS_TRIED = 20

_LEFT_SECONDS = 7 * 24 * 3600.0
"""A folder of uploads that nothing came into for so long is nobody's any more."""

SECRET_VARIABLE = "OVI_WEB_TOKEN"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingOptions:
    """How `ovi web` was called."""

    host: str = "127.0.0.1"
    port: int | None = None
    """None: 7860 or the next that is free; 0: any that is free"""
    is_shared: bool = False
    """others reach it through a tunnel of Gradio's makers"""
    has_page: bool = True
    has_tools: bool = False


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    if host.lower() == "localhost":
        return True
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    return False


def needs_secret(options: ServingOptions) -> bool:
    """Whether others could come in, so that they have to be asked for a password."""
    return options.is_shared or not is_loopback(options.host)


def check_secret(secret: str) -> str:
    """The secret without blanks around it. Raises UsageError for one that is easily guessed."""
    clean = secret.strip()
    if len(clean) < MIN_SECRET_CHARACTERS:
        raise UsageError(
            f"The password for the page has {len(clean)} characters: use {MIN_SECRET_CHARACTERS} "
            f"or more, in the variable {SECRET_VARIABLE} or when you are asked."
        )
    if not clean.isascii() or not clean.isprintable():
        raise UsageError(
            "The password for the page has characters that cannot stand in a header of HTTP: use "
            "letters without accents, digits and signs."
        )
    return clean


def serve(
    context: WebContext,
    options: ServingOptions,
    secret: str | None,
    *,
    tell: Callable[[str], None],
    on_start: Callable[[str], None] = lambda _: None,
) -> None:
    """Serves until a signal ends it. `on_start` gets the address, once it answers.

    `tell` gets sentences for the user. Raises UsageError for an address that cannot be taken,
    StudioError when no tunnel can be made.
    """
    import uvicorn

    assert secret is not None or not needs_secret(options)
    with contextlib.closing(_listen(options)) as listener, _page_folder(context) as page_folder:
        host, port = _shown_host(options.host), listener.getsockname()[1]
        server_options = ServerOptions(
            has_page=options.has_page,
            has_tools=options.has_tools,
            allowed_hosts=LOOPBACK_NAMES | {options.host} if secret is None else None,
            secret=secret,
        )
        built = build_server(context, server_options, page_folder)
        config = uvicorn.Config(
            built.app,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            ws="none",
            timeout_graceful_shutdown=2,
        )
        server = uvicorn.Server(config)
        built.streams.is_ending = lambda: server.should_exit
        if options.is_shared:
            tell(f"Shared at {share_address(port)}: whoever has the password can come in.")
        elif needs_secret(options):
            tell(
                "The connection is not encrypted: use it only in a network you trust, or keep to "
                f"loopback and come in with ssh -L {port}:localhost:{port}."
            )
        with _ended_by_signals(server):
            asyncio.run(_run(server, listener, lambda: on_start(f"http://{host}:{port}")))
        tell(_farewell(context))


@contextlib.contextmanager
def _page_folder(context: WebContext) -> Iterator[Path]:
    """A folder for what is uploaded while the block runs. What lost servers left is removed."""
    context.layout.state.create()
    folder = context.layout.state.page_folder
    folder.mkdir(exist_ok=True, mode=0o700)
    for left in folder.iterdir():
        if time.time() - left.stat().st_mtime > _LEFT_SECONDS:
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as path:
        yield Path(path)


async def _run(
    server: "uvicorn.Server", listener: socket.socket, on_start: Callable[[], None]
) -> None:
    """Serves to the end. What uvicorn does with signals is left out: it would die of them."""
    serving = asyncio.create_task(server._serve([listener]))
    while not (server.started or serving.done()):
        await asyncio.sleep(0.01)
    if not serving.done():
        on_start()
    await serving


@contextlib.contextmanager
def _ended_by_signals(server: "uvicorn.Server") -> Iterator[None]:
    """Lets Ctrl-C and SIGTERM end the server; a second Ctrl-C does not wait for open requests."""
    watched = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, server.handle_exit) for number in watched]
    try:
        yield
    finally:
        for number, handler in zip(watched, before, strict=True):
            signal.signal(number, handler)


def _listen(options: ServingOptions) -> socket.socket:
    """A socket that listens. Raises UsageError."""
    ports = (
        [options.port]
        if options.port is not None
        else range(DEFAULT_PORT, DEFAULT_PORT + _PORTS_TRIED)
    )
    host = options.host.strip("[]")
    reason: OSError | None = None
    for port in ports:
        try:
            return _bound(host, port)
        except OSError as error:
            reason = error
    assert reason is not None
    raise UsageError(
        f"Nothing can listen at {options.host}, port {ports[0]}: {reason.strerror or reason}. "
        "Choose another with --server-port, or end what listens there."
    )


def _bound(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener


def _shown_host(host: str) -> str:
    """How a browser on this machine writes it."""
    if host in ("0.0.0.0", "::", "[::]", ""):
        return "127.0.0.1"
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def share_address(port: int) -> str:
    """The address of a tunnel to a port of ours. Raises StudioError."""
    from gradio.networking import setup_tunnel

    try:
        address: str = setup_tunnel("127.0.0.1", port, secrets.token_urlsafe(32), None, None)
    except Exception as error:  # whatever the tunnel's makers raise
        raise StudioError(
            f"The page cannot be shared: {error} Sharing needs the internet. Without it, come in "
            f"from elsewhere with ssh -L {port}:localhost:{port}."
        ) from error
    return address


def _farewell(context: WebContext) -> str:
    jobs = QueueControl(context.layout, on_rescue=lambda _: None).view().jobs
    unfinished = sum(not job.status.is_finished for job in jobs)
    if not unfinished:
        return "The page is closed."
    at_work = sum(job.status is JobStatus.RUNNING for job in jobs)
    clips = "1 clip goes" if unfinished == 1 else f"{unfinished} clips go"
    return (
        f"The page is closed. {clips} on being rendered in the background ({at_work} at work): "
        "`ovi queue watch` shows how far they are, `ovi queue cancel all` stops them."
    )
