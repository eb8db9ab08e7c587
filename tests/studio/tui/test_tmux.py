"""Whole flows in a real terminal: the studio in tmux, with the real engine, driven by keys."""

import os
import signal
import time
from pathlib import Path

import pytest

from ovi_studio.actions.demo import create_demo
from ovi_studio.project.layout import ProjectLayout
from ovi_studio.render.queue import RenderQueue

from .terminal import HAS_TMUX, PATIENCE_SECONDS, Terminal

pytestmark = [
    pytest.mark.skipif(not HAS_TMUX, reason="tmux and /proc are needed to drive a real terminal"),
]


def test_two_keys_lead_from_an_empty_folder_to_a_rendered_clip(tmp_path):
    with Terminal(tmp_path) as terminal:
        terminal.open_studio()
        terminal.wait_for("There is no project")
        terminal.press("d")
        terminal.wait_for("Render 1 clip")
        terminal.press("Enter")
        terminal.wait_for("1 done", "done ")
        (clip,) = (tmp_path / "renders").glob("demo-1-*.mp4")
        assert clip.stat().st_size > 1000
        terminal.press("4")
        terminal.wait_for(clip.name)
        terminal.press("1")
        terminal.wait_for("Edit  n New")  # on the rows: keys are keys, not text of the prompt
        terminal.press("q")
        terminal.wait_for("ended with 0")
        assert terminal.modes() == ["0", "0"]


def test_killed_in_the_middle_of_an_edit_it_loses_nothing_and_leaves_the_terminal_sane(tmp_path):
    create_demo(tmp_path)
    with Terminal(tmp_path, columns=100, rows=30) as terminal:
        terminal.open_studio()
        terminal.wait_for("A round face")
        terminal.press("Enter")
        terminal.wait_for("F1 Write")
        terminal.press("C-End")
        terminal.type(" Precious words.")
        terminal.wait_for("Precious words")
        time.sleep(1.5)  # what was typed a second ago has to survive
        os.kill(terminal.studio_pid(), signal.SIGKILL)
        terminal.wait_for("The studio was ended from outside")
        assert terminal.modes() == ["0", "0"]
        terminal.type_line("echo still e''chos")
        terminal.wait_for("still echos")
        terminal.open_studio()
        terminal.wait_for("nsaved")
        terminal.press("r")
        terminal.wait_for("Precious words")
        terminal.press("C-s")
        terminal.press("Escape")
        terminal.press("C-q")
        terminal.wait_for("ended with 0")
    assert "Precious words" in (tmp_path / "prompts" / "demo.csv").read_text()


@pytest.mark.slow
def test_quitting_with_stop_leaves_no_worker_and_with_background_finishes(tmp_path):
    create_demo(tmp_path)
    layout = ProjectLayout(tmp_path)
    with Terminal(tmp_path) as terminal:
        for answer, num_jobs in (("s", 6), ("b", 6)):
            terminal.open_studio("--view", "write")
            terminal.wait_for("A round face")
            terminal.press("a", "r")
            terminal.wait_for(f"Render {num_jobs} clips")
            terminal.press("Enter")
            terminal.wait_for("denoising")
            terminal.press("q")
            terminal.wait_for("not finished")
            terminal.press(answer)
            terminal.wait_for("ended with 0")
            with RenderQueue(layout.state.queue_path) as queue:
                if answer == "s":
                    assert queue.workers() == []
                    assert not queue.has_unfinished_jobs()
                else:
                    while queue.has_unfinished_jobs():
                        time.sleep(0.5)
            terminal.type_line("clear")
    assert len(list((tmp_path / "renders").glob("*.mp4"))) == 6


def test_told_to_end_by_the_system_it_saves_and_ends(tmp_path):
    create_demo(tmp_path)
    with Terminal(tmp_path) as terminal:
        terminal.open_studio()
        terminal.wait_for("A round face")
        terminal.press("C-t")
        terminal.wait_for("Theme: light")
        os.kill(terminal.studio_pid(), signal.SIGTERM)
        terminal.wait_for("ended with 0")
        assert terminal.modes() == ["0", "0"]
    assert '"theme": "light"' in (tmp_path / ".ovi" / "studio.json").read_text()


def test_a_terminal_that_closes_leaves_no_studio_behind_and_nothing_unsaved(tmp_path):
    create_demo(tmp_path)
    with Terminal(tmp_path, columns=80, rows=24) as terminal:
        terminal.open_studio()
        terminal.wait_for("A round face")
        terminal.press("Enter")
        terminal.wait_for("F1 Write")
        terminal.type("Zebras ")
        terminal.wait_for("Zebras")
        pid = terminal.studio_pid()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert "Zebras" in (tmp_path / "prompts" / "demo.csv").read_text()
