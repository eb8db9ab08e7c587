"""The text of an editor, with lines only where line feeds and carriage returns are.

Textual's own document also breaks at the rarer separators, such as U+2028, and would turn them into
line feeds.
"""

import re

from textual.document._document import Document, EditResult, Location

_NEWLINE = re.compile(r"\r\n|\n|\r")
_RARE = "\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
_STAND_INS = {ord(sign): 0xF0000 + number for number, sign in enumerate(_RARE)}
_ORIGINALS = {stand_in: chr(sign) for sign, stand_in in _STAND_INS.items()}


class PromptDocument(Document):
    """A prompt as lines."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._lines = _NEWLINE.split(text)

    def replace_range(self, start: Location, end: Location, text: str) -> EditResult:
        """Replaces a range; the rarer separators in `text` stay what they are."""
        if not any(sign in text for sign in _RARE):
            return super().replace_range(start, end, text)
        result = super().replace_range(start, end, text.translate(_STAND_INS))
        for row in range(min(start[0], end[0]), result.end_location[0] + 1):
            self._lines[row] = self._lines[row].translate(_ORIGINALS)
        return result

    def line_starts(self) -> list[int]:
        """Where each line begins, in characters of the text."""
        starts, position = [], 0
        for line in self._lines:
            starts.append(position)
            position += len(line) + len(self._newline)
        return starts
