"""Findings as SARIF 2.1.0, the format that code scanning services take."""

import json
from collections.abc import Iterable
from pathlib import PurePath
from typing import Any

from ovi import __version__
from ovi_studio.lint.diagnostic import Diagnostic, Severity
from ovi_studio.lint.registry import rule_named

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif_text(diagnostics: Iterable[Diagnostic]) -> str:
    """The whole document."""
    found = list(diagnostics)
    codes = sorted({diagnostic.code for diagnostic in found})
    driver = {
        "name": "ovi lint",
        "version": __version__,
        "rules": [_rule_data(code) for code in codes],
    }
    results = [_result_data(diagnostic, codes.index(diagnostic.code)) for diagnostic in found]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1) + "\n"


def _rule_data(code: str) -> dict[str, Any]:
    rule = rule_named(code)
    return {
        "id": code,
        "name": rule.name,
        "shortDescription": {"text": (rule.function.__doc__ or "").split("\n", 1)[0]},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
    }


def _result_data(diagnostic: Diagnostic, rule_index: int) -> dict[str, Any]:
    path = PurePath(diagnostic.file)
    uri = path.as_uri() if path.is_absolute() else path.as_posix()
    region = {"startLine": diagnostic.line, "startColumn": diagnostic.column}
    location = {"physicalLocation": {"artifactLocation": {"uri": uri}, "region": region}}
    return {
        "ruleId": diagnostic.code,
        "ruleIndex": rule_index,
        "level": _LEVELS[diagnostic.severity],
        "message": {"text": diagnostic.message},
        "locations": [location],
        "properties": {"row": diagnostic.row},
    }
