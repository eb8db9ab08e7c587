"""Keeps control characters in prompts and file names from reaching the terminal.

A cell of a CSV may hold what a terminal takes for a command: to change its title, its clipboard or
worse. Textual writes text as it is, so what is drawn is looked at last of all, whoever drew it.
"""

import re

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class NoControls(LineFilter):
    """Takes control characters out of every line; they have no width, so nothing moves."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002
        """The segments without them."""
        if all(segment.text.isprintable() for segment in segments):
            return segments
        return [
            segment
            if segment.text.isprintable()
            else Segment(_CONTROLS.sub("", segment.text), segment.style, segment.control)
            for segment in segments
        ]
