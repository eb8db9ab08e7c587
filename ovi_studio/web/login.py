"""The secret of a server that others can reach, who has shown it, and the page that asks for it.

The secret itself is not kept, only its hash, and every comparison takes the same time. After many
wrong guesses in a row from one address, nothing from there is compared for a while.
"""

import hashlib
import hmac
import secrets
import threading
import time
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

LOGIN_PATH = "/login"
COOKIE = "ovi_session"
SESSION_SECONDS = 7 * 24 * 3600.0
MAX_SESSIONS = 1000
MIN_SECRET_CHARACTERS = 8

MAX_GUESSES = 20
"""wrong ones in a row from one address, until it has to wait"""

LOCKED_SECONDS = 60.0

LOCKED = "Too many wrong guesses from this address: wait a minute, then try again."

_MAX_FORM_BYTES = 4096


class Login:
    """Who may come in."""

    def __init__(self, secret: str, now: Callable[[], float] = time.monotonic) -> None:
        """`secret` is the password of the page and the token of the API."""
        self._digest = _digest(secret)
        self._now = now
        self._sessions: dict[bytes, float] = {}
        self._guesses: dict[str, tuple[int, float]] = {}
        self._lock = threading.Lock()

    def is_locked(self, client: str) -> bool:
        """Whether an address has to wait after too many wrong guesses."""
        count, since = self._guesses.get(client, (0, 0.0))
        return count >= MAX_GUESSES and self._now() - since < LOCKED_SECONDS

    def is_secret(self, text: str, client: str) -> bool:
        """Whether somebody at that address knows the secret."""
        with self._lock:
            if self.is_locked(client):
                return False
            count, _ = self._guesses.get(client, (0, 0.0))
            if hmac.compare_digest(_digest(text), self._digest):
                self._guesses.pop(client, None)
                return True
            if len(self._guesses) >= MAX_SESSIONS:
                self._guesses.clear()
            self._guesses[client] = (count % MAX_GUESSES + 1, self._now())
            return False

    def open_session(self) -> str:
        """A new session's name, for the cookie."""
        name = secrets.token_urlsafe(32)
        with self._lock:
            if len(self._sessions) >= MAX_SESSIONS:
                del self._sessions[min(self._sessions, key=self._sessions.__getitem__)]
            self._sessions[_digest(name)] = self._now() + SESSION_SECONDS
        return name

    def knows_session(self, name: str) -> bool:
        """Whether a cookie is that of a session that is open."""
        # Looked up by its hash: how long that takes tells nothing about the names there are.
        return bool(name) and self._sessions.get(_digest(name), 0.0) > self._now()

    def close_session(self, name: str) -> None:
        """Ends a session."""
        with self._lock:
            self._sessions.pop(_digest(name), None)


def login_routes(login: Login) -> list[Route]:
    """The addresses where a person comes in and leaves."""

    async def show(_: Request) -> Response:
        return HTMLResponse(_page(""), headers={"cache-control": "no-store"})

    async def enter(request: Request) -> Response:
        length = request.headers.get("content-length", "")
        if not length.isdecimal() or int(length) > _MAX_FORM_BYTES:
            return HTMLResponse(_page("That is no password."), 413)
        form = await request.form(max_files=0, max_fields=4)
        password = form.get("password")
        client = request.client.host if request.client else ""
        if not isinstance(password, str) or not login.is_secret(password, client):
            if login.is_locked(client):
                return HTMLResponse(_page(LOCKED), 429)
            return HTMLResponse(_page("That is not the password."), 401)
        answer = RedirectResponse("/", 303)
        answer.set_cookie(
            COOKIE,
            login.open_session(),
            max_age=int(SESSION_SECONDS),
            httponly=True,
            samesite="lax",
            secure=_is_secure(request),
        )
        return answer

    async def leave(request: Request) -> Response:
        login.close_session(request.cookies.get(COOKIE, ""))
        answer = RedirectResponse(LOGIN_PATH, 303)
        answer.delete_cookie(COOKIE)
        return answer

    return [
        Route(LOGIN_PATH, show, methods=["GET"]),
        Route(LOGIN_PATH, enter, methods=["POST"]),
        Route("/logout", leave, methods=["POST"]),
    ]


def _is_secure(request: Request) -> bool:
    """Whether the browser speaks HTTPS, to us or to a tunnel in front of us."""
    return "https" in (request.url.scheme, request.headers.get("x-forwarded-proto", ""))


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _page(message: str) -> str:
    """The page that asks for the password; `message` is ours, never anybody's input."""
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Ovi Studio</title>
<style>
  :root {{ color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }}
  body {{ display: grid; place-items: center; min-height: 90vh; margin: 0; }}
  form {{ display: grid; gap: .8rem; width: min(20rem, 86vw); }}
  input, button {{ font: inherit; padding: .6rem .8rem; border-radius: .5rem;
                   border: 1px solid #8888; }}
  button {{ background: #f2a33a; color: #201500; border: 0; cursor: pointer;
            font-weight: 600; }}
  p {{ margin: 0; min-height: 1.5rem; color: #d33; }}
</style>
<form method="post" action="{LOGIN_PATH}">
  <h1>Ovi Studio</h1>
  <label for="password">Password, as given to <code>ovi web</code></label>
  <input id="password" name="password" type="password" autocomplete="current-password"
         required autofocus>
  <button>Open the studio</button>
  <p role="alert">{message}</p>
</form>
</html>
"""
