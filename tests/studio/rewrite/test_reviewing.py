"""Decisions about rewritten rows: kept on the disk, brought back, never wider than an offer."""

import json

import pytest

from ovi_studio.actions.reviewing import (
    REJECTED,
    UNDECIDED,
    Decision,
    Review,
    ReviewFile,
    sheet_of,
    words_of_sheet,
)
from ovi_studio.actions.rewriting import RewriteSession, plan_rewrite
from ovi_studio.rewrite.order import Source, Wish

from .projects import make_project, order, write_set

KEYS = [("1", 1), ("2", 1), ("3", 1), ("4", 1)]


@pytest.fixture
def project(tmp_path):
    return make_project(tmp_path / "p", "http://127.0.0.1:9/v1", rows=4)


def reviewed(folder, **changes):
    """A review in which every row has an offer, and its session."""
    plan = plan_rewrite(order(is_offline=True, wish=Wish(theme="love"), **changes), folder)
    session = RewriteSession(plan)
    review = Review(plan)
    for result in session.results():
        review.take(result)
    return review, session


def test_only_what_was_accepted_is_new(project):
    review, session = reviewed(project)
    review.accept(KEYS[:1])
    review.reject(KEYS[1:2])
    _, edited = session.judge_edit(review.row(KEYS[2]).task, ["Burn the map."])
    review.edit(edited)
    results = review.results()
    assert [result.is_rewritten for result in results] == [True, False, True, False]
    assert [result.reason for result in results][1::2] == [REJECTED, UNDECIDED]
    assert results[1].text == review.row(KEYS[1]).task.prompt.text
    assert results[2].source is Source.USER


def test_a_row_without_an_offer_cannot_be_accepted(project):
    path = project / "prompts" / "rain.csv"
    path.write_text("text_prompt\nNobody speaks here. Audio: wind.\n")
    review, _ = reviewed(project)
    assert review.count(Decision.BARRED) == 1
    assert review.accept(review.keys()) == []
    assert not review.results()[0].is_rewritten


def test_a_late_answer_does_not_undo_what_the_user_decided(project):
    review, session = reviewed(project)
    review.ask(KEYS[0])
    _, edited = session.judge_edit(review.row(KEYS[0]).task, ["My own words."])
    review.edit(edited)
    other = session.again(review.row(KEYS[0]).task, 1)
    review.answer(other)
    assert review.row(KEYS[0]).words == ("My own words.",)
    first = review.row(KEYS[1]).result
    review.accept([KEYS[1]])
    assert review.take(first) is None
    assert review.row(KEYS[1]).decision is Decision.ACCEPTED


def test_no_other_version_keeps_the_offer_and_says_why(project):
    review, _ = reviewed(project)
    old = review.row(KEYS[0]).words
    review.ask(KEYS[0])
    from ovi_studio.actions.rewriting import kept_result

    review.answer(kept_result(review.row(KEYS[0]).task, "the server is gone"))
    row = review.row(KEYS[0])
    assert row.words == old
    assert "the server is gone" in row.result.notes[-1]
    assert not row.is_asking


def kept_file(folder, review):
    file = ReviewFile(folder / ".ovi")
    file.begin(review.plan.order)
    file.add(review.rows())
    return file


def test_decisions_come_back_after_a_kill(project):
    review, session = reviewed(project)
    review.accept(KEYS[:1])
    review.reject(KEYS[1:2])
    _, edited = session.judge_edit(review.row(KEYS[2]).task, ["Burn the map."])
    review.edit(edited)
    file = kept_file(project, review)
    with file.path.open("ab") as stream:
        stream.write(b'{"row": "4", "draw": 1, "deci')  # killed while writing
    found, records = ReviewFile(project / ".ovi").read()
    assert found == review.plan.order
    plan = plan_rewrite(found, project)
    again = Review(plan)
    restored = again.restore(records, RewriteSession(plan))
    assert sorted(restored) == KEYS
    assert [row.decision for row in again.rows()] == [row.decision for row in review.rows()]
    assert [row.words for row in again.rows()] == [row.words for row in review.rows()]
    assert again.row(KEYS[2]).result.source is Source.USER


def test_a_row_that_was_changed_since_is_asked_for_again(project):
    review, _ = reviewed(project)
    review.accept(review.keys())
    file = kept_file(project, review)
    path = project / "prompts" / "rain.csv"
    path.write_text(path.read_text().replace("a red raincoat", "a torn raincoat"))
    found, records = file.read()
    plan = plan_rewrite(found, project)
    again = Review(plan)
    assert sorted(again.restore(records, RewriteSession(plan))) == KEYS[1:]
    assert again.waiting() == {KEYS[0]}


@pytest.mark.parametrize(
    "record",
    [
        {"row": "1", "draw": 1, "decision": "accepted", "words": ["Break <E> out."]},
        {"row": "1", "draw": 1, "decision": "sold", "words": ["Fine words."]},
        {"row": "1", "draw": 1, "decision": "accepted", "words": "text"},
        {"row": "1", "draw": 1, "decision": "accepted", "words": ["two", "lines"]},
        {"row": "77", "draw": 1, "decision": "accepted", "words": ["Fine words."]},
        {"row": "1", "draw": [1], "decision": "accepted", "words": ["Fine words."]},
    ],
)
def test_a_file_that_someone_changed_cannot_break_a_prompt(project, record):
    review, _ = reviewed(project)
    whole = json.loads(kept_file(project, review).path.read_text().splitlines()[1])
    plan = review.plan
    again = Review(plan)
    assert again.restore([{**whole, **record}], RewriteSession(plan)) == []


def test_a_file_of_another_kind_is_no_review(project):
    path = project / ".ovi" / "rewrite" / "review.jsonl"
    path.parent.mkdir(parents=True)
    for text in ("", "[]\n", '{"order": 3}\n', '{"order": {"wish": {"colour": "red"}}}\n', "\0\n"):
        path.write_text(text)
        assert ReviewFile(project / ".ovi").read() is None


def test_a_sheet_gives_back_its_words(project):
    review, _ = reviewed(project)
    task = review.row(KEYS[0]).task
    sheet = sheet_of(task, ["Burn the map."])
    assert words_of_sheet(task, sheet) == ("Burn the map.",)
    assert words_of_sheet(task, sheet.replace("\n1: ", "\n9: ")) is None


def test_a_large_review_is_written_in_one_go(tmp_path, monkeypatch):
    folder = make_project(tmp_path / "p", "http://127.0.0.1:9/v1", rows=1)
    write_set(folder / "prompts" / "rain.csv", 60)
    review, _ = reviewed(folder)
    file = ReviewFile(folder / ".ovi")
    file.begin(review.plan.order)
    import os

    synced = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(handle))
    file.add(review.rows())
    assert len(synced) == 1
    assert len(file.read()[1]) == review.count(Decision.OPEN)
