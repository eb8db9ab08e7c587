"""Fixes do no harm: nothing new is found after them, and fixing twice is fixing once."""

import html
import random
import re
from collections import Counter

import pytest

from ovi.spec.variants import VARIANTS
from ovi_studio.lint.checker import Checker
from ovi_studio.lint.fixer import Fixer
from ovi_studio.lint.registry import RULES
from ovi_studio.lint.rule import Kind
from ovi_studio.lint.subject import Target
from ovi_studio.lint.text_hygiene import plain
from ovi_studio.prompt.model import Role
from ovi_studio.prompt.parse import parse_prompt
from ovi_studio.prompt.prompt_set import TEXT_COLUMN, PromptRow
from tests.studio.lint.damage import SCENES, base_prompt, damaged_prompt

ROW_RULES = [rule for rule in RULES if rule.kind is Kind.ROW]
BLOCK = 250


def row(text):
    return PromptRow("1", 1, text, {TEXT_COLUMN: text})


def count(found):
    """How often each rule found something, at each severity or above."""
    counts = {}
    for one in found:
        severity = one.finding.severity or one.rule.severity
        for rank in range(severity.rank + 1):
            counts[one.rule.code, rank] = counts.get((one.rule.code, rank), 0) + 1
    return counts


def is_no_worse(before, after):
    counts = count(before)
    return all(counts.get(key, 0) >= number for key, number in count(after).items())


def letters_of(text):
    """How often each letter and digit stands outside the tags, as the model reads them."""
    prompt = parse_prompt(text)
    pieces, position = [], 0
    for mark in prompt.marks:
        if mark.role is not Role.UNKNOWN:
            pieces.append(text[position : mark.span.start])
            position = mark.span.end
    rest = html.unescape(html.unescape("".join([*pieces, text[position:]])))
    return Counter(filter(str.isalnum, plain(re.sub(r"\x1b\[[0-9;]*m", "", rest))))


def assert_same_words(before, after):
    """No letter is added, and none is lost but those of a tag that was torn apart."""
    was, now = letters_of(before), letters_of(after)
    assert not now - was, (before, after)
    assert set(was - now) <= set("<S><E><AUDCAP><ENDAUDCAP>Audio:"), (before, after)


def check_damaged(first, number):
    for k in range(first, first + number):
        chance = random.Random(k)
        text = damaged_prompt(chance)
        target = Target(variant=chance.choice(list(VARIANTS.values())))
        checker = Checker(ROW_RULES, target)
        before = checker.check(row(text))
        for unsafe in (False, True):
            fixer = Fixer(target, lambda _row, _rule, fix, unsafe=unsafe: fix.is_safe or unsafe)
            fixed = fixer.fix(row(text))
            after = checker.check(fixed.row)
            assert is_no_worse(before, after), (k, text, fixed.row.text)
            assert fixer.fix(fixed.row).row.text == fixed.row.text, (k, text)
            assert (fixed.row.text == text) == (len(after) == len(before)), (k, text)
            if not unsafe:
                assert_same_words(text, fixed.row.text)


@pytest.mark.parametrize("first", range(0, 2000, BLOCK))
def test_fixing_damaged_prompts_does_no_harm(first):
    check_damaged(first, BLOCK)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(2000, 12000, 1000))
def test_fixing_ten_thousand_damaged_prompts_does_no_harm(first):
    check_damaged(first, 1000)


def test_offered_fixes_do_no_harm_one_by_one():
    """What reports offer can be applied alone."""
    num_offered = 0
    for k in range(300):
        text = damaged_prompt(random.Random(k))
        target = Target(variant=VARIANTS["960x960_5s"])
        checker, fixer = Checker(ROW_RULES, target), Fixer(target, lambda *_: True)
        before = checker.check(row(text))
        for one in fixer.harmless(row(text), before):
            if one.finding.fix is not None:
                num_offered += 1
                only = Fixer(target, lambda _row, rule, _fix, wanted=one.rule: rule == wanted)
                assert is_no_worse(before, checker.check(only.fix(row(text)).row))
    assert num_offered > 200


@pytest.mark.parametrize("number", range(len(SCENES)))
@pytest.mark.parametrize(
    ("form", "variant"), [("tagged", "720x720_5s"), ("prefixed", "960x960_5s")]
)
def test_undamaged_prompts_have_nothing_to_complain_about(number, form, variant):
    """Also a guard: the damaged prompts of the other tests start from clean ones."""
    checker = Checker(ROW_RULES, Target(variant=VARIANTS[variant]))
    found = [one.rule.code for one in checker.check(row(base_prompt(number, form)))]
    assert found in ([], ["S201"])


@pytest.mark.parametrize(("text", "fixed"), [
    ("A man says <s>hello</S>. audio: rain and wind",
     "A man says <S>hello<E>. Audio: rain and wind"),
    ("A man says &lt;S&gt;hello&lt;E&gt;. <AUDCAP>rain and wind<ENDAUDCAP>",
     "A man says <S>hello<E>. Audio: rain and wind"),
    ("Audio: rain and wind <S>hello<E> a man says",
     "<S>hello<E> a man says Audio: rain and wind"),
    ("A man  says <S>hello<E>\n\nAudio: rain &amp; wind",
     "A man says <S>hello<E> Audio: rain & wind"),
    ("A man says <S>hello<E>, smiles <S> <E> and nods. Audio: rain and wind",
     "A man says <S>hello<E>, smiles and nods. Audio: rain and wind"),
])  # fmt: skip
def test_safe_fixes(text, fixed):
    fixer = Fixer(Target(variant=VARIANTS["nano"]), lambda _row, _rule, fix: fix.is_safe)
    assert fixer.fix(row(text)).row.text == fixed


@pytest.mark.parametrize(("text", "fixed"), [
    ("A man says <S>stop. He nods. Audio: rain and wind",
     "A man says <S>stop.<E> He nods. Audio: rain and wind"),
    ("A man says <S><S>stop<E>. Audio: rain and wind",
     "A man says <S>stop<E>. Audio: rain and wind"),
    ("A man says, stop!<E> He nods. Audio: rain and wind",
     "A man says, <S>stop!<E> He nods. Audio: rain and wind"),
    ("A man says <S>stop<E><E>. Audio: rain and wind",
     "A man says <S>stop<E>. Audio: rain and wind"),
    ("A man says <S>stop 2 🙂 NEVER EVER<E>. Audio: rain and wind",
     "A man says <S>stop two never ever<E>. Audio: rain and wind"),
    ('A man says "stop". Audio: rain and wind', "A man says <S>stop<E>. Audio: rain and wind"),
    ("A man says <S>stop<E>. Rain and wind.<ENDAUDCAP>",
     "A man says <S>stop<E>. Audio: Rain and wind."),
    ("A man says <S>stop Audio: rain and wind<E>. He nods.",
     "A man says <S>stop<E>. He nods. Audio: rain and wind"),
])  # fmt: skip
def test_unsafe_fixes(text, fixed):
    target = Target(variant=VARIANTS["nano"])
    assert Fixer(target, lambda *_: True).fix(row(text)).row.text == fixed
    safe = Fixer(target, lambda _row, _rule, fix: fix.is_safe)
    assert safe.fix(row(text)).row.text == text


def test_fix_that_would_do_harm_is_not_applied():
    """The quotation is dialogue, but as speech it would be far too long."""
    text = 'A man says "one two three four five six seven eight". Audio: rain and wind'
    target = Target(variant=VARIANTS["nano"])
    fixed = Fixer(target, lambda *_: True).fix(row(text))
    assert (fixed.row.text, fixed.applied, fixed.changes) == (text, (), {})
    checker = Checker(ROW_RULES, target)
    (dialogue,) = [one for one in checker.check(row(text)) if one.rule.code == "S203"]
    (offered,) = Fixer(target, lambda *_: True).harmless(row(text), [dialogue])
    assert dialogue.finding.fix is not None
    assert offered.finding.fix is None
