"""Watching a clip being denoised: rarely, off the render's path, without a trace in the clip."""

import threading

import pytest
import torch

from ovi.preview.watch import PreviewWatch
from ovi.types import Latents

STEPS = 10


class Clock:
    """Time that goes by when told to."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def estimate(value=0.0):
    draw = torch.Generator().manual_seed(int(value))
    return Latents(
        torch.randn(1, 48, 3, 4, 6, generator=draw), torch.randn(1, 12, 20, generator=draw)
    )


def watch(on_drawing, seconds=1.0, clock=None):
    return PreviewWatch(
        None, on_drawing, pixels_per_latent=2, seconds=seconds, clock=clock or Clock()
    )


def test_it_draws_at_most_every_so_often_and_always_at_the_end():
    drawn, clock = [], Clock()
    watching = watch(drawn.append, seconds=1.0, clock=clock)
    for index in range(STEPS + 2):
        watching(index, STEPS + 2, estimate(index))
        clock.now += 0.4
        while watching._waiting is not None:  # let the thread take it
            pass
    watching.close()
    assert [drawing.step for drawing in drawn] == [1, 4, 7, 10, 12]
    last = drawn[-1]
    assert (last.num_steps, last.is_calibrated) == (STEPS + 2, False)
    assert last.frames.shape == (3, 8, 12, 3)
    assert str(last.frames.dtype) == "uint8"
    assert last.mel.shape == (20, 12)


def test_a_slow_writer_gets_the_newest_and_never_holds_up_a_step():
    drawn, going_on = [], threading.Event()

    def write(drawing):
        going_on.wait(10)
        drawn.append(drawing.step)

    watching = watch(write, seconds=0.0)
    for index in range(STEPS):
        watching(index, STEPS, estimate(index))  # comes back at once, though nothing is written
    going_on.set()
    watching.close()
    assert drawn[-1] == STEPS
    assert len(drawn) <= 2, "one at work, one waiting"


def test_a_fault_is_said_once_and_never_reaches_the_clip(capsys):
    def write(_):
        raise OSError("the disk is full")

    watching = watch(write, seconds=0.0)
    for index in range(STEPS):
        watching(index, STEPS, estimate(index))
    watching.close()
    assert capsys.readouterr().err == "No preview of this clip: OSError: the disk is full\n"


def test_latents_that_cannot_be_drawn_do_not_reach_the_clip_either(capsys):
    watching = watch(lambda _: pytest.fail("nothing to draw"), seconds=0.0)
    broken = Latents(torch.zeros(1, 48), torch.randn(1, 12, 20))
    watching(0, STEPS, broken)
    watching(1, STEPS, estimate())
    watching.close()
    assert capsys.readouterr().err.count("No preview") == 1


def test_it_changes_nothing_that_it_is_shown():
    shown = estimate(5)
    before = shown.video.clone(), shown.audio.clone()
    watching = watch(lambda _: None, seconds=0.0)
    watching(0, STEPS, shown)
    watching.close()
    assert torch.equal(shown.video, before[0])
    assert torch.equal(shown.audio, before[1])


def test_closing_ends_the_thread_and_nothing_is_drawn_afterwards():
    drawn = []
    watching = watch(drawn.append, seconds=0.0)
    watching(0, STEPS, estimate())
    watching.close()
    watching.close()
    watching(1, STEPS, estimate())
    assert [drawing.step for drawing in drawn] == [1]
    assert "preview" not in [thread.name for thread in threading.enumerate()]
