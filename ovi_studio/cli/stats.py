"""`ovi stats`: what sets hold."""

from ovi_studio.cli.authoring_options import Sources
from ovi_studio.cli.options import Json


def stats(sources: Sources = None, json: Json = False) -> int:
    """Count rows, words, seconds of speech, caption words, first frames and findings of sets.

    Without a SOURCE, of all sets of the project.
    """
    from pathlib import Path

    from ovi_studio.actions.inspecting import summarize_set
    from ovi_studio.actions.settings import load_settings
    from ovi_studio.cli.streams import read_input, write_line
    from ovi_studio.errors import ExitCode, UsageError
    from ovi_studio.project.prompt_sources import TextSource, read_sources
    from ovi_studio.report.json import json_text
    from ovi_studio.report.sets import set_data, set_text

    here = Path.cwd()
    config = load_settings(here)
    summaries = []
    for source in read_sources(sources or (), here, read_input):
        if isinstance(source, TextSource):
            raise UsageError("Statistics are about sets; `ovi show` is for a single prompt.")
        summaries.append(summarize_set(source, config, here))
    if json:
        write_line(json_text({"sets": [set_data(summary) for summary in summaries]}))
    else:
        write_line("\n\n".join(map(set_text, summaries)))
    return ExitCode.OK
