"""The clock of a clip that is played, the shape of its sound, and pictures as text."""

import pytest
from rich.style import Style

from ovi_studio.tui.half_blocks import centred_strips, half_block_rows
from ovi_studio.tui.playback import Playback
from ovi_studio.tui.widgets.sound_wave import bars

CLIP = Playback(num_frames=48, frames_per_second=24.0)


@pytest.mark.parametrize(
    ("now", "frame"), [(100.0, 0), (100.04, 0), (100.05, 1), (101.0, 24), (101.99, 47), (102.1, 2)]
)
def test_the_frame_that_is_due_is_shown_and_late_ones_are_left_out(now, frame):
    assert CLIP.play(100.0).frame(now) == frame


def test_a_pause_holds_the_frame_and_playing_goes_on_from_it():
    paused = CLIP.play(100.0).pause(100.5)
    assert paused.frame(500.0) == 12
    assert paused.play(500.0).frame(500.25) == 18


def test_steps_stand_still_and_go_round():
    stepped = CLIP.play(100.0).step(1, 100.5)
    assert not stepped.is_playing
    assert stepped.frame(0.0) == 13
    assert CLIP.step(-1, 0.0).frame(0.0) == 47
    assert CLIP.step(-1, 0.0).step(1, 0.0).frame(0.0) == 0
    assert CLIP.seek(47, 0.0).play(10.0).frame(10.0) == 0  # from the end it begins again


def test_a_clip_that_is_still_decoded_waits_on_its_last_frame():
    early = Playback(num_frames=12, is_whole=False).play(0.0)
    assert early.frame(5.0) == 11
    grown = early.grown(48, 5.0, is_whole=True)
    assert grown.frame(5.0) == 12
    assert grown.frame(5.5) == 24


def test_nothing_happens_without_frames():
    empty = Playback()
    assert (empty.position(3.0), empty.frame(3.0)) == (0.0, 0)
    assert empty.step(1, 0.0) == empty
    assert not empty.toggle(0.0).toggle(1.0).is_playing


def test_bars_follow_the_loudest_part_and_quiet_sound_can_be_seen():
    assert bars([0, 0, 255, 0], 2, 16) == [0, 16]
    assert bars([5] * 8, 3, 16) == [2, 2, 2]
    assert bars([], 3, 16) == [0, 0, 0]
    assert bars([255], 4, 8) == [8, 8, 8, 8]


def test_two_pixels_become_one_character():
    pixels = bytes((255, 0, 0) * 2 + (0, 0, 255) * 2 + (0, 255, 0) * 2)
    rows = half_block_rows(2, 3, pixels)
    assert [[piece.text for piece in row] for row in rows] == [["▀▀"], ["▀▀"]]
    style = rows[0][0].style
    assert style.color.triplet.red > 240 > 10 > style.color.triplet.blue
    assert style.bgcolor.triplet.blue > 240
    assert rows[1][0].style.bgcolor == rows[1][0].style.color  # no pixel below the last one


def test_a_picture_stands_in_the_middle_of_its_box():
    strips = centred_strips(half_block_rows(2, 2, bytes(12)), 2, 6, 3, Style())
    assert [strip.text for strip in strips] == ["      ", "  ▀▀  ", "      "]
