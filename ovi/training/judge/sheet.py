"""Draws a contact sheet: for every clip its prompt, some frames, its waveform and what is wrong."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from ovi.training.judge.exam import Question
from ovi.training.judge.marking import Marks
from ovi.training.judge.sources import JudgedClip

COLUMNS = 9
"""Frames shown of each clip, evenly spread."""
FRAME_SIDE = 96
TEXT_HEIGHT = 16
WAVE_HEIGHT = 26
GAP = 10
PAPER, INK, WRONG, WAVE = (250, 250, 248), (40, 40, 44), (190, 30, 30), (60, 110, 190)


def draw_sheet(entries: Sequence[tuple[Question, JudgedClip, Marks]]) -> Image.Image:
    """A picture with one band a clip, top to bottom."""
    band = 2 * TEXT_HEIGHT + FRAME_SIDE + WAVE_HEIGHT + GAP
    width = COLUMNS * FRAME_SIDE + 2 * GAP
    sheet = Image.new("RGB", (width, band * len(entries) + GAP), PAPER)
    draw = ImageDraw.Draw(sheet)
    for index, (question, clip, marks) in enumerate(entries):
        top = GAP + index * band
        draw.text((GAP, top), question.prompt[:150], INK)
        _draw_frames(sheet, clip.frames, top + TEXT_HEIGHT)
        _draw_wave(draw, clip.waveform, top + TEXT_HEIGHT + FRAME_SIDE, width)
        wrong = [name for name, is_right in marks.right.items() if not is_right]
        heard = f"   heard: {' '.join(marks.heard_words)}" if marks.heard_words else ""
        text = f"wrong: {', '.join(wrong)}" if wrong else "all right"
        below = top + TEXT_HEIGHT + FRAME_SIDE + WAVE_HEIGHT
        draw.text((GAP, below), text + heard, WRONG if wrong else INK)
    return sheet


def _draw_frames(sheet: Image.Image, frames: NDArray[np.uint8], top: int) -> None:
    shown = np.linspace(0, len(frames) - 1, COLUMNS).round().astype(int)
    for column, index in enumerate(shown):
        frame = Image.fromarray(frames[index]).resize((FRAME_SIDE, FRAME_SIDE))
        sheet.paste(frame, (GAP + column * FRAME_SIDE, top))


def _draw_wave(
    draw: ImageDraw.ImageDraw, waveform: NDArray[np.float32], top: int, width: int
) -> None:
    """The waveform, on the same time scale as the frames above it."""
    columns = width - 2 * GAP
    middle = top + WAVE_HEIGHT // 2
    for column, piece in enumerate(np.array_split(waveform, columns)):
        high, low = float(piece.max()), float(piece.min())
        reach = WAVE_HEIGHT // 2 - 1
        line = (GAP + column, middle - high * reach, GAP + column, middle - low * reach)
        draw.line(line, WAVE)
