"""Servers that are busy, broken, slow, gone or strange: repeated where that helps, else said."""

import json
import socket
import threading
import time

import pytest

from ovi_studio.errors import StudioError
from ovi_studio.rewrite import server

from .fake_server import Answer, answer_rows, chat, error, good, rows_of, serving
from .hostile_runs import all_rewritten, first_then_good, run
from .projects import KEY, files_with, make_project, rewrite


@pytest.mark.parametrize(
    "first",
    [
        error(500), error(503), error(429, retry_after="0"), error(429), error(408),
        Answer(b'{"choices": [{"mess', drop_after=10),
        Answer(b'{"id": "x"}' * 50, drop_after=100),
        Answer(b"<html>busy</html>"), Answer(b""), Answer(b"\xff\xfe\x00"), Answer(b"[" * 100_000),
        chat(""), chat(None), chat("I'm sorry, but I can't help with that."),
        chat(None, refusal="I cannot do that."), chat("", finish="content_filter"),
        chat("{" * 50_000), chat("nonsense " * 50),
    ],
)  # fmt: skip
def test_a_passing_fault_costs_nothing_but_a_repetition(tmp_path, first):
    results, _, fake = run(tmp_path, first_then_good(first), rows=3)
    assert all_rewritten(results)
    assert len(fake.requests) >= 2


def test_half_a_character_is_not_taken_into_a_prompt(tmp_path):
    def behave(number, request):
        if number > 1:
            return good(request)
        content = json.dumps(answer_rows(rows_of(request)), ensure_ascii=False)
        content = content.replace("row", "row").encode()
        cut = content.replace(b".", "é".encode()[:1] + b".", 1)
        return chat(json.dumps(cut.decode("latin-1"))[1:-1].encode("latin-1").replace(
            b"\\u00c3", b"\xc3"))  # fmt: skip

    results, _, fake = run(tmp_path, behave, rows=2)
    assert all_rewritten(results)
    assert all("\ufffd" not in result.text for result in results.values())
    assert len(fake.requests) == 2


def test_a_timeout_is_a_passing_fault(tmp_path):
    def behave(number, request):
        answer = good(request)
        answer.delay = 1.5 if number == 1 else 0
        return answer

    settings = {"timeout_seconds": 0.5, "concurrency": 1}
    results, _, fake = run(tmp_path, behave, rows=2, settings=settings)
    assert all_rewritten(results)
    assert len(fake.requests) == 2


def test_an_answer_that_trickles_in_for_ever_is_given_up(tmp_path):
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(20)

    def trickle():
        try:
            while True:
                client, _ = listener.accept()
                threading.Thread(target=drip, args=(client,), daemon=True).start()
        except OSError:
            pass

    def drip(client):
        try:
            client.recv(65536)
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                           b"Content-Length: 100000\r\n\r\n")  # fmt: skip
            for _ in range(40):
                client.sendall(b" ")
                time.sleep(0.1)
            client.close()  # without the limit, this is what would be reported
        except OSError:
            pass

    threading.Thread(target=trickle, daemon=True).start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    folder = make_project(tmp_path / "p", url, rows=1, timeout_seconds=0.5, retries=0)
    results, _ = rewrite(folder)
    listener.close()
    (result,) = results.values()
    assert "no answer within 0.5 s" in result.reason


def test_an_endless_answer_is_cut_off(tmp_path, monkeypatch):
    monkeypatch.setattr(server, "MAX_BYTES", 100_000)
    results, _, _ = run(tmp_path, lambda *_: chat("a" * 1_000_000), rows=1, max_retries=0)
    assert "not read" in next(iter(results.values())).reason


def test_a_server_without_structured_outputs_is_asked_more_plainly(tmp_path):
    def behave(_, request):
        form = request.get("response_format", {}).get("type")
        if form == "json_schema":
            return error(500, "schema breaks me")
        if form == "json_object":
            return error(400, "response_format is not supported")
        rows = answer_rows(rows_of(request))["rows"]
        return chat("\n".join(f"{r['row']}.1: {r['segments'][0]['text']}" for r in rows))

    results, _, fake = run(tmp_path, behave, settings={"concurrency": 1})
    assert all_rewritten(results)
    forms = [request.get("response_format", {}).get("type") for request in fake.requests]
    assert forms == ["json_schema", "json_schema", "json_object", None, None]
    assert "r1.1: First words." in fake.requests[-1]["messages"][-1]["content"]


def test_a_parameter_that_a_server_does_not_know_is_left_out(tmp_path):
    def behave(_, request):
        if "max_tokens" in request:
            return error(400, "Unsupported parameter: 'max_tokens', use 'max_completion_tokens'")
        if "temperature" in request:
            return error(400, "temperature does not support 0.5 with this model")
        return good(request)

    settings = {"temperature": 0.5, "concurrency": 1}
    results, _, fake = run(tmp_path, behave, settings=settings)
    assert all_rewritten(results)
    assert "max_completion_tokens" in fake.requests[-1]
    assert fake.requests[-1]["response_format"]["type"] == "json_schema"


@pytest.mark.parametrize("status", [401, 403, 404])
def test_what_can_never_work_ends_the_run_at_once(tmp_path, status):
    with serving(lambda *_: error(status, f"bad key {KEY}")) as fake:
        folder = make_project(tmp_path / "p", fake.url, concurrency=1)
        with pytest.raises(StudioError, match=str(status)) as caught:
            rewrite(folder)
    assert len(fake.requests) == 1
    assert KEY not in str(caught.value)
    assert not files_with(tmp_path, KEY)


def test_a_server_that_is_gone_ends_the_run(tmp_path):
    with serving() as fake:
        url = fake.url
    folder = make_project(tmp_path / "p", url, rows=40, retries=1, concurrency=2)
    with pytest.raises(StudioError, match="cannot be reached"):
        rewrite(folder)


def test_retry_after_holds_everybody_back(tmp_path):
    times = []

    def behave(number, request):
        times.append(time.monotonic())
        return error(429, retry_after="0.7") if number == 1 else good(request)

    settings = {"concurrency": 1}
    results, _, _ = run(tmp_path, behave, rows=2, settings=settings)
    assert all_rewritten(results)
    assert times[1] - times[0] >= 0.65  # what the server asked for, not a measure of speed


def test_a_key_that_the_server_sends_back_is_written_nowhere(tmp_path):
    strewn = " ".join(KEY)

    def behave(number, request):
        data = answer_rows(rows_of(request))
        if number == 1:
            for row, text in zip(data["rows"], (KEY, strewn, KEY[::-1]), strict=False):
                row["segments"][0]["text"] = f"Say {text}"
        return chat(json.dumps(data))

    results, _, _ = run(tmp_path, behave, rows=3)
    for result in results.values():
        assert KEY not in result.text
        assert strewn not in result.text
        assert "hidden" not in result.text  # what stands for a key is no line either
