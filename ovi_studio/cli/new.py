"""`ovi new`: a prompt from a template."""

from pathlib import Path
from typing import Annotated

import typer

from ovi_studio.cli.options import Json


def new(
    what: Annotated[
        str | None, typer.Argument(metavar="[prompt]", help="What to make: prompt.")
    ] = None,
    template: Annotated[
        str | None,
        typer.Option("--template", "-t", metavar="NAME", help="The template; see --list."),
    ] = None,
    values: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="BLANK=VALUE", help="What to write into a blank."),
    ] = None,
    variant: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Whose caption form to write. Default: the configured variant."
        ),
    ] = None,
    into: Annotated[
        str | None,
        typer.Option(metavar="SET", help="Add the prompt to this set; it is made if not there."),
    ] = None,
    show_list: Annotated[
        bool, typer.Option("--list", help="Show the templates with their blanks.")
    ] = False,
    json: Json = False,
) -> int:
    """Write a prompt from a template.

    A project's own templates lie in its folder templates/ and win over ours of the same name.
    """
    from ovi_studio.actions.adding import add_prompt
    from ovi_studio.actions.filling import fill_template
    from ovi_studio.actions.settings import load_settings
    from ovi_studio.cli.following import talk, write_result
    from ovi_studio.errors import ExitCode, UsageError
    from ovi_studio.expand.matrix_text import read_values
    from ovi_studio.project.layout import find_layout
    from ovi_studio.project.sets import existing_set
    from ovi_studio.report.json import json_text

    if show_list:
        return _list_templates(as_json=json)
    if what not in (None, "prompt"):
        raise UsageError(f"There is no {what!r} to make. Write: ovi new prompt --template NAME.")
    if template is None:
        raise UsageError("Name a template with --template; `ovi new --list` shows them.")
    folder = Path.cwd()
    wanted = load_settings(folder, variant=variant).variant_name
    text = fill_template(template, read_values(values or ()), wanted, find_layout(folder))
    target, row = None, None
    if into is not None:
        cells = {} if variant is None else {"variant": variant}
        is_new = existing_set(into, folder) is None
        target, row = add_prompt(into, text, folder, cells=cells, is_new=is_new)
        talk(f"Added to {target} as row {row}.")
    if json:
        where = None if target is None else str(target)
        document = {"template": template, "text_prompt": text, "file": where, "row": row}
        write_result(json_text(document))
    elif into is None:
        write_result(text)
    return ExitCode.OK


def _list_templates(*, as_json: bool) -> int:
    from ovi_studio.actions.filling import list_templates
    from ovi_studio.cli.following import talk, write_result
    from ovi_studio.errors import ExitCode
    from ovi_studio.project.layout import find_layout
    from ovi_studio.report.json import json_text
    from ovi_studio.report.templates import template_data, templates_text

    templates, faults = list_templates(find_layout(Path.cwd()))
    for fault in faults:
        talk(fault)
    if as_json:
        write_result(json_text({"templates": [template_data(t) for t in templates]}))
    else:
        write_result(templates_text(templates))
    return ExitCode.OK
