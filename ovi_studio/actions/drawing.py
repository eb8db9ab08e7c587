"""Drawing a first frame by itself, to look at before a clip is made from it: `ovi draw`, the page.

It is drawn in a process of its own, which alone loads torch. In mode t2i2v the worker draws it.
"""

import importlib.util
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ovi.spec.geometry import PICTURE_AREA, PICTURE_STEP, FrameSize
from ovi.spec.request import MAX_SEED
from ovi_studio.actions.settings import choices_of_settings, load_settings
from ovi_studio.errors import MissingExtraError, UsageError, WorkerError
from ovi_studio.project.layout import ProjectLayout
from ovi_studio.render.choices import Choices
from ovi_studio.render.input_files import InputFiles

COMMAND = (sys.executable, "-m", "ovi.drawing")

USUAL_SIDE = round(PICTURE_AREA**0.5)
"""Pixels; the image model was trained for about that area."""

MIN_SIDE, MAX_SIDE = 64, 2048

PACKAGES = ("torch", "diffusers", "transformers")


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawingOrder:
    """A picture that somebody wants."""

    prompt: str
    seed: int = 100
    height: int = USUAL_SIDE
    width: int = USUAL_SIDE
    """both are fitted to multiples of 16"""
    num_steps: int = 28

    @property
    def size(self) -> FrameSize:
        """The size that comes out. Raises UsageError for one that cannot be drawn."""
        for side in (self.height, self.width):
            if not MIN_SIDE <= side <= MAX_SIDE:
                raise UsageError(
                    f"A picture of {self.height}x{self.width} cannot be drawn: use {MIN_SIDE} to "
                    f"{MAX_SIDE} pixels a side."
                )
        sides = (round(side / PICTURE_STEP) * PICTURE_STEP for side in (self.height, self.width))
        return FrameSize(*sides)


def can_draw() -> bool:
    """Whether the packages that draw are installed. Imports none of them."""
    return all(importlib.util.find_spec(name) for name in PACKAGES)


def draw_first_frame(
    order: DrawingOrder, layout: ProjectLayout, said: Choices, *, command: Sequence[str] = COMMAND
) -> bytes:
    """The picture as a PNG. Of `said` only the device and the image model count.

    Takes as long as the image model does. Raises UsageError for an order that cannot be, and
    MissingExtraError, WeightsError or WorkerError where it cannot be drawn here.
    """
    if not order.prompt.strip():
        raise UsageError("The image prompt is empty. Write what the first frame should show.")
    if not 0 <= order.seed <= MAX_SEED:
        raise UsageError(f"Seed {order.seed} is out of range: use 0 to {MAX_SEED}.")
    size = order.size
    if not can_draw():
        raise MissingExtraError(
            "Drawing a first frame needs diffusers and transformers, not installed here: "
            'pip install "ovi-studio[image]".'
        )
    chosen = said.over(choices_of_settings(load_settings(layout.root)))
    source = InputFiles().picture_model(chosen.picture_model, layout.root).source
    written = {
        "prompt": order.prompt, "height": size.height, "width": size.width, "seed": order.seed,
        "num_steps": order.num_steps, "source": source, "device": chosen.device or "auto",
    }  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="ovi-draw-") as folder:
        target = Path(folder) / "picture.png"
        ended = subprocess.run(
            [*command, str(target)], input=json.dumps(written), capture_output=True, text=True,
            encoding="utf-8", errors="replace", check=False,
        )  # fmt: skip
        if ended.returncode != 0 or not target.is_file():
            lines = [line for line in ended.stderr.splitlines() if line.strip()]
            raise WorkerError(f"The picture was not drawn: {lines[-1] if lines else 'no reason'}")
        return target.read_bytes()
