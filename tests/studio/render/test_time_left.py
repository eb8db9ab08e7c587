"""Estimates follow from what was seen, with a clock that the test sets."""

from ovi_studio.render.time_left import TimeLeft


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_a_stage_goes_on_at_its_pace():
    clock = Clock()
    left = TimeLeft(1, now=clock)
    left.start(7)
    left.advance(7, "denoise", 0)
    assert left.stage_seconds(7, 0, 50) is None
    clock.now = 20.0
    left.advance(7, "denoise", 10)
    assert left.stage_seconds(7, 10, 50) == 80.0
    # A new stage is timed from its own start, even when it was first seen in its middle.
    left.advance(7, "video", 20)
    clock.now = 21.0
    assert left.stage_seconds(7, 30, 50) == 2.0


def test_all_clips_take_the_mean_of_the_rendered_ones():
    clock = Clock()
    left = TimeLeft(4, now=clock)
    left.start(1)
    clock.now = 10.0
    assert left.all_seconds() is None
    assert left.end(1, was_rendered=True) == 10.0
    assert left.all_seconds() == 30.0
    left.start(2)
    clock.now = 14.0
    assert left.all_seconds() == 26.0
    assert left.end(2, was_rendered=False) == 4.0
    assert left.end(3, was_rendered=False) is None
    assert left.all_seconds() == 10.0
