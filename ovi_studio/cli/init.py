"""`ovi init`: a new project."""

from typing import Annotated

import typer

from ovi_studio.cli.options import Json


def init(
    folder: Annotated[
        str, typer.Argument(metavar="[FOLDER]", help="Where. Default: here.", show_default=False)
    ] = ".",
    demo: Annotated[
        bool,
        typer.Option("--demo", help="With prompts that render in seconds, and some with mistakes."),
    ] = False,
    json: Json = False,
) -> int:
    """Make a project: ovi.toml, prompts/, images/, templates/ and renders/.

    What is there already stays as it is. `ovi studio` offers the same with --demo.
    """
    from pathlib import Path

    from ovi_studio.actions.demo import create_demo
    from ovi_studio.cli.following import talk
    from ovi_studio.cli.streams import write_line
    from ovi_studio.errors import ExitCode
    from ovi_studio.project.new_project import create_project
    from ovi_studio.report.json import json_text

    root = (Path.cwd() / folder).resolve()
    project = create_demo(root) if demo else create_project(root)
    if json:
        document = {"root": str(project.root), "made": project.made, "kept": project.kept}
        write_line(json_text(document))
        return ExitCode.OK
    for name in project.made:
        write_line(name)
    if project.kept:
        talk(f"There already, and left as it was: {', '.join(project.kept)}.")
    talk(f"The project is {project.root}. Next: ovi sets, ovi show, ovi lint.")
    return ExitCode.OK
