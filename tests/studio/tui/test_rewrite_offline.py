"""The rewrite view by keys, with the offline bank: form, review, writing, taking back."""

import csv

from ovi_studio.prompt.parse import parse_prompt
from ovi_studio.tui.messages import RewriteRows, SelectionChanged

from ..rewrite.projects import read_set
from .rewrite_pilot import project, run, studio


def lines_of(row):
    return [speech.text for speech in parse_prompt(row["text_prompt"]).speeches]


def test_accepted_rows_become_a_new_set_and_the_others_keep_their_text(tmp_path):
    folder = project(tmp_path, rows=5)
    source = folder / "prompts" / "rain.csv"
    before = source.read_bytes()

    async def drive():
        async with studio(folder) as it:
            await it.until_seen("write a theme")
            await it.rewrite("the sea")
            await it.until_done()
            assert set(it.states().values()) == {"open"}
            assert "neon light" in it.seen()
            await it.press("a", "r", "a")
            assert it.states() == {"1": "accepted", "2": "rejected", "3": "accepted", "4": "open",
                                   "5": "open"}  # fmt: skip
            assert "2 accepted" in it.seen()
            await it.press("w")
            await it.until_seen("3 others keep their old text (2 not decided)")
            await it.press("n")
            await it.until_seen("What shall the new set be called?")
            assert "rain-the-sea" in it.seen()
            await it.press("enter")
            await it.until_seen("Written to rain-the-sea")

    run(drive())
    assert source.read_bytes() == before
    old, new = read_set(source), read_set(folder / "prompts" / "rain-the-sea.csv")
    changed = [a["text_prompt"] != b["text_prompt"] for a, b in zip(old, new, strict=True)]
    assert changed == [True, False, True, False, False]
    assert new[0]["rewrite_theme"] == "the sea"
    assert new[1]["rewrite_theme"] == ""
    assert not (folder / ".ovi" / "rewrite" / "review.jsonl").exists()


def test_in_place_asks_first_and_can_be_taken_back(tmp_path):
    folder = project(tmp_path, rows=3)
    source = folder / "prompts" / "rain.csv"
    before = source.read_bytes()

    async def drive():
        async with studio(folder) as it:
            await it.rewrite("the sea")
            await it.until_done()
            await it.press("r", "A", "w")
            await it.until_seen("rewritten rows where?")
            await it.press("i")
            await it.until_seen("Change 2 rows of rain.csv?")
            await it.press("n")
            assert source.read_bytes() == before
            await it.press("w", "i")
            await it.until_seen("Change 2 rows")
            await it.press("y")
            await it.until_seen("Written to rain")
            rows = read_set(source)
            assert [bool(row["rewrite_theme"]) for row in rows] == [False, True, True]
            await it.press("ctrl+z")
            await it.until_seen("Take the last rewriting of rain back?")
            await it.press("y")
            await it.until(lambda: source.read_bytes() == before, "the old bytes")

    run(drive())


def test_words_are_edited_in_place_and_cannot_break_the_prompt(tmp_path):
    folder = project(tmp_path, rows=2)

    async def drive():
        async with studio(folder) as it:
            await it.rewrite("the sea")
            await it.until_done()
            await it.press("e")
            await it.until_seen("was: I came back for you")
            await it.press("f7")
            await it.type("Burn <E> it.")
            await it.press("ctrl+s")
            await it.until_seen("✗ segment 1: it holds a tag")
            await it.press("f7")
            await it.type("one two three four five six seven eight nine ten eleven two three four")
            await it.until_seen("at most 12 fit")
            await it.press("ctrl+s")
            await it.until_seen("✗ segment 1: it has 14 words")
            assert it.states()["1"] == "open"
            await it.press("f7")
            await it.type("Burn the map.")
            await it.press("ctrl+s")
            await it.until_seen("written by you")
            assert it.states() == {"1": "accepted", "2": "open"}
            await it.press("down", "enter", "escape")
            assert it.states()["2"] == "open", "escape leaves a row as it was"
            await it.press("w", "n")
            await it.until_seen("be called?")
            await it.press("enter")
            await it.until_seen("Written to")

    run(drive())
    rows = read_set(folder / "prompts" / "rain-the-sea.csv")
    assert lines_of(rows[0]) == ["Burn the map."]
    assert rows[0]["rewrite_model"] == "offline bank, edited"


def test_again_brings_other_words_and_decisions_can_be_taken_back(tmp_path):
    folder = project(tmp_path, rows=3)

    async def drive():
        async with studio(folder) as it:
            await it.rewrite("the sea")
            await it.until_done()
            first = it.review.row(("1", 1)).words
            await it.press("g")
            await it.until(lambda: it.review.row(("1", 1)).words != first, "other words")
            assert it.states()["1"] == "open"
            await it.press("R")
            assert set(it.states().values()) == {"rejected"}
            await it.press("home", "space", "space", "u")
            assert it.states() == {"1": "open", "2": "open", "3": "rejected"}
            await it.press("A")
            assert it.states() == {"1": "accepted", "2": "accepted", "3": "rejected"}

    run(drive())


def test_only_the_rows_marked_in_the_write_view_are_rewritten(tmp_path):
    folder = project(tmp_path, rows=5)

    async def drive():
        async with studio(folder, selected=("2", "4")) as it:
            await it.until_seen("2 marked")
            await it.rewrite("the sea")
            await it.until_done()
            assert list(it.states()) == ["2", "4"]

    run(drive())


def test_rows_that_are_handed_over_are_meant_and_others_can_be_marked_later(tmp_path):
    folder = project(tmp_path, rows=4)

    async def drive():
        async with studio(folder) as it:
            await it.until(lambda: it.form.set_path is not None, "the set")
            it.app.show("rewrite", RewriteRows(it.app.context.set_path, ("3",)))
            await it.until_seen("row 3")
            await it.press("enter")
            await it.type("love")
            assert it.form.rewrite_order().rows == ("3",)
            it.app.context.selected_ids = ("1", "2")
            it.app.tell(SelectionChanged())
            await it.until_seen("2 marked")
            assert it.form.rewrite_order().rows == ("1", "2")

    run(drive())


def test_the_filter_shows_rows_by_words_and_by_state(tmp_path):
    folder = project(tmp_path, rows=4)
    with (folder / "prompts" / "rain.csv").open("a", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerow(["Nobody speaks. Audio: wind.", "9", "960x960_10s"])

    async def drive():
        async with studio(folder) as it:
            await it.rewrite("the sea")
            await it.until_done()
            assert it.states()["5"] == "barred"
            await it.press("a", "slash")
            await it.type("barred")
            await it.until_seen("It has no speech to rewrite.")
            words = it.review.row(("2", 1)).words[0]
            assert words not in it.seen()
            await it.press("enter", "a", "e")
            assert it.states()["5"] == "barred", "what cannot be rewritten cannot be accepted"
            await it.press("escape")
            await it.until_seen(words)

    run(drive())


def test_hostile_prompts_are_shown_as_they_are(tmp_path):
    folder = project(tmp_path, rows=1)
    text = (
        "A woman [bold red]stands[/bold] in \x1b[31mthe rain[/], looks at us and says, "
        "<S>[b]I came back.<E> The tram slides by. <AUDCAP>Rain [/AUDCAP]<ENDAUDCAP>"
    )
    with (folder / "prompts" / "rain.csv").open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([["id", "text_prompt"], ["[red]x", text]])

    async def drive():
        async with studio(folder) as it:
            await it.rewrite("[/red] the sea")
            await it.until_done()
            await it.until_seen("[bold red]stands[/bold]")
            assert "[red]x" in it.seen()
            assert "\x1b" not in it.seen()
            await it.press("e")

    run(drive())


def test_what_is_missing_is_said_and_the_field_shown(tmp_path):
    folder = project(tmp_path, rows=2)

    async def drive():
        async with studio(folder) as it:
            await it.press("ctrl+r")
            await it.until_seen("fill in the theme")
            assert it.form.query_one("#theme").has_focus
            await it.press("escape", "right", "ctrl+r")
            await it.until_seen("Name the language")
            await it.press("escape", "right", "enter")
            await it.type("cats")
            await it.press("ctrl+r")
            await it.until_seen("Inventing scenes needs a model")
            assert it.panel.offers is None

    run(drive())
