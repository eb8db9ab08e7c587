"""Shows changed rows as a unified diff, as `patch -p0` takes it."""

from collections.abc import Iterable, Iterator

from ovi_studio.actions.authoring import RowChange


def set_diff(name: str, changes: Iterable[RowChange]) -> Iterator[str]:
    """The diff of a set's file, in pieces; nothing if no row changes."""
    shift = 0
    for number, change in enumerate(changes):
        if number == 0:
            yield f"--- {name}\n+++ {name}\n"
        before, after = (text.split("\n") for text in change.lines)
        before_lines, after_lines = _lines(before), _lines(after)
        line = change.row.line
        yield f"@@ -{_range(line, before_lines)} +{_range(line + shift, after_lines)} @@\n"
        yield from _marked("-", before_lines, before)
        yield from _marked("+", after_lines, after)
        shift += len(after_lines) - len(before_lines)


def text_diff(name: str, before: str, after: str) -> str:
    """The diff of one prompt."""
    import difflib

    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), name, name, lineterm="")
    return "\n".join(lines)


def _lines(pieces: list[str]) -> list[str]:
    """The lines among the pieces around newlines; behind the last newline there is none."""
    return pieces if pieces[-1] else pieces[:-1]


def _range(line: int, lines: list[str]) -> str:
    return str(line) if len(lines) == 1 else f"{line},{len(lines)}"


def _marked(mark: str, lines: list[str], pieces: list[str]) -> Iterator[str]:
    for line in lines:
        yield f"{mark}{line}\n"
    if pieces[-1]:
        yield "\\ No newline at end of file\n"
