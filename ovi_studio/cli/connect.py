"""`ovi connect`: servers that rewrite prompts, listed or added."""

from typing import Annotated

import typer

from ovi_studio.cli.options import Json


def connect(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="What to call the new one; openai, ollama, lmstudio, llamacpp and vllm are known. "
            "None: list those there are.",
        ),
    ] = None,
    base_url: Annotated[
        str | None, typer.Option(metavar="URL", help="Such as http://localhost:8080/v1.")
    ] = None,
    model: Annotated[str | None, typer.Option(metavar="NAME", help="Its name there.")] = None,
    api_key_env: Annotated[
        str | None,
        typer.Option(metavar="VARIABLE", help="The variable that holds the key; never the key."),
    ] = None,
    json: Json = False,
) -> int:
    """Add a server for `ovi rewrite` to ovi.toml, or list the servers and what they lack.

    Any server that speaks OpenAI's chat completions will do. A key is never written: name the
    environment variable that holds it.
    """
    from pathlib import Path

    from ovi_studio.actions.connections import add_connection, list_connections
    from ovi_studio.actions.settings import load_settings
    from ovi_studio.cli.following import talk, write_result
    from ovi_studio.errors import ExitCode
    from ovi_studio.project.layout import find_layout
    from ovi_studio.report.connections import connection_data, connection_lines
    from ovi_studio.report.json import json_text

    here = Path.cwd()
    if name is not None:
        settings = {"base_url": base_url, "model": model, "api_key_env": api_key_env}
        given = {key: value for key, value in settings.items() if value is not None}
        path = add_connection(name, given, find_layout(here))
        talk(f"[llm.{name}] was added to {path}.")
    choices = list_connections(load_settings(here))
    if json:
        write_result(json_text([connection_data(choice) for choice in choices]))
    else:
        write_result(connection_lines(choices))
    return ExitCode.OK
