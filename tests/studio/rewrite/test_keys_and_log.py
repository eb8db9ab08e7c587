"""The log of calls, and keys, which are in no file and no output."""

import json

import pytest

from .command import ovi, ovi_alone
from .fake_server import error, good, serving
from .projects import KEY, files_with, make_project

THEME = ("--theme", "AI is taking over the world")


@pytest.fixture
def project(tmp_path):
    """A project and the server that its connection names."""
    with serving() as fake:
        yield make_project(tmp_path / "p", fake.url, rows=3), fake


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


def test_the_key_is_in_no_file_and_no_output(tmp_path):
    def behave(number, request):
        if number == 1:
            return error(500, f"Incorrect key Bearer {KEY}")
        return good(request)

    with serving(behave) as fake:
        folder = make_project(tmp_path / "p", fake.url, rows=2)
        ended = ovi_alone(folder, "rewrite", "rain", *THEME)
        replayed = ovi_alone(folder, "rewrite", "log", "--replay", "1")
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
