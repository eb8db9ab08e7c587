"""Rows are checked for what they are meant for, and clues hide nothing."""

import random
import tracemalloc

import pytest

from ovi.spec.variants import VARIANTS
from ovi_studio.lint.checker import Checker
from ovi_studio.lint.clues import clues_of
from ovi_studio.lint.files import RowLinter, lint_file
from ovi_studio.lint.limits import NEARLY_FULL, count_words
from ovi_studio.lint.registry import RULES, rule_named
from ovi_studio.lint.rule import Kind
from ovi_studio.lint.subject import Subject, Target
from ovi_studio.lint.token_bound import may_exceed
from ovi_studio.prompt.prompt_set import TEXT_COLUMN, PromptRow
from ovi_studio.prompt.tokens import count_tokens
from tests.studio.lint.damage import ODD_PIECES, base_prompt, damaged_prompt

DECIDED_BY_CLUES = {"S201", "A201", "C107", "F103", "F104"}
"""Rules that only put into words what the clue says."""


def row(text, **cells):
    return PromptRow("1", 1, text, {TEXT_COLUMN: text, **cells}, (TEXT_COLUMN, *cells))


def codes(text, variant=None, rules=RULES, mode=None, **cells):
    target = Target(variant=VARIANTS[variant] if variant else None, mode=mode)
    return [one.rule.code for one in Checker(rules, target).check(row(text, **cells))]


def findings(text, name, **options):
    found = Checker([rule_named(name)], Target(**options)).check(row(text))
    return [(one.finding, one.finding.severity or one.rule.severity) for one in found]


def test_clues_hide_no_finding():
    """Every rule run on every prompt finds what it finds when it is run on a clue only."""
    rules = [r for r in RULES if r.kind is Kind.ROW and r.code not in DECIDED_BY_CLUES]
    seen = set()
    for k in range(700):
        chance = random.Random(k)
        text = damaged_prompt(chance)
        target = Target(variant=chance.choice(list(VARIANTS.values())))
        subject = Subject(row(text), target)
        clues = clues_of(subject)
        for rule in rules:
            if not rule.code.startswith("I") and not rule.clues & clues:
                assert list(rule.function(subject)) == [], (rule.code, text)
            elif rule.clues & clues:
                seen.add(rule.code)
    assert len(seen) > 25


def test_token_bound_is_never_below_the_count():
    chance = random.Random(1)
    tight = 0
    for _ in range(1500):
        pieces = [chance.choice(ODD_PIECES + base_prompt(3, "tagged").split()) for _ in range(60)]
        text = chance.choice(["", " ", ","]).join(pieces)
        count = count_tokens(text).count
        assert may_exceed(text, count - 1, VARIANTS["960x960_5s"]), text
        tight += not may_exceed(text, 2 * count, VARIANTS["960x960_5s"])
        nano = len(" ".join(text.split()).encode("utf-8", "replace")) + 1
        assert may_exceed(text, min(nano, NEARLY_FULL) - 1, VARIANTS["nano"]) or nano <= 300
    assert tight > 500


@pytest.mark.parametrize("seed", range(3))
def test_findings_come_in_order_of_position(seed):
    for k in range(100):
        text = damaged_prompt(random.Random(seed * 100 + k))
        found = Checker(RULES, Target()).check(row(text))
        spans = [one.finding.span for one in found]
        starts = [span.start for span in spans if span is not None]
        assert starts == sorted(starts)
        assert all(span is None for span in spans[len(starts) :])


@pytest.mark.parametrize(("num_words", "variant", "expected"), [
    (12, "720x720_5s", []), (13, "720x720_5s", ["info"]), (14, "720x720_5s", ["info"]),
    (15, "720x720_5s", ["warning"]), (19, "960x960_5s", ["warning"]),
    (20, "960x960_5s", ["error"]),
    (36, "960x960_10s", []), (37, "960x960_10s", ["info"]), (41, "960x960_10s", ["warning"]),
    (52, "960x960_10s", ["warning"]), (53, "960x960_10s", ["error"]),
    (3, "nano", []), (4, "nano", ["info"]), (5, "nano", ["warning"]), (7, "nano", ["error"]),
])  # fmt: skip
def test_speech_limits(num_words, variant, expected):
    text = f"He says <S>{' '.join(['a'] * num_words)}<E>."
    found = findings(text, "speech-too-long", variant=VARIANTS[variant])
    assert [severity for _, severity in found] == expected


def test_slow_speech_is_a_warning_however_few_its_words():
    text = "He says <S>" + " ".join(["misunderstandings"] * 12) + "<E>."
    ((_, severity),) = findings(text, "speech-too-long", variant=VARIANTS["720x720_5s"])
    assert severity == "warning"


def test_rows_name_their_own_variant_and_mode():
    tagged = "A face says <S>hello yellow<E>. <AUDCAP>A clear voice.<ENDAUDCAP>"
    assert "F101" in codes(tagged)
    assert "F101" not in codes(tagged, variant="720x720_5s")
    assert "F101" not in codes(tagged, model_name="720x720_5s")
    assert "F303" in codes(tagged, variant="nano", model_name="720x720_5s")
    plain = "A face says <S>hello yellow<E>. Audio: A clear voice."
    assert codes(plain, mode="t2v", image_path="a.png") == ["F302"]
    assert codes(plain, image_path="a.png") == []  # no folders: pictures are not looked at
    (finding,) = Checker(RULES, Target(default_mode="t2i2v")).check(row(plain, image_path="a.png"))
    assert finding.rule.name == "image-unused"


def test_row_opts_out_of_rules():
    text = "A face says <s>hello yellow<E>.  Sound: A clear voice."
    assert codes(text) == ["P102", "P201", "A105"]
    assert codes(text, ignore="P2, caption-spelling") == ["P102"]
    assert codes(text, ignore="P A") == []


def test_words_of_scripts_without_blanks_are_counted():
    assert count_words("one two") == 2
    assert count_words("日本語の文章") == 3 + 1


def test_places_are_those_of_the_file(tmp_path):
    path = tmp_path / "set.csv"
    path.write_bytes(
        b'id,text_prompt\r\na,"A ""red"" face\nsays <S>hello yellow</S>. Audio: A clear voice."\r\n'
        b"b,A face says <S>hello yellow</S>. Audio: A clear voice.\r\n"
    )
    found = list(lint_file(path, RowLinter("set.csv", [rule_named("P101")], Target())))
    assert [(d.row, d.line, d.column) for d in found] == [("a", 3, 21), ("b", 4, 30)]
    assert [d.text[d.span.start : d.span.end] for d in found] == ["</S>", "</S>"]
    only = list(lint_file(path, RowLinter("set.csv", RULES, Target()), "b"))
    assert {d.row for d in only} == {"b"}


def test_first_mention_of_a_duplicate_is_named(tmp_path):
    path = tmp_path / "set.csv"
    text = "A face says <S>hello yellow<E>. Audio: A clear voice."
    twin = text.replace(" face", "  face").replace("<S>", "&lt;S&gt;")
    path.write_text(f"id,text_prompt\na,{text}\nb,Other {text}\nc,{twin}\n")
    rules = [rule_named("C201"), rule_named("C202")]
    (found,) = lint_file(path, RowLinter("set.csv", rules, Target()))
    assert (found.code, found.row) == ("C201", "c")
    assert "line 2" in found.message


def test_a_file_is_not_held_in_memory(tmp_path):
    path = tmp_path / "large.csv"
    with path.open("w") as stream:
        stream.write("text_prompt\n")
        for k in range(4000):
            stream.write(f'"Take {k}: {base_prompt(k, "prefixed")} {"word " * 100}"\n')
    assert path.stat().st_size > 3_000_000
    linter = RowLinter("large", RULES, Target(variant=VARIANTS["960x960_5s"]))
    num_found = sum(1 for _ in lint_file(path, linter))  # modules are loaded now
    tracemalloc.start()
    try:
        assert sum(1 for _ in lint_file(path, linter)) >= num_found
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2_500_000
