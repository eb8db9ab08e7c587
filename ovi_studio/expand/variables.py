"""Fills `{{ name }}` in prompts, from the cells of their row and from the command line.

Only what stands between double braces is Jinja2 (see `expand/sandbox.py`); the rest of a prompt is
left as it is. A value becomes part of the pattern, so it may hold alternatives. `{{a|b}|c}` is no
variable: its inner braces close one by one, so they are alternatives in alternatives.
"""

import re
from collections.abc import Mapping

from ovi_studio.expand.errors import BlankError, ExpansionError

_NAME = re.compile(r"[^\W\d]\w*")
_PIECE = re.compile(r"\\.|\{\{([^{}]*)\}\}|(\{%.*?%\})", re.DOTALL)


def fill_variables(text: str, values: Mapping[str, str]) -> str:
    """The prompt with its variables filled in.

    Raises ExpansionError that names a variable without a value and its line in the prompt, and for
    anything in double braces that is not allowed there.
    """
    if "{{" not in text and "{%" not in text:
        return text

    def fill(piece: re.Match[str]) -> str:
        line = 1 + text.count("\n", 0, piece.start())
        if piece[2] is not None:
            raise ExpansionError(
                f"Line {line} of the prompt: {piece[2]} belongs into a template file. "
                r"In a prompt only {{ name }} is filled; write \{ for a brace."
            )
        if piece[1] is None:
            return piece[0]
        return _value_of(piece[0], piece[1], values, line)

    return _PIECE.sub(fill, text)


def names_in(text: str) -> set[str]:
    """Every name that stands in double braces, filters among them."""
    if "{{" not in text:
        return set()
    return {name for piece in _PIECE.finditer(text) for name in _NAME.findall(piece[1] or "")}


def _value_of(written: str, expression: str, values: Mapping[str, str], line: int) -> str:
    from ovi_studio.expand.sandbox import read_blanks

    name = expression.strip()
    if name in values:
        return values[name]
    place = f"Line {line} of the prompt, {' '.join(written.split())}"
    if name.isidentifier():
        raise ExpansionError(
            f"{place}: {name} has no value. Give it a column {name} or --var {name}=VALUE. "
            f"Known: {', '.join(sorted(values)) or 'none'}."
        )
    try:
        return read_blanks(written).fill(values)
    except BlankError as error:
        raise ExpansionError(f"{place}: {error.reason}") from error
