"""The rewrite view by keys, with a server that does what a test wants: cost, faults, going on."""

import json
import threading

from ..rewrite.fake_server import answer_rows, chat, error, good, rows_of, serving
from ..rewrite.projects import COLOURS, KEY, files_with, read_set
from .rewrite_pilot import project, run, studio


def test_the_cost_is_shown_before_anything_is_sent_and_after(tmp_path):
    async def drive():
        async with studio(folder, writer="test") as it:
            await it.press("enter")
            await it.type("the sea")
            await it.until_seen("4 answers in 2 requests")
            await it.press("ctrl+r")
            await it.until_seen("Rewrite 4 rows?")
            await it.press("n")
            assert fake.requests == []
            await it.press("ctrl+r")
            await it.until_seen("Yes, send")
            await it.press("y")
            await it.until_done()
            assert set(it.states().values()) == {"open"}
            await it.until_seen("2 calls: 22 tokens in, 14 out, price 0.0000")
            await it.press("l")
            await it.until_seen("Calls to language models")
            await it.until_seen("You write for Ovi")
            await it.press("p")
            await it.until_seen("--- now")
            assert len(fake.requests) == 3
            await it.press("escape")
            assert KEY not in it.seen()

    with serving() as fake:
        folder = project(tmp_path, fake.url, rows=4, rows_per_request=2, price_input=0.15,
                         price_output=0.6)  # fmt: skip
        run(drive())
    assert files_with(folder, KEY) == []


def test_busy_servers_refusals_and_broken_answers_are_said_per_row(tmp_path):
    def behave(number, request):
        if number == 1:
            return error(429, "slow down", retry_after="1")
        row = rows_of(request)[0]
        answer = answer_rows([row])
        if "in a red" in row["context"]:
            return chat("", refusal="I cannot write about rain.")
        if "in a yellow" in row["context"]:
            answer["rows"][0]["segments"][0]["text"] = "Break <E> out."
        if "in a green" in row["context"] and number < 6:
            cut = good(request)
            cut.drop_after = 40
            return cut
        return chat(json.dumps(answer))

    async def drive():
        async with studio(folder, writer="test") as it:
            await it.rewrite(is_sent=True)
            await it.until_seen("429")
            await it.until_done()
            assert it.states() == {"1": "failed", "2": "failed", "3": "open"}
            await it.until_seen("I cannot write about rain")
            await it.press("down")
            await it.until_seen("it holds a tag")
            await it.press("e", "f7")
            await it.type("Nobody is coming.")
            await it.press("ctrl+s")
            await it.until(lambda: it.states()["2"] == "accepted", "what the user wrote")

    with serving(behave) as fake:
        folder = project(tmp_path, fake.url, rows=3, rows_per_request=1, concurrency=1)
        run(drive())


def test_escape_stops_and_starting_again_goes_on(tmp_path):
    gate = threading.Event()

    def behave(number, request):
        if number > 2:
            gate.wait(20)
        return good(request)

    async def drive():
        async with studio(folder, writer="test") as it:
            await it.rewrite(is_sent=True)
            await it.until(lambda: list(it.states().values()).count("open") == 2, "two rows")
            await it.press("a", "escape")
            await it.until_seen("Stopped: 2 of 5")
            gate.set()
            await it.press("ctrl+r")
            await it.until_done()
            assert it.states() == {"1": "accepted", **dict.fromkeys("2345", "open")}
            asked = [row["context"] for request in fake.requests for row in rows_of(request)]
            assert len([one for one in asked if "in a red" in one]) == 1, "not paid twice"

    with serving(behave) as fake:
        folder = project(tmp_path, fake.url, rows=5, rows_per_request=1, concurrency=1)
        run(drive())


def test_quitting_midway_loses_neither_answers_nor_decisions(tmp_path):
    gate = threading.Event()

    def behave(number, request):
        if number > 3:
            gate.wait(20)
        return good(request)

    async def begin():
        async with studio(folder, writer="test") as it:
            await it.rewrite(is_sent=True)
            await it.until(lambda: list(it.states().values()).count("open") == 3, "three rows")
            await it.press("a", "r", "e", "f7")
            await it.type("My own words.")
            await it.press("ctrl+s")
            await it.until(lambda: it.states()["3"] == "accepted", "the edit")

    async def go_on():
        async with studio(folder, writer="test") as it:
            await it.until_seen("You left a review: rain, “the sea”, 3 rows with new words")
            await it.press("ctrl+o")
            await it.until_done()
            assert it.states() == {"1": "accepted", "2": "rejected", "3": "accepted", "4": "open"}
            assert it.review.row(("3", 1)).words == ("My own words.",)
            await it.press("w", "n")
            await it.until_seen("be called?")
            await it.press("enter")
            await it.until_seen("Written to")
            await it.pilot.pause(0.1)

    with serving(behave) as fake:
        folder = project(tmp_path, fake.url, rows=4, rows_per_request=1, concurrency=1)
        run(begin())
        gate.set()
        num_asked = len(fake.requests)
        run(go_on())
        assert len(fake.requests) <= num_asked + 1
    rows = read_set(folder / "prompts" / "rain-the-sea.csv")
    assert [row["rewrite_model"] for row in rows] == ["fake (test)", "", "fake (test), edited", ""]


def test_a_new_run_asks_before_a_review_is_thrown_away(tmp_path):
    async def drive():
        async with studio(folder, writer="test") as it:
            await it.rewrite(is_sent=True)
            await it.until_done()
            await it.press("a", "f", "enter")
            await it.type(" again")
            await it.press("ctrl+r")
            await it.until_seen("Throw the review of 2 rows away?")
            await it.press("n")
            assert it.states() == {"1": "accepted", "2": "open"}

    with serving() as fake:
        folder = project(tmp_path, fake.url, rows=2)
        run(drive())


def test_a_server_that_is_gone_ends_the_run_with_a_sentence(tmp_path):
    folder = project(tmp_path, rows=2, retries=0)

    async def drive():
        async with studio(folder, writer="test") as it:
            await it.until_seen("No server listens at")
            await it.rewrite(is_sent=True)
            await it.until_done()
            await it.until_seen("127.0.0.1:9")
            assert set(it.states().values()) <= {"waiting", "failed"}

    run(drive())


def test_a_missing_key_is_said_with_what_sets_it_and_a_server_can_be_set_up(tmp_path):
    folder = project(tmp_path, rows=2)

    async def drive():
        async with studio(folder, writer="test", has_key=False) as it:
            await it.until_seen("variable OVI_TEST_SECRET is")
            await it.until_seen("Set it up: export")
            it.form.query_one("#writer").focus()
            await it.press("enter", "end", "enter")
            await it.until_seen("Which server?")
            await it.press("l")
            await it.until_seen("Which model of http://localhost:11434/v1?")
            await it.press("enter")
            await it.until_seen("llama3.1 (ollama)")
            assert "[llm.ollama]" in (folder / "ovi.toml").read_text()

    run(drive())


def test_an_idea_becomes_new_prompts_in_a_set(tmp_path):
    def behave(number, _):
        clip = {
            "opening": f"A cat in a {COLOURS[number]} scarf sits on a wet roof at night.",
            "closing": "", "lines": [{"lead": "The cat sighs", "text": "Not again, moon."}],
            "sound": "A small hoarse voice, rain on tiles, a distant siren.",
        }  # fmt: skip
        return chat(json.dumps(clip))

    async def drive():
        async with studio(folder, writer="test") as it:
            await it.press("left", "enter")
            await it.type("cats on roofs")
            await it.press("ctrl+r")
            await it.until_seen("Invent 3 clips?")
            await it.press("y")
            await it.until_done()
            await it.until_seen("3 to decide")
            await it.press("a", "r", "a", "w")
            await it.until_seen("be called?")
            await it.press("enter")
            await it.until_seen("Written to cats-on-roofs")

    with serving(behave) as fake:
        folder = project(tmp_path, fake.url, rows=1)
        run(drive())
    rows = read_set(folder / "prompts" / "cats-on-roofs.csv")
    assert len(rows) == 2
    assert all("<S>" in row["text_prompt"] for row in rows)
    assert [row["rewrite_part"] for row in rows] == ["idea", "idea"]


def test_translating_asks_for_the_language(tmp_path):
    async def drive():
        async with studio(folder, writer="test") as it:
            await it.press("right", "enter")
            await it.type("Italian")
            await it.press("ctrl+r")
            await it.until_seen("Yes, send")
            await it.press("y")
            await it.until_done()
            assert "Italian" in fake.requests[0]["messages"][0]["content"]

    with serving() as fake:
        folder = project(tmp_path, fake.url, rows=1)
        run(drive())
