"""`ovi rewrite` and `ovi translate` as a user types them: files, review, interruption, keys."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time

import pytest

from ovi_studio.prompt.parse import parse_prompt
from ovi_studio.render.choices import columns_without_effect
from ovi_studio.rewrite.provenance import PROVENANCE_COLUMNS

from ..cli.command import COMMAND
from ..cli.projects import clean_environment, files_in, modules_after, run
from .fake_server import answer_rows, chat, error, good, rows_of, serving
from .projects import KEY, VARIABLE, files_with, make_project, read_set

THEME = ("--theme", "AI is taking over the world")


@pytest.fixture
def project(tmp_path):
    """A project and the server that its connection names."""
    with serving() as fake:
        yield make_project(tmp_path / "p", fake.url, rows=3), fake


def ovi(folder, *arguments, **options):
    return run(*arguments, folder=folder, **{VARIABLE: KEY}, **options)


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


def test_killed_in_the_middle_it_goes_on_where_it_stopped(tmp_path):
    def slow(_, request):
        answer = good(request)
        answer.delay = 0.15
        return answer

    with serving(slow) as fake:
        folder = make_project(tmp_path / "p", fake.url, rows=60, concurrency=2, rows_per_request=2)
        process = subprocess.Popen(
            [*COMMAND, "rewrite", "rain", *THEME, "--into", "new"], cwd=folder,
            env=clean_environment(folder, **{VARIABLE: KEY}), stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        while "row" not in process.stderr.readline().partition(":")[0]:
            pass
        time.sleep(0.4)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stderr.close()
        assert not (folder / "prompts" / "new.csv").exists()
        answered = len(fake.requests)
        assert 2 <= answered < 30
        with (folder / ".ovi" / "rewrite" / "answers.jsonl").open("ab") as stream:
            stream.write(b'{"key": "half a li')  # killed while writing
        ended = ovi(folder, "rewrite", "rain", *THEME, "--into", "new")
    assert ended.returncode == 0, ended.stderr
    stored = ended.stderr.count("(stored)")
    assert stored >= 2
    assert len(fake.requests) - answered == 30 - stored // 2
    new = read_set(folder / "prompts" / "new.csv")
    assert len(new) == 60
    assert all(row["rewrite_original"] for row in new)
    assert not files_with(tmp_path, KEY)


def heed_interrupts():
    """Tests that run in the background have them ignored, and hand that on to what they start."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_ctrl_c_says_how_to_go_on(tmp_path):
    def slow(number, request):
        answer = good(request)
        answer.delay = 0 if number < 3 else 30
        return answer

    with serving(slow) as fake:
        folder = make_project(tmp_path / "p", fake.url, rows=6, concurrency=1, rows_per_request=1)
        process = subprocess.Popen(
            [*COMMAND, "rewrite", "rain", *THEME], cwd=folder,
            env=clean_environment(folder, **{VARIABLE: KEY}), stderr=subprocess.PIPE, text=True,
            preexec_fn=heed_interrupts,
        )  # fmt: skip
        while not process.stderr.readline().startswith("row 2"):
            pass
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
        assert process.wait() == 130
    assert "the same command goes on from there" in said
    assert "Traceback" not in said


def test_ctrl_c_keeps_the_ideas_that_are_there(tmp_path):
    clip = {
        "opening": "A cat in a striped scarf sits on a wet roof at night.", "closing": "",
        "lines": [{"lead": "The cat sighs", "text": "Not again."}],
        "sound": "A small hoarse voice, rain on tiles, a distant siren.",
    }  # fmt: skip

    def slow(number, _):
        answer = chat(json.dumps(clip))
        answer.delay = 0 if number < 2 else 30
        return answer

    with serving(slow) as fake:
        folder = make_project(tmp_path / "p", fake.url, rows=1)
        process = subprocess.Popen(
            [*COMMAND, "rewrite", "--idea", "a cat on a roof", "--count", "2", "--variant", "nano"],
            cwd=folder, env=clean_environment(folder, **{VARIABLE: KEY}), stderr=subprocess.PIPE,
            text=True, preexec_fn=heed_interrupts,
        )  # fmt: skip
        while not process.stderr.readline().startswith("clip 1: A cat"):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
        assert process.wait() == 130
    assert "1 clip stored: the same command goes on from there" in said
    assert "Traceback" not in said


def on_terminal(folder, arguments, keys, **variables):
    """Runs a command on a terminal; `keys` are typed one after another, each at a question."""
    parent, child = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, *arguments], cwd=folder, stdin=child, stdout=child, stderr=child,
        env=clean_environment(folder, **{VARIABLE: KEY, "TERM": "xterm", **variables}),
        start_new_session=True,
    )  # fmt: skip
    os.close(child)
    said = ""
    waiting = list(keys)
    answered = 0
    while True:
        ready, _, _ = select.select([parent], [], [], 30)
        if not ready:
            process.kill()
            raise AssertionError(f"it hangs: {said[-500:]}")
        try:
            data = os.read(parent, 65536)
        except OSError:
            break
        if not data:
            break
        said += data.decode("utf-8", "replace")
        if said.count("[q]uit > ") > answered and waiting:
            answered += 1
            os.write(parent, waiting.pop(0).encode() + b"\n")
    os.close(parent)
    return process.wait(), said


def test_rows_are_reviewed_on_a_terminal(tmp_path):
    def behave(_, request):
        answer = good(request)
        answer.delay = 1.0 if "in a red" in str(rows_of(request)) else 0
        return answer

    with serving(behave) as fake:
        folder = make_project(tmp_path / "p", fake.url, rows=3, rows_per_request=1)
        arguments = ["rewrite", "rain", *THEME, "--into", "new"]
        code, said = on_terminal(folder, arguments, ["a", "r", "a"])
    assert code == 0, said
    assert "before" in said
    assert "after" in said
    places = [said.index(f"row {n}") for n in (1, 2, 3)]
    assert places == sorted(places), "rows come in the order of the set, the slow first one too"
    new, old = read_set(folder / "prompts" / "new.csv"), read_set(folder / "prompts" / "rain.csv")
    changed = [a["text_prompt"] != b["text_prompt"] for a, b in zip(old, new, strict=True)]
    assert changed == [True, False, True]


def test_all_accepts_the_rest_and_quit_leaves_it(project):
    folder, _ = project
    on_terminal(folder, ["rewrite", "rain", *THEME, "--into", "all"], ["A"])
    assert sum(bool(r["rewrite_original"]) for r in read_set(folder / "prompts" / "all.csv")) == 3
    on_terminal(folder, ["rewrite", "rain", *THEME, "--into", "one"], ["a", "q"])
    assert sum(bool(r["rewrite_original"]) for r in read_set(folder / "prompts" / "one.csv")) == 1
    before = (folder / "prompts" / "rain.csv").read_bytes()
    on_terminal(folder, ["rewrite", "rain", *THEME, "--in-place"], ["q"])
    assert (folder / "prompts" / "rain.csv").read_bytes() == before


def test_a_row_can_be_asked_for_again(tmp_path):
    def behave(_, request):
        is_again = any("version" in row for row in rows_of(request))
        return good(request, salt="again" if is_again else "")

    with serving(behave) as fake:
        folder = make_project(tmp_path / "p", fake.url, rows=1)
        code, said = on_terminal(folder, ["rewrite", "rain", *THEME, "--in-place"], ["g", "a"])
        assert code == 0, said
        assert len(fake.requests) == 2
    (row,) = read_set(folder / "prompts" / "rain.csv")
    assert row["rewrite_original"]


def editor(folder, replacement):
    path = folder / "editor.py"
    path.write_text(
        "import re, sys, pathlib\n"
        "path = pathlib.Path(sys.argv[1])\n"
        "text = path.read_text()\n"
        f"path.write_text(re.sub(r'(?m)^1: .*', {replacement!r}, text))\n"
    )
    return f"{sys.executable} {path}"


def test_a_row_can_be_edited_but_not_broken(project, tmp_path):
    folder, _ = project
    arguments = ["rewrite", "rain:1", *THEME, "--in-place"]
    code, said = on_terminal(
        folder, arguments, ["e", "r"], EDITOR=editor(tmp_path, "1: Burn <E> the map.")
    )
    assert "This cannot stand" in said
    code, said = on_terminal(
        folder, arguments, ["e", "a"], EDITOR=editor(tmp_path, "1: Burn the map.")
    )
    assert code == 0, said
    row = read_set(folder / "prompts" / "rain.csv")[0]
    assert [s.text for s in parse_prompt(row["text_prompt"]).speeches] == ["Burn the map."]
    assert row["rewrite_model"] == "fake (test), edited"


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


def test_the_log_has_every_call_and_makes_one_again(project):
    folder, fake = project
    assert "No call" in ovi(folder, "rewrite", "log").stderr
    ovi(folder, "rewrite", "rain", *THEME)
    listed = json.loads(ovi(folder, "rewrite", "log", "--json").stdout)
    assert len(listed) == 1
    assert listed[0]["model"] == "fake"
    assert "[[1]]" in ovi(folder, "rewrite", "log", "--call", "1").stdout
    ended = ovi(folder, "rewrite", "log", "--replay", "1")
    assert ended.returncode == 0, ended.stderr
    assert "--- then" in ended.stdout
    assert fake.requests[-1]["messages"] == fake.requests[0]["messages"]
    assert len(json.loads(ovi(folder, "rewrite", "log", "--json").stdout)) == 2
    assert ovi(folder, "rewrite", "log", "--replay", "9").returncode == 2


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


def test_the_key_is_in_no_file_and_no_output(tmp_path):
    def behave(number, request):
        if number == 1:
            return error(500, f"Incorrect key Bearer {KEY}")
        return good(request)

    with serving(behave) as fake:
        folder = make_project(tmp_path / "p", fake.url, rows=2)
        ended = ovi(folder, "rewrite", "rain", *THEME)
        replayed = ovi(folder, "rewrite", "log", "--replay", "1")
        shown = ovi(folder, "rewrite", "log", "--call", "1")
        config = ovi(folder, "config", "show")
    assert ended.returncode == 0, ended.stderr
    for one in (ended, replayed, shown, config):
        assert KEY not in one.stdout + one.stderr
    assert not files_with(tmp_path, KEY)
    assert "(hidden key)" in (folder / ".ovi" / "rewrite" / "calls.jsonl").read_text()


def test_a_key_in_a_project_file_is_refused(project):
    folder, fake = project
    path = folder / "ovi.toml"
    path.write_text(path.read_text() + f'api_key = "{KEY}"\n')
    ended = ovi(folder, "rewrite", "rain", *THEME)
    assert ended.returncode == 2
    assert "secret" in ended.stderr
    assert KEY not in ended.stderr
    assert not fake.requests


def test_without_openai_a_sentence_says_what_to_install(project):
    folder, _ = project
    (folder / "openai.py").write_text("raise ImportError('none')")
    ended = ovi(folder, "rewrite", "rain", *THEME)
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
    ended = ovi(folder, "rewrite", "rain", *THEME, "--offline", "--json")
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
