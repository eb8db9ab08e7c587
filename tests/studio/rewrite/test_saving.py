"""Where rewritten rows end up: beside others' changes, with their pictures, under their ids."""

import csv

import pytest

from ovi_studio.actions.rewriting import RewriteSession, estimate_of, plan_rewrite
from ovi_studio.actions.rewritten_sets import free_path, save_in_place, save_new_set, slug_of
from ovi_studio.errors import PromptFileError
from ovi_studio.prompt.parse import parse_prompt
from ovi_studio.rewrite.order import Wish
from ovi_studio.rewrite.variant_guess import guess_variant

from .projects import make_project, order, read_set
from .tasks import TWO_LINES


@pytest.fixture
def project(tmp_path):
    return make_project(tmp_path / "p", "http://127.0.0.1:9/v1", rows=4)


def rewritten(folder, **changes):
    """A plan and its results, offline."""
    plan = plan_rewrite(order(is_offline=True, wish=Wish(theme="love"), **changes), folder)
    with RewriteSession(plan) as session:
        return plan, list(session.results())


def test_what_others_change_meanwhile_stays(project):
    plan, results = rewritten(project)
    path = project / "prompts" / "rain.csv"
    rows = read_set(path)
    theirs = rows[1]["text_prompt"].replace("yellow", "spotted")
    path.write_text(path.read_text().replace(rows[1]["text_prompt"], theirs))
    assert save_in_place(plan, results) == ["2"]
    now = read_set(path)
    assert now[1]["text_prompt"] == theirs
    assert now[1]["rewrite_theme"] == ""
    assert [bool(row["rewrite_theme"]) for row in now] == [True, False, True, True]


def test_in_place_other_bytes_stay(project):
    path = project / "prompts" / "rain.csv"
    content = (
        path.read_bytes().replace(b"\r\n", b"\n").replace(b"text_prompt,seed", b"text_prompt,note")
    )
    content = b"\xef\xbb\xbf" + content.replace(b",0,720", b',"a, ""b""",720')
    path.write_bytes(content)
    plan, results = rewritten(project, source="rain:2")
    save_in_place(plan, results)
    before, after = content.split(b"\n"), path.read_bytes().split(b"\n")
    assert after[1] == before[1] + b"," * 7  # row 1, with its quotes, got cells and nothing else
    assert after[0].startswith(b"\xef\xbb\xbftext_prompt,note,variant,rewrite_theme")


def test_a_picture_is_found_from_the_new_set(project):
    (project / "prompts" / "images").mkdir()
    (project / "prompts" / "images" / "a.png").write_bytes(b"x")
    path = project / "prompts" / "rain.csv"
    rows = read_set(path)
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, [*rows[0], "image_path", "id"])
        writer.writeheader()
        for number, row in enumerate(rows):
            writer.writerow({**row, "image_path": "images/a.png", "id": f"row{number}"})
    plan, results = rewritten(project, num_versions=2)
    target = project / "elsewhere" / "deep" / "new.csv"
    save_new_set(plan, results, target)
    new = read_set(target)
    assert {row["image_path"] for row in new} == {"../../prompts/images/a.png"}
    assert [row["id"] for row in new][:3] == ["row0-1", "row0-2", "row1-1"]
    with pytest.raises(PromptFileError, match="exists"):
        save_new_set(plan, results, target)


def test_bytes_that_are_no_text_are_refused_before_anything_is_paid(project):
    path = project / "prompts" / "rain.csv"
    path.write_bytes(path.read_bytes().replace(b"tram", b"tr\xffm", 1))
    with pytest.raises(PromptFileError, match="row 1 holds bytes"):
        plan_rewrite(order(), project)


def test_offline_costs_nothing(project):
    plan, results = rewritten(project)
    assert estimate_of(plan) is None
    assert all(result.is_rewritten for result in results)


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("AI is taking over the world", "ai-is-taking-over-the-world"),
        ("../../etc/passwd", "etc-passwd"),
        ("Любовь", "rewritten"),
        ("a" * 100, "a" * 32),
        ("one two three four five six seven eight nine", "one-two-three-four-five-six"),
    ],
)
def test_names_are_made_of_themes(text, slug):
    assert slug_of(text) == slug


def test_a_name_that_is_taken_gets_a_number(tmp_path):
    (tmp_path / "a.csv").touch()
    (tmp_path / "a-2.csv").touch()
    assert free_path(tmp_path, "a").name == "a-3.csv"


@pytest.mark.parametrize(
    ("texts", "name"),
    [
        ([TWO_LINES], "720x720_5s"),
        (["A face says <S>hello yellow<E>. Audio: A voice."], "nano"),
        (["word " * 70 + "He says, <S>Go home.<E> Audio: A voice."], "960x960_5s"),
        (["word " * 70 + f"He says, <S>{'many words ' * 12}<E> Audio: A voice."], "960x960_10s"),
    ],
)
def test_the_variant_is_guessed_where_nobody_names_one(texts, name):
    assert guess_variant([parse_prompt(text) for text in texts]).name == name
