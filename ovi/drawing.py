"""Draws one picture in a process of its own: `python -m ovi.drawing FILE`, the order as JSON on
standard input. For the studio, whose own processes never load torch.
"""

import json
import sys
from pathlib import Path
from typing import Any, TextIO

from PIL import Image

from ovi.errors import OviError
from ovi.picture import draw_picture
from ovi.runtime.devices import resolve_device
from ovi.spec.geometry import FrameSize
from ovi.spec.request import PictureRequest


def main(arguments: list[str], order: TextIO, talk: TextIO) -> int:
    """Draws what the order says into the file; returns the exit code. What went wrong is told in
    the last line.

    The order: `prompt`, `height`, `width`, `seed`, `num_steps`, `source`, `device`.
    """
    said: dict[str, Any] = json.load(order)
    request = PictureRequest(
        prompt=said["prompt"],
        size=FrameSize(said["height"], said["width"]),
        seed=said["seed"],
        num_steps=said["num_steps"],
    )
    try:
        pixels = draw_picture(request, said["source"], resolve_device(said["device"]))
    except OviError as error:
        talk.write("\n" + " ".join(str(error).split()) + "\n")
        return 1
    Image.fromarray(pixels).save(Path(arguments[0]), "PNG")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], sys.stdin, sys.stderr))
