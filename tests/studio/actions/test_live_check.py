"""A prompt is checked while it is written: the linter's own findings, at every key."""

import pytest

from ovi_studio.actions.inspecting import view_prompts
from ovi_studio.actions.live_check import LiveChecker, check_live, fixed_cells, row_with_text
from ovi_studio.actions.settings import load_settings
from ovi_studio.lint.diagnostic import Severity
from ovi_studio.project.prompt_file import read_prompt_set
from ovi_studio.project.sets import SetRow
from ovi_studio.prompt.prompt_set import TEXT_COLUMN

BROKEN = "A man says, <S>Hello there.</S> He waves. <AUDCAP>Rain.<ENDAUDCAP>"


@pytest.fixture
def settings(tmp_path):
    return load_settings(tmp_path)


def test_it_finds_what_lint_finds(tmp_path, settings):
    path = tmp_path / "a.csv"
    path.write_text(f'text_prompt,size\n"{BROKEN}",500x500\nA dog.,\n')
    views = list(view_prompts(SetRow(path), settings, tmp_path))
    for row, view in zip(read_prompt_set(path), views, strict=True):
        live = check_live(row.text, settings, tmp_path, row=row, path=path)
        codes = [(one.code, one.span, one.message) for one in view.findings]
        assert [(one.code, one.span, one.message) for one in live.findings] == codes
        assert live.output == view.output
        assert live.tokens == view.tokens
    assert "F201" in [one.code for one in views[0].findings], "the row's other cells count"


def test_the_fix_of_one_finding_is_applied_alone(tmp_path, settings):
    row = row_with_text(None, BROKEN)
    live = check_live(BROKEN, settings, tmp_path)
    (wrong_closer,) = [one for one in live.findings if one.code == "P101"]
    cells = fixed_cells(row, wrong_closer)
    assert cells == {TEXT_COLUMN: BROKEN.replace("</S>", "<E>")}
    assert live.worst is Severity.ERROR


def test_all_safe_fixes_at_once_leave_nothing_to_fix_safely(tmp_path, settings):
    checker = LiveChecker(settings, tmp_path)
    row = row_with_text(None, f"{BROKEN}  ")
    assert checker.check(row).num_safe_fixes > 1
    fixed = checker.fix_safely(row)[TEXT_COLUMN]
    assert checker.check(row_with_text(None, fixed)).num_safe_fixes == 0
    assert checker.severity_of(row) is Severity.ERROR


def test_guesses_and_rules_that_are_switched_off_are_not_fixed(tmp_path):
    (tmp_path / "ovi.toml").write_text('[lint]\nignore = ["P101"]\n')
    checker = LiveChecker(load_settings(tmp_path), tmp_path)
    row = row_with_text(None, "She says, <S>Hello there. She waves. Audio: A clear voice.")
    assert [one.fix.is_safe for one in checker.check(row).findings if one.fix] == [False]
    assert checker.fix_safely(row) == {}
    assert checker.fix_safely(row_with_text(None, "She says, <S>Hi.</S> Audio: Rain.")) == {}


def test_a_row_that_opts_out_of_a_rule_is_not_fixed_by_it(tmp_path, settings):
    path = tmp_path / "a.csv"
    path.write_text(f'text_prompt,ignore\n"{BROKEN}",P101\n')
    (row,) = read_prompt_set(path)
    checker = LiveChecker(settings, tmp_path, path=path)
    assert "</S>" in checker.fix_safely(row).get(TEXT_COLUMN, row.text)


def test_checking_twice_says_the_same(tmp_path, settings):
    checker = LiveChecker(settings, tmp_path)
    row = row_with_text(None, BROKEN)
    assert checker.check(row).findings == checker.check(row).findings


def test_lengths_are_those_of_the_clip(tmp_path, settings):
    live = check_live("She says, <S>One two three four five six.<E>", settings, tmp_path)
    assert 0 < live.speech_seconds < live.relaxed_seconds
    assert live.clip_seconds == live.view.variant.video_seconds
    assert 0 < live.tokens.count < live.max_tokens
