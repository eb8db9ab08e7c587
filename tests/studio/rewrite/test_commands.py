"""`ovi rewrite` and `ovi translate` as a user types them: files, costs, exit codes."""

import json

import pytest

from ovi_studio.render.choices import columns_without_effect
from ovi_studio.rewrite.provenance import PROVENANCE_COLUMNS

from ..cli.projects import files_in, modules_after, run
from .command import ovi, ovi_alone
from .fake_server import answer_rows, chat, rows_of, serving
from .projects import make_project, read_set

THEME = ("--theme", "AI is taking over the world")


@pytest.fixture
def project(tmp_path):
    """A project and the server that its connection names."""
    with serving() as fake:
        yield make_project(tmp_path / "p", fake.url, rows=3), fake


def test_a_new_set_is_written_and_says_where_it_came_from(project):
    folder, _ = project
    before = (folder / "prompts" / "rain.csv").read_bytes()
    ended = ovi(folder, "rewrite", "rain", *THEME)
    assert ended.returncode == 0, ended.stderr
    assert (folder / "prompts" / "rain.csv").read_bytes() == before
    old = read_set(folder / "prompts" / "rain.csv")
    new = read_set(folder / "prompts" / "rain-ai-is-taking-over-the-world.csv")
    assert len(new) == 3
    for number, (was, row) in enumerate(zip(old, new, strict=True), 1):
        assert row["text_prompt"] != was["text_prompt"]
        assert (row["seed"], row["variant"]) == (was["seed"], was["variant"])
        assert row["rewrite_original"] == was["text_prompt"]
        assert row["rewrite_theme"] == THEME[1]
        assert row["rewrite_model"] == "fake (test)"
        assert row["rewrite_from"] == f"rain:{number}"
        assert row["rewrite_date"].startswith("20")
        assert set(PROVENANCE_COLUMNS) <= set(row)
    assert ovi(folder, "lint", "prompts").returncode == 0
    again = ovi(folder, "rewrite", "rain", *THEME)
    assert "nothing will be sent" in again.stderr
    assert (folder / "prompts" / "rain-ai-is-taking-over-the-world-2.csv").exists()


def test_provenance_columns_are_no_surprise_to_rendering():
    assert columns_without_effect(("text_prompt", *PROVENANCE_COLUMNS)) == []


def test_without_a_terminal_a_set_is_changed_in_place_only_with_yes(project):
    folder, fake = project
    path = folder / "prompts" / "rain.csv"
    before = path.read_bytes()
    refused = ovi(folder, "rewrite", "rain", *THEME, "--in-place")
    assert refused.returncode == 2
    assert "--yes" in refused.stderr
    assert path.read_bytes() == before
    assert not fake.requests
    assert ovi(folder, "rewrite", "rain:2", *THEME, "--in-place", "--yes").returncode == 0
    rows = read_set(path)
    assert [bool(row["rewrite_original"]) for row in rows] == [False, True, False]
    first = rows[1]["rewrite_original"]
    ovi(folder, "rewrite", "rain:2", "--theme", "love", "--in-place", "--yes", "--offline")
    row = read_set(path)[1]
    assert row["rewrite_theme"] == "love"
    assert row["rewrite_original"] == first, "the first original is kept"


def test_a_dry_run_asks_nobody_and_needs_no_key(project):
    folder, fake = project
    before = files_in(folder)
    ended = run("rewrite", "rain", *THEME, "--dry-run", "--json", folder=folder)
    assert ended.returncode == 0, ended.stderr
    document = json.loads(ended.stdout)
    assert document["estimate"]["rows"] == 3
    assert document["estimate"]["input_tokens"] > 300
    assert not fake.requests
    assert files_in(folder) == before


def test_the_estimate_holds_and_prices_are_shown(tmp_path):
    with serving() as fake:
        folder = make_project(tmp_path / "p", fake.url, price_input=2.0, price_output=8)
        document = json.loads(ovi(folder, "rewrite", "rain", *THEME, "--json").stdout)
    estimate, spent = document["estimate"], document["spent"]
    assert estimate["requests"] == spent["calls"] == 2
    expected = (estimate["input_tokens"] * 2 + estimate["output_tokens"] * 8) / 1e6
    assert estimate["price"] == pytest.approx(expected)
    assert spent["price"] == pytest.approx((22 * 2 + 14 * 8) / 1e6)
    assert spent["is_counted"]


def test_rows_that_never_pass_are_reported_and_the_exit_code_says_so(tmp_path):
    def behave(_, request):
        data = answer_rows(rows_of(request))
        for row, asked in zip(data["rows"], rows_of(request), strict=True):
            if "yellow" in asked["context"]:
                row["segments"][0]["text"] = "Burn <E> it"
        return chat(json.dumps(data))

    with serving(behave) as fake:
        folder = make_project(tmp_path / "p", fake.url, rows=3)
        ended = ovi(folder, "rewrite", "rain", *THEME, "--into", "new", "--max-retries", "1")
    assert ended.returncode == 1
    assert "row 2: kept. segment 1: it holds a tag" in ended.stderr
    old, new = read_set(folder / "prompts" / "rain.csv"), read_set(folder / "prompts" / "new.csv")
    assert new[1]["text_prompt"] == old[1]["text_prompt"]
    assert new[1]["rewrite_theme"] == ""
    assert new[0]["text_prompt"] != old[0]["text_prompt"]


def test_translating_asks_for_the_language_and_tolerates_its_script(tmp_path):
    def behave(_, request):
        data = answer_rows(rows_of(request))
        for number, row in enumerate(data["rows"]):
            row["segments"][0]["text"] = "Я вернулась за тобой" + "!" * number
        return chat(json.dumps(data))

    with serving(behave) as fake:
        folder = make_project(tmp_path / "p", fake.url, rows=1)
        ended = ovi(folder, "translate", "rain", "--to", "Russian")
        assert ended.returncode == 0, ended.stderr
        assert "into Russian" in fake.requests[0]["messages"][0]["content"]
    (row,) = read_set(folder / "prompts" / "rain-russian.csv")
    assert "<S>Я вернулась за тобой<E>" in row["text_prompt"]


def test_a_project_may_have_its_own_system_prompt(project):
    folder, fake = project
    own = folder / "templates" / "rewrite"
    own.mkdir(parents=True)
    (own / "rewrite.jinja").write_text("Only limericks about {{ theme }}.")
    assert ovi(folder, "rewrite", "rain", *THEME).returncode == 0
    system = fake.requests[0]["messages"][0]["content"]
    assert system == "Only limericks about AI is taking over the world."
    for bad, said in (("{{ colour }}", "no 'colour'"), ("{% for x in y %}", "rewrite.jinja")):
        (own / "rewrite.jinja").write_text(bad)
        ended = ovi(folder, "rewrite", "rain", *THEME)
        assert ended.returncode == 2
        assert said in ended.stderr


def test_without_openai_a_sentence_says_what_to_install(project):
    folder, _ = project
    (folder / "openai.py").write_text("raise ImportError('none')")
    ended = ovi_alone(folder, "rewrite", "rain", *THEME)
    assert ended.returncode == 2
    assert "ovi-studio[llm]" in ended.stderr
    assert len(ended.stderr.strip().splitlines()[-1]) < 200


def test_help_starts_without_openai_and_rich(tmp_path):
    for command in ("rewrite", "translate"):
        code, modules = modules_after(command, "--help", folder=tmp_path)
        assert code == 0
        assert not modules & {"openai", "rich", "yaml", "jinja2", "torch", "numpy", "pydantic"}


def test_offline_needs_neither_server_nor_openai(tmp_path):
    folder = make_project(tmp_path / "p", "http://127.0.0.1:9/v1", rows=3)
    (folder / "openai.py").write_text("raise ImportError('none')")
    ended = ovi_alone(folder, "rewrite", "rain", *THEME, "--offline", "--json")
    assert ended.returncode == 0, ended.stderr
    document = json.loads(ended.stdout)
    assert document["is_offline"]
    (path,) = (folder / "prompts").glob("rain-*.csv")
    assert {row["rewrite_model"] for row in read_set(path)} == {"offline bank"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["rain"], "--theme"),
        ([], "Name a set"),
        (["nosuch", *THEME], "no set"),
        (["rain", *THEME, "--connection", "tset"], "Did you mean test?"),
        (["rain", *THEME, "--in-place", "--into", "x"], "exclude"),
        (["rain", *THEME, "--in-place", "--yes", "--n", "2"], "leave out --in-place"),
        (["rain", *THEME, "--into", "rain"], "exists"),
        (["rain", *THEME, "--offline", "--language", "French"], "needs a model"),
        (["--idea", "x", "--offline"], "needs a model"),
        (["--idea", "x", "--theme", "y"], "without"),
        (["--idea", "x", "--n", "3"], "--count 3"),
        (["--idea", "x", "--part", "audio"], "leave out --part"),
        (["rain", *THEME, "--count", "3"], "--n 3"),
        (["rain", "--theme", "!!! \U0001f642", "--offline"], "no word"),
        (["rain", "--theme", "1984", "--offline"], "no word"),
        (["rain", "--theme", "\u673a\u5668\u4eba", "--offline"], "no word"),
        (["rain", "--replay", "1"], "log"),
    ],
)
def test_what_is_impossible_is_said_in_a_sentence(project, arguments, said):
    folder, fake = project
    ended = ovi(folder, "rewrite", *arguments)
    assert ended.returncode == 2
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not fake.requests
