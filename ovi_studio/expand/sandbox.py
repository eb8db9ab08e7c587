"""Jinja2 with a small, safe part of its language: what templates and variables may say.

Allowed are blanks (`{{ name }}`), a few filters, `if` and comments. Loops, calls, attributes,
arithmetic, macros and other files are refused before anything runs, so whatever a template says,
filling it ends soon and touches nothing but its blanks.
"""

import traceback
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from ovi_studio.expand.errors import BlankError

if TYPE_CHECKING:
    from jinja2 import Template, nodes
    from jinja2.sandbox import SandboxedEnvironment

FILTERS = ("default", "lower", "sentence", "title", "trim", "upper")
"""`sentence` writes the first letter large and leaves the others, so that names stay names."""
TESTS = ("defined", "undefined")

MAX_NODES = 5_000
"""Parts of one template: more would take long to compile."""

MAX_DEPTH = 60
"""Parts inside parts, for the same reason."""

_ALLOWED = frozenset(
    {
        "Template", "Output", "TemplateData", "Name", "Const", "Filter", "Test", "If", "CondExpr",
        "Compare", "Operand", "And", "Or", "Not", "Concat", "Keyword",
    }
)  # fmt: skip

_NAMES = {
    "For": "A loop",
    "Getattr": "An attribute",
    "Getitem": "An item in brackets",
    "Call": "A call",
    "Assign": "An assignment",
    "Macro": "A macro",
    "Include": "Another file",
    "Import": "Another file",
    "FromImport": "Another file",
    "Extends": "Another file",
}


class Blanks:
    """A template that was checked: its text with blanks in it."""

    def __init__(self, template: "Template", names: Mapping[str, int]) -> None:
        self._template = template
        self.names = names
        """What can be filled in, each with the 1-based line where it is first used."""

    def fill(self, values: Mapping[str, str]) -> str:
        """The text with the values in their places.

        Raises BlankError that names the value that is missing, and its line.
        """
        from jinja2 import TemplateError, UndefinedError

        try:
            return self._template.render(values)
        except UndefinedError as error:
            raise BlankError(_line_of(error), f"{error.message}.") from error
        except (TemplateError, TypeError, ValueError) as error:
            raise BlankError(_line_of(error), f"{error}.") from error


@lru_cache(maxsize=1024)
def read_blanks(source: str) -> Blanks:
    """The template that `source` writes.

    Raises BlankError that names the line, for what is no Jinja2 and for what is refused.
    """
    from jinja2 import TemplateSyntaxError

    environment = _environment()
    try:
        tree = environment.parse(source)
        names = _check(tree)
        return Blanks(environment.from_string(tree), names)
    except TemplateSyntaxError as error:
        raise BlankError(error.lineno, f"{error.message}") from error
    except ValueError as error:  # a number longer than Python reads
        raise BlankError(1, f"{error}.") from error
    except RecursionError as error:
        raise BlankError(1, "It is nested too deeply. Nest it less.") from error


@lru_cache(maxsize=1)
def _environment() -> "SandboxedEnvironment":
    from jinja2 import StrictUndefined
    from jinja2.sandbox import SandboxedEnvironment

    environment = SandboxedEnvironment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.globals.clear()
    every = {**environment.filters, "sentence": _start_sentence}
    environment.filters = {name: every[name] for name in FILTERS}
    environment.tests = {name: environment.tests[name] for name in TESTS}
    return environment


def _start_sentence(text: object) -> str:
    words = str(text)
    return words[:1].upper() + words[1:]


def _check(tree: "nodes.Template") -> dict[str, int]:
    """Refuses what is not allowed; returns the names used and their first lines."""
    names: dict[str, int] = {}
    for number, (node, depth) in enumerate(_walk(tree)):
        kind = type(node).__name__
        if kind not in _ALLOWED:
            raise BlankError(
                node.lineno,
                f"{_NAMES.get(kind, kind)} is not allowed here. Use {{{{ name }}}}, if, and the "
                f"filters {', '.join(FILTERS)}.",
            )
        if depth > MAX_DEPTH or number > MAX_NODES:
            raise BlankError(node.lineno, "It is too large. Make it simpler.")
        if kind == "Name":
            names.setdefault(node.name, node.lineno)  # type: ignore[attr-defined]
    return names


def _walk(tree: "nodes.Node") -> Iterator[tuple["nodes.Node", int]]:
    """All nodes with their depth, as they are written."""
    waiting = [(tree, 0)]
    while waiting:
        node, depth = waiting.pop()
        yield node, depth
        children = list(node.iter_child_nodes())
        waiting.extend((child, depth + 1) for child in reversed(children))


def _line_of(error: Exception) -> int:
    """The template's line at which rendering stopped: Jinja2 puts it into the traceback."""
    frames = reversed(traceback.extract_tb(error.__traceback__))
    lines = (frame.lineno or 1 for frame in frames if frame.filename == "<template>")
    return next(lines, 1)
