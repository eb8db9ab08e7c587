"""`ovi doctor`: says what is wrong with this machine or project, and how to mend it."""

from ovi_studio.cli.options import Json


def doctor(json: Json = False) -> int:
    """Check Python, torch, GPU, encoder, disks, weights, queue and settings before rendering.

    Exits with 1 if something would keep renders as configured from working.
    """
    from pathlib import Path

    from ovi_studio.actions.doctor import examine
    from ovi_studio.actions.findings import Status
    from ovi_studio.actions.settings import load_settings
    from ovi_studio.cli.following import write_result
    from ovi_studio.errors import ExitCode
    from ovi_studio.report.doctor import finding_text, findings_data, findings_summary
    from ovi_studio.report.json import json_text

    findings = []
    for finding in examine(Path.cwd(), load_settings(Path.cwd())):
        findings.append(finding)
        if not json:
            write_result(finding_text(finding))
    write_result(json_text(findings_data(findings)) if json else findings_summary(findings))
    has_error = any(finding.status is Status.ERROR for finding in findings)
    return ExitCode.FAILED if has_error else ExitCode.OK
