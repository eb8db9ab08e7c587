"""Findings about a machine as text and as plain JSON values."""

from collections.abc import Sequence
from typing import Any

from ovi_studio.actions.findings import Finding, Status

_MARKS = {Status.OK: "ok     ", Status.WARNING: "warning", Status.ERROR: "ERROR  "}


def finding_text(finding: Finding) -> str:
    """A finding in one line, and what to do about it in another."""
    line = f"{_MARKS[finding.status]}  {finding.check}: {finding.message}"
    # What needs no mending is not worth a line; JSON has it.
    if finding.status is Status.OK or not finding.remedy:
        return line
    return f"{line}\n         -> {finding.remedy}"


def findings_summary(findings: Sequence[Finding]) -> str:
    """How many there are of each kind."""
    counts = {status: sum(f.status is status for f in findings) for status in Status}
    errors, warnings = counts[Status.ERROR], counts[Status.WARNING]
    if not errors and not warnings:
        return "All is well."
    return f"Errors: {errors}, warnings: {warnings}."


def findings_data(findings: Sequence[Finding]) -> dict[str, Any]:
    """Findings as plain JSON values; `is_well` says that there is no error."""
    return {
        "is_well": not any(finding.status is Status.ERROR for finding in findings),
        "findings": [
            {
                "check": finding.check,
                "status": finding.status,
                "message": finding.message,
                "remedy": finding.remedy or None,
            }
            for finding in findings
        ],
    }
