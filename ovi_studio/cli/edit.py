"""`ovi edit`: a prompt or a set in the user's editor."""

from typing import Annotated

import typer

from ovi_studio.cli.authoring_options import SetName


def edit(
    set_name: SetName,
    row: Annotated[
        str | None, typer.Argument(metavar="[ROW]", help="The row. Default: the whole file.")
    ] = None,
) -> int:
    """Edit a prompt, or a whole set, in the editor that VISUAL or EDITOR names.

    SET:ROW means a row too. The exit code is 1 if what was saved has errors or warnings.
    """
    import os
    from pathlib import Path

    from ovi_studio.actions.editing import edit_row, edit_set, find_editor, run_editor
    from ovi_studio.actions.linting import Tally, lint_options, lint_sources
    from ovi_studio.actions.settings import load_settings
    from ovi_studio.cli.following import talk
    from ovi_studio.errors import ExitCode
    from ovi_studio.project.sets import SetRow, set_named, set_or_row_named
    from ovi_studio.report.paths import short_path
    from ovi_studio.report.prompt import finding_lines

    here = Path.cwd()
    config = load_settings(here)
    source = set_or_row_named(set_name, here) if row is None else SetRow(
        set_named(set_name, here), row
    )  # fmt: skip
    command = find_editor(os.environ)

    def open_editor(path: Path) -> None:
        run_editor(command, path)

    is_row = source.row_id is not None
    is_changed = edit_row(source, open_editor) if is_row else edit_set(source.path, open_editor)
    name = short_path(source.path) + (f":{source.row_id}" if is_row else "")
    if not is_changed:
        talk(f"{name}: nothing was changed.")
        return ExitCode.OK
    talk(f"{name}: saved.")
    tally = Tally()
    for line in finding_lines(lint_sources([source], lint_options(config, here), tally)):
        talk(line)
    return ExitCode.OK if tally.is_clean else ExitCode.FAILED
