"""Asks the Hugging Face hub, or a mirror of it, for files: addresses, tokens, redirects, refusals.

One request at a time; what is done when it fails midway is left to `download.py`.
"""

import email.utils
import http.client
import re
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import Any

from ovi.errors import WeightsError

DEFAULT_ENDPOINT = "https://huggingface.co"

TIMEOUT_SECONDS = 30.0
"""How long to wait for a connection, or for the next bytes of one."""

MAX_REDIRECTS = 8

_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_PASSING = frozenset((408, 425, 429, 500, 502, 503, 504))
"""Answers that another attempt may not get."""


class Interruption(Exception):  # noqa: N818 - a state of the network, not a fault of ours
    """A request failed in a way that may pass."""

    def __init__(self, reason: str, wait_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.wait_seconds = wait_seconds
        """How long the server asked to wait; None: it did not."""


@dataclass(frozen=True, slots=True)
class Hub:
    """Where files come from, and who asks."""

    endpoint: str = DEFAULT_ENDPOINT
    """Without a slash at its end."""
    token: str | None = field(default=None, repr=False)
    """Goes to the endpoint's own host only."""

    def url_of(self, source: str, path: str, revision: str = "main") -> str:
        """The address of a file of a repository."""
        return f"{self.endpoint}/{source}/resolve/{revision}/{urllib.parse.quote(path)}"


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """What the hub says about one file."""

    source: str
    path: str
    """In its repository."""
    size_bytes: int | None
    """None: the server does not say."""
    sha256: str | None
    """Of a large file, in hex."""
    git_sha1: str | None
    """Of a small file, which the hub knows by its git blob hash only."""
    revision: str
    """Commit that `main` was at, so that all parts of a download are of the same file."""


def hub_of(environ: Mapping[str, str]) -> Hub:
    """The hub as the usual variables describe it.

    HF_ENDPOINT, HF_TOKEN, HF_TOKEN_PATH, HF_HOME and HF_HUB_OFFLINE mean what they mean to
    `huggingface_hub`. Raises WeightsError for an endpoint that is no address, and when offline.
    """
    if environ.get("HF_HUB_OFFLINE", "").strip().lower() in ("1", "true", "yes", "on"):
        raise WeightsError(
            "HF_HUB_OFFLINE is set, so nothing is downloaded. Unset it, or take the files from a "
            "local folder with --from."
        )
    endpoint = (environ.get("HF_ENDPOINT") or DEFAULT_ENDPOINT).strip().rstrip("/")
    parts = urllib.parse.urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise WeightsError(
            f"HF_ENDPOINT is {endpoint!r}, which is no address: it must begin with https://."
        )
    return Hub(endpoint, _token(environ))


def look_up(hub: Hub, source: str, path: str, *, is_optional: bool = False) -> RemoteFile | None:
    """Size and hash of a file at `main`; None for an optional one that is not there.

    Raises WeightsError when it is refused or absent, Interruption when it may be had later.
    """
    url = hub.url_of(source, path)
    revision, etag, size = "main", None, None
    for _ in range(MAX_REDIRECTS):
        with _request(hub, "HEAD", url, {}) as answer:
            status, headers = answer.status, answer.headers
        revision = headers.get("X-Repo-Commit") or revision
        linked = headers.get("X-Linked-Etag")
        etag = etag or linked or (headers.get("ETag") if status == 200 else None)
        size = size or _number(headers.get("X-Linked-Size"))
        if status not in _REDIRECTS:
            break
        target = _redirect(url, headers)
        if linked and size is not None:
            break  # all is known; the rest of the way leads to the bytes
        url = target
    else:
        raise _too_many_redirects(source)
    if status == 404 and is_optional:
        return None
    if status not in _REDIRECTS:
        _check_status(hub, status, headers, source, path)
        size = size if size is not None else _number(headers.get("Content-Length"))
    digest = _digest(etag)
    return RemoteFile(
        source,
        path,
        size,
        digest if len(digest) == 64 else None,
        digest if len(digest) == 40 else None,
        revision,
    )


def open_file(hub: Hub, file: RemoteFile, offset: int) -> http.client.HTTPResponse:
    """The bytes of a file from `offset` on, or from its beginning where the server ignores that.

    The answer's status says which: 206 or 200; 416 when there is nothing from `offset` on.
    Raises WeightsError when it is refused or absent, Interruption when it may be had later.
    """
    url = hub.url_of(file.source, file.path, file.revision)
    headers = {"Range": f"bytes={offset}-"} if offset else {}
    for _ in range(MAX_REDIRECTS):
        answer = _request(hub, "GET", url, headers)
        if answer.status not in _REDIRECTS:
            if answer.status != 416:
                try:
                    _check_status(hub, answer.status, answer.headers, file.source, file.path)
                except BaseException:
                    answer.close()
                    raise
            return answer
        answer.close()
        url = _redirect(url, answer.headers)
    raise _too_many_redirects(file.source)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Leaves redirects to us: urllib would send the token along to any host."""

    def redirect_request(self, *_: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirects)


def _request(
    hub: Hub, method: str, url: str, headers: Mapping[str, str]
) -> http.client.HTTPResponse:
    """One answer, whatever its status. Raises Interruption without one."""
    request = urllib.request.Request(url, method=method, headers=dict(headers))
    request.add_header("Accept-Encoding", "identity")
    request.add_header("User-Agent", "ovi-studio")
    if hub.token is not None and _origin(url) == _origin(hub.endpoint):
        request.add_header("Authorization", f"Bearer {hub.token}")
    try:
        answer: http.client.HTTPResponse = _OPENER.open(request, timeout=TIMEOUT_SECONDS)
    except urllib.error.HTTPError as error:
        # An HTTPError is the answer itself: it has a status, headers and a body.
        return error  # type: ignore[return-value]
    except urllib.error.URLError as error:
        if isinstance(error.reason, ssl.SSLCertVerificationError):
            raise WeightsError(
                f"{_host(url)} shows a certificate that is not trusted "
                f"({error.reason.verify_message}). If a proxy of your organisation does this, name "
                "its certificates in SSL_CERT_FILE."
            ) from error
        raise Interruption(f"{_host(url)} cannot be reached ({error.reason})") from error
    except (OSError, http.client.HTTPException) as error:
        what = str(error) or type(error).__name__
        raise Interruption(f"{_host(url)} broke off ({what})") from error
    return answer


def _check_status(hub: Hub, status: int, headers: Message, source: str, path: str) -> None:
    """Raises for every status but those that carry a file."""
    if status in (200, 206):
        return
    if status in _PASSING:
        wait = _retry_after(headers.get("Retry-After"))
        raise Interruption(f"{_host(hub.endpoint)} answered {status}", wait)
    page = f"{hub.endpoint}/{source}"
    code = headers.get("X-Error-Code") or ""
    if status == 403 or code == "GatedRepo":
        account = (
            "with the account whose token you use"
            if hub.token
            else "and log in: set HF_TOKEN to a token of that account, or run `hf auth login`"
        )
        raise WeightsError(
            f"{source} does not give {path} to everybody ({status}): accept the terms on {page} "
            f"{account}."
        )
    if status == 401:
        remedy = (
            "The token in use is not accepted: make a new one"
            if hub.token
            else "Accept its terms there if it has any, and log in: set HF_TOKEN to a token"
        )
        raise WeightsError(
            f"{source} at {page} does not exist or asks for a login (401). {remedy} "
            f"({hub.endpoint}/settings/tokens), or run `hf auth login`."
        )
    if status == 404:
        raise WeightsError(
            f"{page} has no file {path} (404). If HF_ENDPOINT names a mirror, it may not have "
            "this repository."
        )
    raise WeightsError(f"{_host(hub.endpoint)} answered {status} for {path} of {source}.")


def _redirect(url: str, headers: Message) -> str:
    """Where an answer points. Raises WeightsError when that is no safe place."""
    target = urllib.parse.urljoin(url, headers.get("Location") or "")
    scheme = urllib.parse.urlsplit(target).scheme
    if scheme != "https" and scheme != urllib.parse.urlsplit(url).scheme:
        raise WeightsError(
            f"{_host(url)} redirects to {_host(target) or 'nowhere'} without encryption; nothing "
            "was downloaded from there. Try another HF_ENDPOINT."
        )
    return target


def _too_many_redirects(source: str) -> WeightsError:
    return WeightsError(f"The files of {source} are behind too many redirects; try later.")


def _token(environ: Mapping[str, str]) -> str | None:
    """The user's token, from the variable or from the file that a login leaves."""
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        if token := _one_word(environ.get(name, "")):
            return token
    path = environ.get("HF_TOKEN_PATH")
    with suppress(OSError, UnicodeDecodeError, RuntimeError):
        file = Path(path).expanduser() if path else hub_home(environ) / "token"
        return _one_word(file.read_text(encoding="utf-8"))
    return None


def hub_home(environ: Mapping[str, str]) -> Path:
    """The folder where the hub's own programs keep their token and cache."""
    if named := environ.get("HF_HOME"):
        return Path(named).expanduser()
    cache = environ.get("XDG_CACHE_HOME")
    return (Path(cache).expanduser() if cache else Path.home() / ".cache") / "huggingface"


def _one_word(text: str) -> str | None:
    """The text without blanks and newlines, which no token has; None when nothing is left."""
    return re.sub(r"\s", "", text) or None


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urllib.parse.urlsplit(url)
    default = {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, parts.hostname, parts.port or default


def _host(url: str) -> str:
    return urllib.parse.urlsplit(url).netloc.rpartition("@")[2]


def _digest(etag: str | None) -> str:
    """The hash in an ETag; empty when it holds none."""
    bare = (etag or "").removeprefix("W/").strip('"').lower()
    return bare if re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}", bare) else ""


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdecimal() else None


def _retry_after(text: str | None) -> float | None:
    """Seconds to wait, from a number or a date."""
    if text is None:
        return None
    if (seconds := _number(text.strip())) is not None:
        return float(seconds)
    with suppress(ValueError, TypeError):
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    return None
