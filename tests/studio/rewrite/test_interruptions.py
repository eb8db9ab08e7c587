"""A rewrite that is killed or stopped: nothing is lost, and the same command goes on."""

import json
import signal
import subprocess
import time

from ..cli.command import COMMAND
from ..cli.projects import clean_environment
from .command import ovi
from .fake_server import chat, good, serving
from .projects import KEY, VARIABLE, files_with, make_project, read_set

THEME = ("--theme", "AI is taking over the world")


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
