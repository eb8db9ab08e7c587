"""Findings for people: where, what, the line with the offending part underlined, the fix."""

from collections.abc import Iterable, Iterator
from unicodedata import east_asian_width

from ovi_studio.actions.linting import Tally
from ovi_studio.lint.diagnostic import Diagnostic, Severity
from ovi_studio.report.plain import printable, screen_width

_COLOURS = {Severity.ERROR: "31", Severity.WARNING: "33", Severity.INFO: "36"}
_BOLD, _DIM = "1", "2"

_BEFORE = 36
"""Characters shown before the offending part, at most."""


def text_pieces(diagnostics: Iterable[Diagnostic], *, colour: bool) -> Iterator[str]:
    """Each finding as a few lines, with ANSI colours or without."""
    width = screen_width()
    for diagnostic in diagnostics:
        yield "\n".join([*_lines(diagnostic, width, colour=colour), "", ""])


def summary_lines(tally: Tally) -> Iterator[str]:
    """What was found and what can be done about it, in a line or two."""
    names = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
    counts = [
        _number(tally.by_severity[severity], name)
        for severity, name in names.items()
        if tally.by_severity[severity]
    ]
    checked = _number(tally.num_prompts, "prompt")
    if tally.num_fixed:
        yield f"Fixed {_number(tally.num_fixed, 'finding')}."
    yield f"{checked}: {', '.join(counts)}." if counts else f"{checked}: nothing found."
    if tally.num_fixable:
        yield f"{tally.num_fixable} fixable with --fix."
    if tally.num_unsafely_fixable:
        yield f"{tally.num_unsafely_fixable} fixable with --fix --unsafe-fixes, by a guess."


def _number(count: int, name: str) -> str:
    return f"1 {name}" if count == 1 else f"{count} {name}s"


def _lines(diagnostic: Diagnostic, width: int, *, colour: bool) -> Iterator[str]:
    place = f"{diagnostic.file}:{diagnostic.line}:{diagnostic.column}"
    severity = _painted(diagnostic.severity, _COLOURS[diagnostic.severity], colour=colour)
    code = _painted(diagnostic.code, f"{_BOLD};{_COLOURS[diagnostic.severity]}", colour=colour)
    head = f"{_painted(printable(place), _BOLD, colour=colour)}: {code} {diagnostic.name}"
    yield f"{head} ({severity}): {printable(diagnostic.message)}"
    if diagnostic.span is not None:
        yield from _excerpt(diagnostic, width, colour=colour)
    if diagnostic.fix is not None:
        kind = "fix" if diagnostic.fix.is_safe else "unsafe fix"
        yield _painted(f"    {kind}: {printable(diagnostic.fix.title)}", _DIM, colour=colour)


def _excerpt(diagnostic: Diagnostic, width: int, *, colour: bool) -> Iterator[str]:
    """The offending part with some text around it, and carets under it."""
    span, text = diagnostic.span, diagnostic.text
    assert span is not None
    room = width - 4
    start = max(0, span.start - _BEFORE)
    before = _shown(text[start : span.start])
    offending = _shown(text[span.start : min(span.end, span.start + room)])
    if start > 0:
        before = f"…{before[1:]}"
    shown = _cut(f"{offending}{_shown(text[span.end : span.end + room])}", room - _columns(before))
    yield f"    {before}{shown}".rstrip()
    carets = "^" * max(1, _columns(shown[: len(offending)]))
    painted = _painted(carets, _COLOURS[diagnostic.severity], colour=colour)
    yield f"    {' ' * _columns(before)}{painted}"


def _shown(text: str) -> str:
    """Each character on one line and visible; blanks of all kinds as blanks."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else " " if c.isspace() else "�" for c in text)


def _cut(text: str, num_columns: int) -> str:
    if _columns(text) <= num_columns:
        return text
    while text and _columns(text) >= num_columns:
        text = text[: -max(1, (_columns(text) - num_columns) // 2)]
    return f"{text}…"


def _columns(text: str) -> int:
    """The columns of a terminal that a text takes."""
    if text.isascii():
        return len(text)
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)


def _painted(text: str, style: str, *, colour: bool) -> str:
    return f"\x1b[{style}m{text}\x1b[0m" if colour else text
