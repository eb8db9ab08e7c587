"""Answers are stored and not paid twice; a cancelled run is silent; versions differ."""

import json
import threading

from ovi_studio.rewrite.order import Source

from .fake_server import answer_rows, chat, error, good, rows_of, serving
from .hostile_runs import all_rewritten, run
from .projects import KEY, make_project, rewrite


def test_answers_are_stored_and_not_paid_twice(tmp_path):
    with serving() as fake:
        folder = make_project(tmp_path / "p", fake.url)
        first, _ = rewrite(folder)
        num_requests = len(fake.requests)
        second, session = rewrite(folder)
        assert len(fake.requests) == num_requests
        assert {r.source for r in second.values()} == {Source.STORE}
        assert {k: r.text for k, r in second.items()} == {k: r.text for k, r in first.items()}
        assert session.spent.num_calls == 0
        rewrite(folder, is_fresh=True)
        assert len(fake.requests) == 2 * num_requests
        rewrite(folder, seed=1)
        assert len(fake.requests) == 3 * num_requests


def test_rows_that_failed_are_asked_for_again_next_time(tmp_path):
    is_broken = True

    def behave(_, request):
        if is_broken and any("red" in row["context"] for row in rows_of(request)):
            return error(400, "no red")
        return good(request)

    with serving(behave) as fake:
        folder = make_project(tmp_path / "p", fake.url, response_format="json_object")
        results, _ = rewrite(folder)
        kept = [key for key, result in results.items() if not result.is_rewritten]
        assert kept == [("1", 1)]  # the others of its request were asked for without it
        assert "no red" in results["1", 1].reason
        is_broken = False
        before = len(fake.requests)
        results, _ = rewrite(folder)
        assert all_rewritten(results)
        assert len(fake.requests) == before + 1


def test_cancelling_ends_the_run_and_keeps_what_is_there(tmp_path):
    import os

    from ovi_studio.actions.rewriting import RewriteSession, plan_rewrite

    from .projects import VARIABLE, order

    gate = threading.Event()

    def behave(number, request):
        if number > 1:
            gate.wait(20)
        return good(request)

    with serving(behave) as fake:
        folder = make_project(tmp_path / "p", fake.url, concurrency=1, rows_per_request=2)
        os.environ[VARIABLE] = KEY
        try:
            session = RewriteSession(plan_rewrite(order(), folder))
        finally:
            del os.environ[VARIABLE]
        seen = []
        for result in session.results():
            seen.append(result)
            if len(seen) == 2:
                session.cancel()
        assert len(seen) == 2
        gate.set()
        before = len(fake.requests)
        results, _ = rewrite(folder)
    assert sum(r.source is Source.STORE for r in results.values()) >= 2
    assert len(fake.requests) >= before
    assert all_rewritten(results)


def test_a_cancelled_run_is_silent(tmp_path):
    import os

    from ovi_studio.actions.rewriting import RewriteSession, plan_rewrite

    from .projects import VARIABLE, order

    gate = threading.Event()
    said = []

    def behave(number, request):
        if number > 1:
            gate.wait(20)
        return good(request)

    with serving(behave) as fake:
        folder = make_project(tmp_path / "p", fake.url, rows=2, rows_per_request=1, concurrency=1)
        os.environ[VARIABLE] = KEY
        try:
            session = RewriteSession(
                plan_rewrite(order(), folder), on_wait=lambda *a: said.append(a)
            )
        finally:
            del os.environ[VARIABLE]
        with session:
            for _ in session.results():
                session.cancel()
                gate.set()
    assert not any(thread.is_alive() for thread in session._model._threads)
    assert said == []


def test_several_versions_differ(tmp_path):
    def behave(_, request):
        data = answer_rows(rows_of(request))
        for row, asked in zip(data["rows"], rows_of(request), strict=True):
            if "version" in asked:
                text = "Other words " + ("again." if "3" in asked["version"] else "now.")
                row["segments"][0]["text"] = text
        return chat(json.dumps(data))

    results, _, _ = run(tmp_path, behave, rows=2, num_versions=3)
    assert all_rewritten(results)
    assert len({result.text for result in results.values()}) == 6


def test_the_same_version_twice_is_refused(tmp_path):
    def behave(_, request):
        data = answer_rows(rows_of(request))
        for row in data["rows"]:
            row["segments"][0]["text"] = "Burn the map."
        return chat(json.dumps(data))

    results, _, _ = run(tmp_path, behave, rows=2, num_versions=2, max_retries=1)
    rewritten = [result for result in results.values() if result.is_rewritten]
    assert len(rewritten) == 2
    assert all("repeats" in r.reason for r in results.values() if not r.is_rewritten)
