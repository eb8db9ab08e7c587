"""What happens when a rank fails, or rank 0 does."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ovi.errors import PlacementError, WeightsError
from ovi.parallel import RankError, RankOutOfMemory
from tests.engine.parallel import faulty_rank
from tests.engine.parallel.pipelines import load, load_pair, request_of


def test_a_killed_rank_is_an_error_and_the_pipeline_is_done():
    pipeline = load_pair()

    def kill(progress):
        if (progress.stage, progress.step) == ("denoise", 1):
            pipeline._ranks._processes[0].kill()

    with pytest.raises(
        RankError, match=r"Rank 1 on cpu failed\. Its process was killed by SIGKILL"
    ):
        pipeline.render(request_of(), on_progress=kill)
    with pytest.raises(RankError, match="load the models again"):
        pipeline.render(request_of())


def command_with(fault):
    return (sys.executable, "-m", faulty_rank.__name__, fault)


def test_a_rank_out_of_memory_says_so_in_its_own_words():
    pipeline = load_pair(rank_command=command_with("memory"))
    with pytest.raises(RankOutOfMemory, match=r"(?s)Rank 1 .*2.00 GiB.*Its traceback"):
        pipeline.render(request_of())


def test_a_rank_that_cannot_load_ends_the_load_with_its_error():
    with pytest.raises(WeightsError, match="/some/file is"):
        load_pair(rank_command=command_with("weights"))


def test_a_rank_lost_while_all_meet_ends_the_load():
    with pytest.raises(RankError, match="ended with exit code 3"):
        load_pair(rank_command=command_with("meeting"))


def test_more_ranks_than_heads_are_refused_before_any_is_started():
    with pytest.raises(PlacementError, match="use at most 8"):
        load(10, rank_command=("no-such-program",))


def test_ranks_end_when_rank_0_is_killed():
    command = [sys.executable, "-m", "tests.engine.parallel.lonely"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        os.kill(child, 0)
        parent.kill()
    deadline = time.monotonic() + 60
    while is_running(child):
        assert time.monotonic() < deadline, "the rank outlived rank 0"
        time.sleep(0.05)


def is_running(pid):
    """Whether there is such a process, not counting one that waits to be reaped."""
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
