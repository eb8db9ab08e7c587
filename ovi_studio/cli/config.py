"""`ovi config`: which settings hold, and why."""

from typing import Annotated

import typer

from ovi_studio.cli.options import Json

config_commands = typer.Typer(
    help="Look at the settings.", no_args_is_help=True, rich_markup_mode=None
)


@config_commands.command("show")
def show_config(
    origin: Annotated[
        bool, typer.Option("--origin", help="Say where each value comes from.")
    ] = False,
    json: Json = False,
) -> int:
    """List all settings with their values.

    The command line wins over environment variables, these over the project's ovi.toml, that over
    the user's own file, and that over the defaults.
    """
    import os
    from pathlib import Path

    from ovi_studio.actions.settings import load_settings
    from ovi_studio.cli.following import talk
    from ovi_studio.cli.streams import write_line
    from ovi_studio.errors import ExitCode
    from ovi_studio.project.config import unknown_variables
    from ovi_studio.report.config import config_document, config_table
    from ovi_studio.report.json import json_text

    config = load_settings(Path.cwd())
    if json:
        write_line(json_text(config_document(config)))
    else:
        write_line(config_table(config, with_origin=origin))
    for name, near in unknown_variables(os.environ):
        talk(f"{name} is set and means nothing; did you mean {near}?")
    return ExitCode.OK


@config_commands.command("path")
def show_path(json: Json = False) -> int:
    """Show where the configuration files are, or would be: the project's and the user's."""
    import os
    from pathlib import Path

    from ovi_studio.cli.streams import write_line
    from ovi_studio.errors import ExitCode
    from ovi_studio.project.config import config_paths
    from ovi_studio.report.config import files_data
    from ovi_studio.report.json import json_text

    files = files_data(*config_paths(Path.cwd(), os.environ))
    if json:
        write_line(json_text(files))
        return ExitCode.OK
    for name, path in files.items():
        is_missing = path is not None and not Path(path).is_file()
        write_line(f"{name}: {path or 'none'}{' (not there)' if is_missing else ''}")
    return ExitCode.OK
