"""`ovi rule`: what a rule of the linter is about."""

from typing import Annotated

import typer

from ovi_studio.cli.options import Json


def rule(
    name: Annotated[
        str | None, typer.Argument(metavar="CODE|NAME", help="Such as S101 or unclosed-speech.")
    ] = None,
    manual: Annotated[
        bool, typer.Option("--manual", help="Write the whole manual, in Markdown.")
    ] = False,
    json: Json = False,
) -> int:
    """Explain a rule of `ovi lint`, with an example; without a name, list them all."""
    from ovi_studio.cli.following import write_result
    from ovi_studio.errors import ExitCode
    from ovi_studio.lint.registry import RULES, rule_named
    from ovi_studio.report.json import json_text
    from ovi_studio.report.rules import manual_text, rule_data, rule_list, rule_text

    if manual:
        write_result(manual_text().rstrip("\n"))
    elif name is not None:
        found = rule_named(name)
        write_result(json_text(rule_data(found)) if json else rule_text(found))
    elif json:
        write_result(json_text({"rules": [rule_data(each) for each in RULES]}))
    else:
        write_result(rule_list())
    return ExitCode.OK
