"""The reader of answers takes anything, ends soon, and never makes up a row."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ovi_studio.rewrite.answers import Wanted, looks_refused, read_answers
from ovi_studio.rewrite.budget import budgets_of
from ovi_studio.rewrite.idea import build_prompt

from .tasks import TWO_LINES, task_of

WANTED = (Wanted("r1", 1), Wanted("r2", 2))
PIECES = [
    '{"rows": [', '{"row": "r1",', '"segments": [', '{"segment": 1, "text": "a"}', "]}", "]", "}",
    ",", "r1.1: words", "\n", "r2.2: x", "```json", "```", '"', "\\", "[" * 50, "{" * 50, "null",
    "1e999", '{"r2": ["a", "b"]}', "<think>", "\ud800", "Sorry", "r9.1: y", "-", " " * 30,
]  # fmt: skip
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["rows", "row", "segments", "segment", "text", "r1", "r2", "1", "id"]),
        inner | st.sampled_from(["r1", "r2"]), max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(st.one_of(st.text(max_size=200), st.lists(st.sampled_from(PIECES), max_size=30).map("".join),
                 json_values.map(json.dumps)))  # fmt: skip
@settings(max_examples=500, deadline=None)
def test_any_text_gives_every_row_words_or_a_problem(text):
    read = read_answers(text, WANTED)
    assert list(read) == ["r1", "r2"]
    for wanted in WANTED:
        answer = read[wanted.key]
        assert bool(answer.problem) != bool(answer.words)
        assert len(answer.words) in (0, wanted.num_segments)
        assert all(isinstance(word, str) for word in answer.words)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"rows": [{"row": "r2", "segments": [{"segment": 2, "text": "b"}, '
         '{"segment": 1, "text": "a"}]}]}', ("a", "b")),
        ('{"rows": [{"id": "r2", "lines": ["a", "b"]}]}', ("a", "b")),
        ('{"r2": {"1": "a", "2": "b"}}', ("a", "b")),
        ('{"r2": [{"text": "a"}, {"text": "b"}]}', ("a", "b")),
        ("r2.1: a\nr2.2: b", ("a", "b")),
        ("R2.1 - a\n(r2) 2: b", ("a", "b")),
        ('{"rows": [{"row": "r2", "segments": [{"segment": 1, "text": "a"}, {"segment": 2, '
         '"text": "b"}]}, {"row": "r1", "segments": [{"segment": 1, "te', ("a", "b")),
        ("r2.2: b", ()),
        ("r2.1: a\nr2.2: b\nr2.3: c", ()),
        ('{"rows": [{"row": "r7", "segments": [{"segment": 1, "text": "a"}]}]}', ()),
        ('{"rows": [{"segments": [{"segment": 1, "text": "a"}, {"segment": 2, "text": "b"}]}]}',
         ()),
        ("a\nb", ()),
    ],
)  # fmt: skip
def test_rows_and_segments_are_found_by_name(text, words):
    assert read_answers(text, WANTED)["r2"].words == words


def test_of_a_single_row_no_name_is_needed():
    only = (Wanted("r1", 2),)
    for text in (
        '["a", "b"]',
        "1. a\n2. b",
        "a\nb",
        '{"segments": [{"text": "a"}, {"text": "b"}]}',
    ):
        assert read_answers(text, only)["r1"].words == ("a", "b")
    assert read_answers("I'm sorry, I can't\nhelp with that", only)["r1"].problem


@pytest.mark.parametrize("filler", [" ", "{", "[", "r1 ", "r1.", "1", "\n", ",]", "a,", '"', "- "])
def test_long_answers_end_soon(filler):
    read_answers((filler * 200_000)[:300_000], WANTED)


@pytest.mark.parametrize(
    ("text", "is_refused"),
    [
        ("I'm sorry, but I can't assist with that.", True),
        ("I cannot write this.", True),
        ("Sorry, no.", True),
        ("Unfortunately, I am unable to do so.", True),
        ('{"rows": []}', False),
        ("r1.1: I'm sorry, my love.", False),
    ],
)
def test_refusals_are_known(text, is_refused):
    assert looks_refused(text) == is_refused


def test_the_time_of_a_clip_is_shared_out():
    task = task_of(TWO_LINES)
    short, long = sorted(task.budgets, key=lambda budget: budget.seconds)
    assert sum(budget.seconds for budget in task.budgets) <= task.variant.video_seconds
    assert short.words + long.words == 12
    assert short.words >= 2
    ten = budgets_of(task.prompt, task.slots, task_of(TWO_LINES, variant="960x960_10s").variant)
    assert sum(budget.words for budget in ten) == 36
    assert long.excess("one two three") == ""
    assert "at most" in long.excess("word " * 20)
    assert "s to say" in short.excess("incomprehensibilities " * 3)


@given(st.one_of(st.text(max_size=200), json_values.map(json.dumps)))
@settings(max_examples=300, deadline=None)
def test_any_answer_to_an_idea_gives_a_prompt_or_a_problem(text):
    built = build_prompt(text, task_of(TWO_LINES).variant, None)
    assert bool(built.text) != bool(built.problems)


def clip(*lines, **parts):
    words = {"opening": "A kitchen at night", "closing": "", "sound": "Two voices, rain on glass."}
    spoken = [{"lead": "She says:", "text": text} for text in lines]
    return json.dumps({**words, "lines": spoken, **parts})


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (clip("word " * 13), "13 spoken words"),
        (clip(*["Hello there."] * 4), "4 lines"),
        (clip("incomprehensibilities " * 8), "s: use fewer words"),
        (clip("Go <E> home."), "line 1: it holds a tag"),
        (clip("Go home.", sound=""), "sound: it is empty"),
        (clip("Go home.", opening="He says <S>hi<E> to us"), "opening: it holds a tag"),
        ("no clip at all", "no clip"),
    ],
)
def test_an_idea_that_cannot_be_a_prompt_says_why(answer, said):
    built = build_prompt(answer, task_of(TWO_LINES).variant, None)
    assert said in " ".join(built.problems)


def test_an_idea_is_put_together_by_us():
    built = build_prompt(clip("Go home.", 'He said "no".'), task_of(TWO_LINES).variant, None)
    assert built.text == (
        "A kitchen at night. She says, <S>Go home.<E> She says, <S>He said no.<E> "
        "<AUDCAP>Two voices, rain on glass.<ENDAUDCAP>"
    )
    labelled = "OPENING: A kitchen.\nLEAD: He says\nLINE: Go home.\nCLOSING:\nSOUND: Rain."
    ten = task_of(TWO_LINES, variant="960x960_10s").variant
    built = build_prompt(labelled, ten, None)
    assert built.text == "A kitchen. He says, <S>Go home.<E> Audio: Rain."
