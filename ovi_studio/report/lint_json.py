"""Findings as one JSON document, written while they come in. `docs/lint.md` describes it."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from ovi_studio.actions.linting import Tally
from ovi_studio.lint.diagnostic import Diagnostic, Edit, Fix


def json_pieces(diagnostics: Iterable[Diagnostic], tally: Tally) -> Iterator[str]:
    """The document; `tally` has counted the findings by the time they have all come."""
    yield '{"diagnostics": ['
    for number, diagnostic in enumerate(diagnostics):
        separator = "," if number else ""
        yield f"{separator}\n  {_text(_diagnostic_data(diagnostic))}"
    yield f'\n], "summary": {_text(tally.document())}}}\n'


def _diagnostic_data(diagnostic: Diagnostic) -> dict[str, Any]:
    span = diagnostic.span
    return {
        "code": diagnostic.code,
        "name": diagnostic.name,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        "file": diagnostic.file,
        "line": diagnostic.line,
        "row": diagnostic.row,
        "column": diagnostic.column,
        "span": None if span is None else {"start": span.start, "end": span.end},
        "fix": None if diagnostic.fix is None else _fix_data(diagnostic.fix),
    }


def _fix_data(fix: Fix) -> dict[str, Any]:
    return {"title": fix.title, "safe": fix.is_safe, "edits": [_edit_data(e) for e in fix.edits]}


def _edit_data(edit: Edit) -> dict[str, Any]:
    span = edit.span
    return {
        "start": span.start,
        "end": span.end,
        "replacement": edit.replacement,
        "cell": edit.cell,
    }


def _text(data: dict[str, Any]) -> str:
    """JSON with every script's letters as they are; bytes that are no text are escaped."""
    text = json.dumps(data, ensure_ascii=False)
    return text if _is_encodable(text) else json.dumps(data)


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
