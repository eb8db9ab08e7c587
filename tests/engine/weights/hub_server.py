"""A Hugging Face hub on loopback that can be told to behave badly, and a second host behind it."""

import hashlib
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "c" * 40


@dataclass
class Published:
    """A file, and how the server treats it. Each behaviour wears off after as many requests."""

    content: bytes
    is_large: bool = True
    drops: int = 0
    """GETs that break off in the middle, the connection reset or closed"""
    corrupts: int = 0
    """GETs whose bytes are wrong"""
    ignores_range: bool = False
    wrong_range: int = 0
    """GETs that begin elsewhere than asked"""
    too_much: int = 0
    """GETs that have more bytes than the file, and no length"""
    stalls: threading.Event | None = None
    """GETs halt in the middle until it is set"""
    refusals: list = field(default_factory=list)
    """(status, headers) of the next answers to GET or HEAD"""
    says_hash: bool = True

    @property
    def etag(self):
        if self.is_large:
            return hashlib.sha256(self.content).hexdigest()
        return hashlib.sha1(b"blob %d\0" % len(self.content) + self.content).hexdigest()


class HubServer:
    """Serves files by `source/path`. Large ones are redirected to another host's store."""

    def __init__(self):
        self.files = {}
        self.seen = []
        """(host part, method, path, headers) of each request"""
        self.lock = threading.Lock()
        self.busy = self.most_busy = 0
        self.barrier = None
        self._servers = [self._start("hub"), self._start("store")]
        # Another name for the same machine is another host to whoever guards a token.
        self.endpoint = f"http://127.0.0.1:{self._servers[0].server_port}"
        self.store = f"http://localhost:{self._servers[1].server_port}"

    def publish(self, source, path, content, **behaviour):
        self.files[f"{source}/{path}"] = Published(content, **behaviour)
        return self.files[f"{source}/{path}"]

    def requests(self, part, method):
        return [entry for entry in self.seen if entry[0] == part and entry[1] == method]

    def close(self):
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def _start(self, part):
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_HEAD(self):
                hub._answer(self, part, "HEAD")

            def do_GET(self):
                hub._answer(self, part, "GET")

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return server

    def _answer(self, handler, part, method):
        with self.lock:
            self.seen.append((part, method, handler.path, dict(handler.headers)))
        if part == "store":
            file = self.files.get(handler.path.removeprefix("/"))
        else:
            source, _, rest = handler.path.removeprefix("/").partition("/resolve/")
            file = self.files.get(f"{source}/{rest.partition('/')[2]}")
        if file is None:
            return self._say(handler, 404, {"X-Error-Code": "EntryNotFound"})
        if part == "hub" and file.refusals:
            return self._say(handler, *file.refusals.pop(0))
        if part == "hub":
            headers = {"X-Repo-Commit": COMMIT}
            if file.says_hash:
                name = "X-Linked-Etag" if file.is_large else "ETag"
                headers[name] = f'"{file.etag}"'
            if file.is_large:
                source, _, rest = handler.path.removeprefix("/").partition("/resolve/")
                key = f"{source}/{rest.partition('/')[2]}"
                headers["X-Linked-Size"] = str(len(file.content))
                headers["Location"] = f"{self.store}/{key}"
                return self._say(handler, 302, headers)
            if method == "HEAD":
                headers["Content-Length"] = str(len(file.content))
                return self._say(handler, 200, headers)
            return self._send(handler, file, headers)
        return self._send(handler, file, {})

    def _say(self, handler, status, headers):
        handler.send_response(status)
        for name, value in {"Content-Length": "0", **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()

    def _send(self, handler, file, headers):
        with self.lock:
            self.busy += 1
            self.most_busy = max(self.most_busy, self.busy)
        try:
            if self.barrier is not None:
                self.barrier.wait(10)
            self._send_bytes(handler, file, headers)
        finally:
            with self.lock:
                self.busy -= 1

    def _send_bytes(self, handler, file, headers):
        asked = handler.headers.get("Range")
        offset = 0 if asked is None or file.ignores_range else int(asked[6:-1])
        if offset >= len(file.content) > 0:
            return self._say(handler, 416, {})
        body = file.content[offset:]
        begin = offset
        if asked and file.wrong_range:
            file.wrong_range -= 1
            begin += 1
        if file.corrupts:
            file.corrupts -= 1
            body = body[:-1] + bytes([body[-1] ^ 1])  # where no header shows it
        handler.send_response(206 if asked and not file.ignores_range else 200)
        if asked and not file.ignores_range:
            last, size = len(file.content) - 1, len(file.content)
            handler.send_header("Content-Range", f"bytes {begin}-{last}/{size}")
        if file.too_much:
            file.too_much -= 1
            body += b"more"
            handler.send_header("Connection", "close")
            handler.close_connection = True
        else:
            handler.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        if file.drops:
            file.drops -= 1
            handler.wfile.write(body[: max(1, len(body) // 2)])
            handler.wfile.flush()
            handler.close_connection = True
            handler.connection.shutdown(2)
            return None
        if file.stalls is not None:
            handler.wfile.write(body[: len(body) // 2])
            file.stalls.wait(60)
            body = body[len(body) // 2 :]
        handler.wfile.write(body)
        return None
