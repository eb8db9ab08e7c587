"""Every rule has its file, and selections mean what they say."""

import re
from pathlib import Path

import pytest

import ovi_studio.lint.rules
from ovi_studio.errors import UsageError
from ovi_studio.lint.registry import RULES, is_ignored, rule_named, selected

REQUIRED = """
unclosed-speech unopened-speech nested-speech crossed-tags wrong-closer tag-spelling empty-speech
empty-caption unknown-tag wrong-caption-form two-captions caption-not-last caption-in-speech
caption-spelling unbalanced-caption no-caption caption-length speech-too-long speech-line-too-long
too-many-lines no-speech untagged-dialogue no-speaker unspeakable stage-direction script
too-many-tokens prompt-length technical-text white-space control-characters quotes entities
negative-tags negative-mixed image-missing image-unreadable image-outside image-orientation
image-alpha image-animated image-small image-shape size-not-exact missing-column near-column
encoding delimiter bom ragged-row empty-row duplicate-row same-output mode-needs-image image-unused
variant-mismatch
"""


def codes(rules):
    return [rule.code for rule in rules]


def test_every_rule_of_the_plan_exists():
    assert set(REQUIRED.split()) <= {rule.name for rule in RULES}


def test_rules_and_files_match():
    files = {path.stem for path in Path(ovi_studio.lint.rules.__path__[0]).glob("[a-z]*_*.py")}
    assert files == {f"{r.code.lower()}_{r.name.replace('-', '_')}" for r in RULES}


def test_codes_and_names_are_unique_and_well_formed():
    assert all(re.fullmatch("[PSAICF][1-9][0-9]{2}", rule.code) for rule in RULES)
    assert all(re.fullmatch("[a-z]+(-[a-z]+)*", rule.name) for rule in RULES)
    assert len({rule.code for rule in RULES}) == len({rule.name for rule in RULES}) == len(RULES)


def test_rules_are_found_by_code_and_name_in_any_case():
    assert rule_named("s101") is rule_named("S101") is rule_named("Unclosed-Speech")
    with pytest.raises(UsageError, match="Did you mean unclosed-speech"):
        rule_named("unclosed-spech")


@pytest.mark.parametrize(("select", "ignore", "expected"), [
    (["S101"], [], ["S101"]),
    (["unclosed-speech", "P101"], [], ["P101", "S101"]),
    (["S1"], [], ["S101", "S102", "S103", "S104", "S105"]),
    (["S1"], ["S10"], []),
    (["S1"], ["S101", "nested-speech"], ["S102", "S104", "S105"]),
    (["S101"], ["S"], ["S101"]),
    (["ALL"], ["S", "A", "P", "F", "I", "C"], []),
    (["all"], ["S", "A", "P", "F", "I", "C1"], ["C201", "C202"]),
    (["A2"], ["A2"], []),
])  # fmt: skip
def test_selection_by_prefix_and_name(select, ignore, expected):
    assert codes(selected(select, ignore)) == expected


def test_nothing_said_selects_everything():
    assert selected([], []) == RULES
    assert set(codes(RULES)) - set(codes(selected([], ["quotes", "I"]))) == {
        "P203", *(code for code in codes(RULES) if code.startswith("I"))
    }  # fmt: skip


def test_a_selector_that_means_nothing_is_refused():
    with pytest.raises(UsageError, match="Z9"):
        selected(["Z9"], [])
    with pytest.raises(UsageError, match="Did you mean quotes"):
        selected([], ["qoutes"])


def test_rows_ignore_by_prefix_and_name():
    rule = rule_named("S101")
    assert is_ignored(rule, ["S1"])
    assert is_ignored(rule, ["x", "unclosed-speech"])
    assert not is_ignored(rule, ["S2", "nested-speech", ""])
