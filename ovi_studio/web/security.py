"""The guard in front of everything: who may ask, from where, how much, and what a browser may do.

Pure ASGI, so that streams and byte ranges pass untouched. In this order:

- Host: on loopback only the names of loopback are answered, so that a site on the internet cannot
  reach us by letting its own name point here (DNS rebinding).
- Origin: nothing is answered to the scripts, forms and media elements of other sites; only links
  to the page itself work from anywhere.
- Login, where a secret was set: a bearer token for programs, a cookie for browsers.
- Size of bodies.
- Headers that keep a browser from loading anything from elsewhere, and from being framed.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ovi_studio.web.api_errors import error_response
from ovi_studio.web.login import COOKIE, LOCKED, LOCKED_SECONDS, LOGIN_PATH, Login

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})

_HOST = re.compile(r"(?P<name>\[[0-9a-fA-F:.]+\]|[a-zA-Z0-9._-]+)(:[0-9]{1,5})?")

_OPEN = (LOGIN_PATH, "/favicon.ico")
"""What anybody may ask for."""

_TAKES_UPLOADS = ("/v1/videos", "/gradio_api/upload")

_DOORS = ("/", LOGIN_PATH)
"""What links of other sites may lead to."""

_LIES = (b"x-forwarded-host", b"x-gradio-server")
"""Headers that Gradio would take our own address from, to write it into the page. Whoever stands in
front of us passes the header Host on, which is checked."""

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")

PAGE_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' data: blob:; "
    "font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; object-src 'none'; "
    "frame-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
"""Gradio's page runs inline scripts and compiles some; all of them come from us."""

MEDIA_POLICY = (
    "default-src 'none'; media-src 'self'; img-src 'self'; style-src 'unsafe-inline'; "
    "frame-ancestors 'none'"
)
"""A clip or picture of the project, which a browser wraps into a small document to show it."""

MEDIA_KINDS = ("video/mp4", "image/png", "image/jpeg", "image/webp")

DATA_POLICY = f"{MEDIA_POLICY}; sandbox"
"""Nothing else that the API sends is a document; should a browser take it for one, it may do
nothing. The same holds for files that somebody uploaded to the page."""

_ALWAYS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "x-robots-tag": "noindex",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardRules:
    """What the guard lets through."""

    allowed_hosts: frozenset[str] | None
    """names without port, small letters; None: any, because a secret is asked for"""
    max_body_bytes: int
    max_text_bytes: int
    """of a body at an address that takes no uploads"""
    login: Login | None
    """None: everybody who reaches us may do everything"""


class Guard:
    """Wraps an application."""

    def __init__(self, app: ASGIApp, rules: GuardRules) -> None:
        """Everything that is not HTTP is refused, but for the server's own start and end."""
        self._app = app
        self._rules = rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        headers = Headers(scope=scope)
        guarded_send = _with_headers(scope["path"], send)
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await refusal(scope, receive, guarded_send)
            return
        most = self._most_bytes(scope["path"])
        scope["headers"] = [pair for pair in scope["headers"] if pair[0] not in _LIES]
        await self._app(scope, _counted(receive, most), guarded_send)

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        """Why the request is not let through."""
        return (
            self._check_host(headers)
            or _check_origin(scope, headers)
            or self._check_login(scope, headers)
            or self._check_size(scope["path"], headers)
        )

    def _check_host(self, headers: Headers) -> Response | None:
        hosts = headers.getlist("host")
        match = _HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
        if match is None:
            return error_response(400, "The header Host is missing or cannot be read.")
        allowed = self._rules.allowed_hosts
        if allowed is None or match["name"].lower() in allowed:
            return None
        return error_response(
            421,
            f"This server does not answer for {match['name'][:60]}. Open it as http://localhost, "
            "with its port.",
        )

    def _check_login(self, scope: Scope, headers: Headers) -> Response | None:
        login = self._rules.login
        if login is None or scope["path"] in _OPEN:
            return None
        if login.knows_session(_cookie(headers, COOKIE)):
            return None
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and login.is_secret(token.strip(), _client(scope)):
            return None
        if scope["method"] == "GET" and "text/html" in headers.get("accept", ""):
            return RedirectResponse(LOGIN_PATH, 303)
        if token and login.is_locked(_client(scope)):
            return error_response(429, LOCKED, headers={"retry-after": f"{LOCKED_SECONDS:.0f}"})
        return error_response(
            401,
            "A token is needed: send the header Authorization: Bearer TOKEN, with what the server "
            "was started with.",
            headers={"www-authenticate": 'Bearer realm="ovi"'},
        )

    def _check_size(self, path: str, headers: Headers) -> Response | None:
        length = headers.get("content-length", "0")
        if not length.isdecimal():
            return error_response(400, "The header Content-Length cannot be read.")
        most = self._most_bytes(path)
        if int(length[:20]) <= most:
            return None
        return error_response(
            413, f"The request is too large: {most / 1e6:.0f} MB at most. Send less at a time."
        )

    def _most_bytes(self, path: str) -> int:
        takes_uploads = path in _TAKES_UPLOADS
        return self._rules.max_body_bytes if takes_uploads else self._rules.max_text_bytes


def _counted(receive: Receive, most: int) -> Receive:
    """Hangs up on a body that is longer than it may be and did not say so."""
    num_bytes = 0

    async def counted() -> Message:
        nonlocal num_bytes
        message = await receive()
        num_bytes += len(message.get("body", b""))
        return {"type": "http.disconnect"} if num_bytes > most else message

    return counted


def _check_origin(scope: Scope, headers: Headers) -> Response | None:
    """Refuses what other sites make a browser ask for."""
    method, site = scope["method"], headers.get("sec-fetch-site", "none")
    is_link = method == "GET" and headers.get("sec-fetch-mode") == "navigate"
    is_link = is_link and headers.get("sec-fetch-dest") == "document" and scope["path"] in _DOORS
    is_foreign = site not in ("none", "same-origin") and not is_link
    origin = headers.get("origin")
    if origin is not None and (method not in SAFE_METHODS or origin != "null"):
        is_foreign = is_foreign or urlsplit(origin).netloc.lower() != headers["host"].lower()
    if not is_foreign:
        return None
    return error_response(
        403, "This comes from another site, and only this server's own page and programs may ask."
    )


def _with_headers(path: str, send: Send) -> Send:
    """Adds the headers for browsers to a response, over whatever the application says."""
    is_api = path == "/v1" or path.startswith("/v1/")
    is_upload = path.startswith("/gradio_api/file=")

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _ALWAYS.items():
                headers[name] = value
            policy = DATA_POLICY if is_api or is_upload else PAGE_POLICY
            if is_api and headers.get("content-type") in MEDIA_KINDS:
                policy = MEDIA_POLICY
            headers["content-security-policy"] = policy
            if is_api:
                headers.setdefault("cache-control", "private, no-cache")
            for name in ("server", "access-control-allow-origin"):
                if name in headers:
                    del headers[name]
        await send(message)

    return sending


def _cookie(headers: Headers, name: str) -> str:
    try:
        cookies: Mapping[str, object] = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return ""
    return getattr(cookies.get(name), "value", "")


def _client(scope: Scope) -> str:
    client = scope.get("client")
    return client[0] if client else ""
