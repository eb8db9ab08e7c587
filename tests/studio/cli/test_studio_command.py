"""`ovi studio` where it cannot be opened: one sentence, with what to do."""

import sys

import pytest

from ovi_studio.cli import studio
from ovi_studio.errors import MissingExtraError

from .command import ovi


def test_without_a_terminal_it_says_so(tmp_path):
    ended = ovi("studio", folder=tmp_path)
    assert ended.returncode == 2
    assert ended.stderr.startswith("The studio needs a terminal")
    assert len(ended.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_without_textual_the_command_that_installs_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "textual", None)
    with pytest.raises(MissingExtraError, match=r'pip install "ovi-studio\[tui\]"'):
        studio.check_textual()


@pytest.mark.parametrize(
    ("environment", "draws"),
    [
        ({"TERM": "xterm-kitty"}, True),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, True),
        ({"TERM": "xterm-kitty", "TMUX": "/tmp/tmux"}, False),
        ({"TERM": "xterm-256color"}, False),
        ({}, False),
    ],
)
def test_only_terminals_that_draw_pictures_are_asked_how(environment, draws):
    assert studio._draws_pictures(environment) is draws
