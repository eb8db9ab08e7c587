"""New prompts from an idea, as a user asks for them."""

import json

import pytest

from ovi_studio.prompt.parse import parse_prompt

from .command import ovi
from .fake_server import chat, serving
from .projects import make_project, read_set


def idea_server(_, request):
    told = request["messages"][-1]["content"]
    number = json.loads(told[told.index('{\n "') :])["clip"]
    words = " ".join(f"detail{'abcdefgh'[number % 8]}" for _ in range(3))
    return chat(json.dumps({
        "opening": "A narrow kitchen at night, one bulb over the table, rain on the window. Two "
        f"tabby cats in tiny waistcoats face each other over a heap of receipts, {words}",
        "lines": [
            {"lead": "The older cat taps a paw and hisses", "text": "You forgot the tuna."},
            {"lead": "The younger one mutters:", "text": "Tuna is a business lunch."},
        ],
        "closing": "A receipt slides off the table, and both heads turn to follow it. The camera "
        "creeps closer at the height of their whiskers, warm light, shallow focus",
        "sound": "Two small raspy voices, rain on glass, paper rustling, a clock ticking.",
    }))  # fmt: skip


@pytest.mark.parametrize("variant", ["720x720_5s", "960x960_10s"])
def test_an_idea_becomes_prompts_in_the_right_form(tmp_path, variant):
    with serving(idea_server) as fake:
        folder = make_project(tmp_path / "p", fake.url, rows=1)
        ended = ovi(folder, "rewrite", "--idea", "two cats argue about taxes", "--count", "3",
                    "--variant", variant)  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    rows = read_set(folder / "prompts" / "two-cats-argue-about-taxes.csv")
    assert len(rows) == 3
    for row in rows:
        prompt = parse_prompt(row["text_prompt"])
        assert not prompt.irregularities
        assert len(prompt.speeches) == 2
        assert len(prompt.captions) == 1
        assert row["rewrite_theme"] == "two cats argue about taxes"
    checked = ovi(folder, "lint", "prompts/two-cats-argue-about-taxes.csv")
    assert checked.returncode == 0
    assert "nothing found" in checked.stdout + checked.stderr


def test_an_idea_fills_a_template(tmp_path):
    def behave(_, request):
        assert "fill_in" in request["messages"][-1]["content"]
        return chat(json.dumps({"blanks": {"line": "The cat owes nine lives in taxes.", "place":
                                           "a dim <S> office"}}))  # fmt: skip

    def better(number, request):
        if number == 1:
            return behave(number, request)
        return chat(json.dumps({"blanks": {"line": "The cat owes nine lives in taxes."}}))

    with serving(better) as fake:
        folder = make_project(tmp_path / "p", fake.url, rows=1)
        ended = ovi(folder, "rewrite", "--idea", "cats", "--template", "monologue", "--variant",
                    "720x720_5s", "--into", "cats")  # fmt: skip
        assert ended.returncode == 0, ended.stderr
        assert len(fake.requests) == 2
    (row,) = read_set(folder / "prompts" / "cats.csv")
    assert "<S>The cat owes nine lives in taxes.<E>" in row["text_prompt"]
    assert "office" not in row["text_prompt"]
