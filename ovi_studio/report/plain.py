"""Text of others, made safe to show: no control sequences, wrapped to the width of the screen."""

import shutil
import textwrap

MIN_WIDTH, MAX_WIDTH = 40, 100


def screen_width() -> int:
    """Characters of a line: the terminal's, within reason; 100 where there is none."""
    return max(MIN_WIDTH, min(MAX_WIDTH, shutil.get_terminal_size((MAX_WIDTH, 24)).columns))


def printable(text: str) -> str:
    """The text with what is no visible character written out, such as `\\x1b`; blanks stay."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() or character in "\n\t" else _escaped(character)
        for character in text
    )


def wrapped(text: str, width: int, indent: str) -> str:
    """The text in lines of `width`, those after the first indented; white space is folded."""
    lines = textwrap.wrap(printable(text), max(20, width - len(indent)), break_on_hyphens=False)
    return f"\n{indent}".join(lines)


def shortened(text: str, length: int) -> str:
    """The text on one line, cut with an ellipsis where it is longer than `length`."""
    folded = " ".join(printable(text).split())
    return folded if len(folded) <= length else f"{folded[: length - 1]}…"


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
