"""A chat server on loopback that does what a test tells it to, wrong things above all."""

import json
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_WORDS = (
    "amber birch cedar delta ember fern grove hazel iris jade kelp lilac maple nettle olive poppy "
    "quartz raven sage thistle umber violet willow yarrow zinc"
)
WORDS = _WORDS.split()


@dataclass
class Answer:
    """What the server sends."""

    body: bytes = b""
    status: int = 200
    headers: dict = field(default_factory=dict)
    drop_after: int | None = None
    """Bytes after which the connection is cut, though more were promised."""
    delay: float = 0.0


def chat(content, *, finish="stop", usage=(11, 7), **message):
    """A chat completion with this content; bytes are put into the JSON as they are."""
    marker = "@@content@@"
    document = {
        "id": "x", "object": "chat.completion", "created": 1, "model": "fake",
        "choices": [{
            "index": 0, "finish_reason": finish,
            "message": {"role": "assistant", "content": marker, **message},
        }],
    }  # fmt: skip
    if usage:
        document["usage"] = {"prompt_tokens": usage[0], "completion_tokens": usage[1],
                             "total_tokens": sum(usage)}  # fmt: skip
    is_raw = isinstance(content, bytes)
    written = b'"' + content + b'"' if is_raw else json.dumps(content).encode()
    return Answer(json.dumps(document).encode().replace(f'"{marker}"'.encode(), written))


def error(status, message="no", **headers):
    """A refusal by HTTP status."""
    body = json.dumps({"error": {"message": message, "type": "x"}}).encode()
    return Answer(body, status, {name.replace("_", "-"): value for name, value in headers.items()})


def rows_of(request):
    """The rows that a request asks for."""
    told = request["messages"][-1]["content"]
    return json.loads(told[told.index('{\n "rows"') :])["rows"]


def line_for(row, segment, salt=""):
    """Words that fit a segment and differ from row to row."""
    most = segment.get("max_words", 6)
    start = sum(map(ord, row["context"] + salt)) + 7 * segment["segment"]
    if segment["kind"] == "speech":
        words = [WORDS[(start + 5 * k) % len(WORDS)] for k in range(min(most, 3))]
        return " ".join(words).capitalize() + "."
    return f"{segment['now']} with {WORDS[start % len(WORDS)]}"


def answer_rows(rows, salt=""):
    """A right answer for rows, as data."""
    return {
        "rows": [
            {
                "row": row["row"],
                "segments": [
                    {"segment": s["segment"], "text": line_for(row, s, salt)}
                    for s in row["segments"]
                ],
            }
            for row in rows
        ]
    }


def good(request, salt=""):
    """A right answer."""
    return chat(json.dumps(answer_rows(rows_of(request), salt)))


class FakeServer:
    """Counts and keeps the requests; `behave(number, request)` gives the answer, number from 1."""

    def __init__(self, behave):
        self.requests = []
        self.headers = []
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                request = json.loads(body)
                request["path"] = self.path
                with outer._lock:
                    outer.requests.append(request)
                    outer.headers.append({k.lower(): v for k, v in self.headers.items()})
                    number = len(outer.requests)
                answer = behave(number, request)
                if answer.delay:
                    time.sleep(answer.delay)
                try:
                    self.send_response(answer.status)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(answer.body)))
                    for name, value in answer.headers.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(answer.body[: answer.drop_after])
                    self.wfile.flush()
                except (BrokenPipeError, ConnectionResetError):
                    pass
                if answer.drop_after is not None:
                    self.close_connection = True

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def serving(behave=lambda _, request: good(request)):
    """A server for as long as the block runs."""
    server = FakeServer(behave)
    try:
        yield server
    finally:
        server.close()


def main():
    """Serves right answers until it is killed, each after the seconds given; for use by hand."""
    import sys

    delay = float(sys.argv[1]) if len(sys.argv) > 1 else 0.0

    def behave(_, request):
        time.sleep(delay)
        return good(request)

    print(FakeServer(behave).url, flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
