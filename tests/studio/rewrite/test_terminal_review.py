"""Rows reviewed on a terminal: keys, editor, and what is written in the end."""

import os
import pty
import select
import subprocess
import sys

import pytest

from ovi_studio.prompt.parse import parse_prompt

from ..cli.command import COMMAND
from ..cli.projects import clean_environment
from .fake_server import good, rows_of, serving
from .projects import KEY, VARIABLE, make_project, read_set

THEME = ("--theme", "AI is taking over the world")


@pytest.fixture
def project(tmp_path):
    """A project and the server that its connection names."""
    with serving() as fake:
        yield make_project(tmp_path / "p", fake.url, rows=3), fake


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
