"""Findings as workflow commands, which GitHub shows beside the lines of a pull request."""

from collections.abc import Iterable, Iterator

from ovi_studio.lint.diagnostic import Diagnostic, Severity

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


def github_pieces(diagnostics: Iterable[Diagnostic]) -> Iterator[str]:
    """One line for each finding."""
    for diagnostic in diagnostics:
        properties = {
            "file": diagnostic.file,
            "line": str(diagnostic.line),
            "col": str(diagnostic.column),
            "title": f"{diagnostic.code} {diagnostic.name}",
        }
        written = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
        yield f"::{_COMMANDS[diagnostic.severity]} {written}::{_escaped(diagnostic.message)}\n"


def _escaped(text: str) -> str:
    """Source: the workflow commands' own escapes, without which a line break ends the message."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")
