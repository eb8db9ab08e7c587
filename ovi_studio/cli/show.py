"""`ovi show`: the structure of a prompt."""

from ovi_studio.cli.authoring_options import Sources, VariantName
from ovi_studio.cli.options import Json


def show(sources: Sources = None, variant: VariantName = None, json: Json = False) -> int:
    """Show how prompts are understood: scene, spoken lines, audio caption, timing, findings.

    Seconds are an estimate; `ovi rule speech-too-long` tells what is made of it.
    """
    from pathlib import Path

    from ovi_studio.actions.inspecting import view_prompts
    from ovi_studio.actions.settings import known_variant, load_settings
    from ovi_studio.cli.streams import read_input, write_line
    from ovi_studio.errors import ExitCode
    from ovi_studio.project.prompt_sources import read_sources
    from ovi_studio.report.json import json_text
    from ovi_studio.report.prompt import prompt_data, prompt_text

    here = Path.cwd()
    said = known_variant(variant)
    config = load_settings(here, variant=variant)
    found = read_sources(sources or (), here, read_input)
    views = (view for source in found for view in view_prompts(source, config, here, said))
    if json:
        write_line(json_text({"prompts": [prompt_data(view) for view in views]}))
        return ExitCode.OK
    for number, view in enumerate(views):
        write_line(f"\n{prompt_text(view)}" if number else prompt_text(view))
    return ExitCode.OK
