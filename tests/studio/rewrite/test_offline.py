"""The line bank: any theme, two seeds, every line in its time and about the theme, in English."""

import re
from pathlib import Path

import pytest

from ovi_studio.actions.rewriting import RewriteSession, plan_rewrite
from ovi_studio.errors import UsageError
from ovi_studio.expand.locations import shipped_folder
from ovi_studio.lint.limits import limits_of
from ovi_studio.prompt.parse import parse_prompt
from ovi_studio.prompt.timing import time_prompt
from ovi_studio.rewrite.bank import read_bank
from ovi_studio.rewrite.language import foreign_reason
from ovi_studio.rewrite.order import Wish
from ovi_studio.rewrite.part import Part
from ovi_studio.rewrite.theme import read_theme

from .projects import order

SETS = ("five-seconds", "ten-seconds", "first-frames", "nano")
THEMES = (
    "AI is taking over the world", "Human fighting against AI", "two cats argue about taxes",
    "love", "the last coffee shop on Mars", "gardening", "My grandmother's secret recipes",
    "Quantum bureaucracy", "revolution of the teapots!",
)  # fmt: skip
BANK = shipped_folder("templates") / "rewrite" / "offline.yaml"


def lines_of(set_name, theme, seed=0, versions=1):
    """Row and segment to line, offline, and the results."""
    path = shipped_folder("prompts") / f"{set_name}.csv"
    wanted = order(source=str(path), wish=Wish(theme=theme), is_offline=True, seed=seed,
                   connection=None, num_versions=versions)  # fmt: skip
    with RewriteSession(plan_rewrite(wanted, path.parent)) as session:
        results = list(session.results())
    lines = {
        (*result.task.key, number): words
        for result in results
        for number, words in enumerate(result.words)
    }
    return lines, results


def carries(line, theme):
    """A word of the theme is in the line, as anybody would look for it."""
    words = {word for word in re.findall(r"\w+", theme.lower()) if len(word) > 1}
    small = {"is", "the", "on", "of", "over", "about", "against", "my", "two"}
    return bool((words - small) & set(re.findall(r"\w+", line.lower())))


@pytest.mark.parametrize("theme", THEMES)
def test_every_line_carries_the_theme_and_two_seeds_differ(theme):
    num_lines = num_same_place = num_same_anywhere = 0
    for name in SETS:
        first, results = lines_of(name, theme, seed=1)
        second, _ = lines_of(name, theme, seed=2)
        assert first, "something was written"
        assert first.keys() == second.keys()
        for line in (*first.values(), *second.values()):
            assert read_theme(theme).is_carried_by(line), line
            assert carries(line, theme), line
        assert all(result.is_rewritten for result in results if result.task.slots
                   and "model" not in result.reason)  # fmt: skip
        num_lines += len(first)
        num_same_place += sum(first[place] == second[place] for place in first)
        num_same_anywhere += len(set(first.values()) & set(second.values()))
        assert len(set(first.values())) == len(first), "no line twice in a run"
    assert num_same_place <= 0.1 * num_lines
    assert num_same_anywhere <= 0.25 * num_lines


@pytest.mark.parametrize("name", SETS)
def test_lines_fit_their_clip(name):
    for seed in range(3):
        _, results = lines_of(name, "AI is taking over the world", seed=seed, versions=2)
        for result in results:
            if result.is_rewritten:
                prompt, variant = parse_prompt(result.text), result.task.variant
                assert time_prompt(prompt).total.seconds <= variant.video_seconds
                num_words = sum(len(speech.text.split()) for speech in prompt.speeches)
                old = sum(len(speech.text.split()) for speech in result.task.prompt.speeches)
                assert num_words <= max(old, limits_of(variant).speech_info)


def test_a_seed_gives_the_same_lines_again():
    assert lines_of("ten-seconds", "love", seed=7)[0] == lines_of("ten-seconds", "love", seed=7)[0]


def test_lines_in_other_languages_are_left_alone_and_named():
    _, results = lines_of("five-seconds", "love")
    kept = [result for result in results if "English" in result.reason]
    assert kept
    assert all(result.text == result.task.prompt.text for result in kept)


@pytest.mark.parametrize(
    ("text", "is_foreign"),
    [
        ("She says, <S>Non piangere, sono solo le cipolle.<E> Audio: A voice.", True),
        ("She says, <S>Mira cómo baila.<E> Audio: A voice.", True),
        ("She says in French, <S>Bonjour.<E> Audio: A voice.", True),
        ("She says, <S>Why don't you pour me a cup, my dear?<E> Audio: A voice.", False),
        ("She says, <S>The die is cast, and so are we.<E> Audio: A voice.", False),
        ("She wears a polished French coat.", False),
    ],
)
def test_english_is_told_from_other_languages(text, is_foreign):
    prompt = parse_prompt(text)
    lines = [speech.text for speech in prompt.speeches]
    assert bool(foreign_reason(prompt, lines)) == is_foreign


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        (Wish(theme="x", part=Part.SCENE), "needs a model"),
        (Wish(theme="x", language="Italian"), "needs a model"),
        (Wish(tone="dry"), "needs a theme"),
    ],
)
def test_what_needs_a_model_says_so(wish, said):
    wanted = order(source=str(shipped_folder("prompts") / "nano.csv"), wish=wish, is_offline=True)
    with pytest.raises(UsageError, match=said):
        plan_rewrite(wanted, Path.cwd())


@pytest.mark.parametrize(
    ("theme", "things", "doings"),
    [
        ("AI is taking over the world", ["AI", "the world"], ["taking over"]),
        ("Human fighting against AI", ["the human", "AI"], ["fighting"]),
        ("two cats argue about taxes", ["the cats", "the taxes"], []),
        ("time travel", ["time travel"], []),
        ("robots fall in love", ["the robots", "love"], []),
        ("my old piano", ["my old piano"], []),
        ("my mother's cooking", ["my mother's cooking"], []),
        ("Elon Musk's rockets", ["Elon Musk's rockets"], []),
        ("nobody believes the news anymore", ["the news"], []),
        ("Cats don't like Mondays", ["the cats", "Mondays"], []),
        ("it's raining frogs", ["the frogs"], ["raining"]),
        ("ROBOTS WIN THE AI WAR", ["the robots", "the AI war"], []),
        ("2001: a space odyssey", ["the space odyssey"], []),
        ("who owns the moon?", ["the moon"], []),
        ("???", ["this"], []),
        ("to be or not to be", ["to be or not to be"], []),
    ],
)
def test_a_theme_is_taken_apart(theme, things, doings):
    read = read_theme(theme)
    assert [thing.text for thing in read.things] == things
    assert list(read.doings) == doings


def test_a_theme_that_says_something_is_known():
    assert read_theme("AI is taking over the world.").saying == "AI is taking over the world"
    assert read_theme("The sea is angry").saying == "the sea is angry"
    assert read_theme("Human fighting against AI").saying == ""


def test_every_line_of_the_bank_is_filled_without_a_trace_of_its_marks():
    for theme in ("AI is taking over the world", "the cats argue about taxes and fighting"):
        for name in SETS:
            for line in lines_of(name, theme, versions=4)[0].values():
                assert not re.search(r"[{}\[\]|/<>]", line), line
                assert line[0].isupper(), line
                assert not re.search(r"\b(the the|cats is|taxes is|cats has|taxes has)\b", line), (
                    line
                )


def test_a_bank_that_is_wrong_is_named(tmp_path):
    path = tmp_path / "offline.yaml"
    for text, said in (
        ("any: [1]", "section"),
        ("any: |\n  Nothing here.\nshort: |\n  {X}!", "does not carry"),
        ("any: |\n  {x} {zz}.", "means nothing"),
        ("pair: |\n  {x}.\nany: |\n  {x}.", "two lines"),
        (": :", "cannot be read"),
        ("- a", "has to hold"),
    ):
        path.write_text(text)
        read_bank.cache_clear()
        with pytest.raises(UsageError, match=said):
            read_bank(path)


def test_a_project_may_have_its_own_bank(tmp_path):
    folder = tmp_path / "templates" / "rewrite"
    folder.mkdir(parents=True)
    (tmp_path / "ovi.toml").touch()
    (folder / "offline.yaml").write_text(
        "short: |\n  {X} [one|two|three|four|five|six|seven|eight].\nany: |\n  {X} [a|b|c|d].\n"
    )
    (tmp_path / "nano.csv").write_bytes((shipped_folder("prompts") / "nano.csv").read_bytes())
    wanted = order(source="nano.csv", wish=Wish(theme="love"), is_offline=True)
    with RewriteSession(plan_rewrite(wanted, tmp_path)) as session:
        words = [result.words[0] for result in session.results() if result.words]
    assert words
    assert all(re.fullmatch(r"Love \w+\.", word) for word in words)
