"""`ovi fmt`: prompts in canonical form."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from ovi_studio.cli.authoring_options import Sources, VariantName

if TYPE_CHECKING:
    from ovi_studio.actions.authoring import Rewriting
    from ovi_studio.project.prompt_sources import TextSource
    from ovi_studio.project.sets import SetRow


def fmt(
    sources: Sources = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 1 if something would change.")
    ] = False,
    diff: Annotated[
        bool, typer.Option("--diff", help="Write nothing; show what would change, and exit 1.")
    ] = False,
    variant: VariantName = None,
) -> int:
    """Write prompts in canonical form: white space folded, tags spelled right, caption last.

    Words are never touched. A caption gets the form of the variant that is named, by --variant, the
    row or the configuration; else it keeps its own. Prompts and standard input come out on stdout.
    Without a SOURCE, all sets of the project.
    """
    from pathlib import Path

    from ovi_studio.actions.authoring import formatting
    from ovi_studio.actions.inspecting import known_variant
    from ovi_studio.actions.settings import load_settings
    from ovi_studio.cli.streams import read_input
    from ovi_studio.project.prompt_sources import read_sources

    here = Path.cwd()
    rewrite = formatting(load_settings(here), known_variant(variant))
    found = read_sources(sources or (), here, read_input)
    if check or diff:
        return _preview(found, rewrite, shows_diff=diff)
    return _write(found, rewrite)


def _write(sources: "Sequence[TextSource | SetRow]", rewrite: "Rewriting") -> int:
    from ovi_studio.actions.authoring import rewrite_set, row_of_text
    from ovi_studio.cli.following import talk, write_result
    from ovi_studio.errors import ExitCode
    from ovi_studio.project.prompt_sources import TextSource
    from ovi_studio.report.paths import short_path

    num_prompts = num_sets = 0
    sets = [source for source in sources if not isinstance(source, TextSource)]
    for source in sources:
        if isinstance(source, TextSource):
            write_result(rewrite(row_of_text(source.text)))
            continue
        num_changed = rewrite_set(source, rewrite)
        if num_changed:
            talk(f"{short_path(source.path)}: {_prompts(num_changed)} formatted.")
        num_prompts, num_sets = num_prompts + num_changed, num_sets + 1
    if sets and not num_prompts:
        talk("Nothing to format.")
    return ExitCode.OK


def _preview(
    sources: "Sequence[TextSource | SetRow]", rewrite: "Rewriting", *, shows_diff: bool
) -> int:
    from ovi_studio.actions.authoring import iter_changes, row_of_text
    from ovi_studio.cli.following import talk
    from ovi_studio.cli.streams import write_pieces
    from ovi_studio.errors import ExitCode
    from ovi_studio.project.prompt_sources import TextSource
    from ovi_studio.report.changes import set_diff, text_diff
    from ovi_studio.report.paths import short_path

    num_changed = 0
    for source in sources:
        if isinstance(source, TextSource):
            after = rewrite(row_of_text(source.text))
            num_changed += after != source.text
            if shows_diff and after != source.text:
                write_pieces([text_diff(source.name, source.text, after), "\n"])
            continue
        changes = list(iter_changes(source, rewrite))
        num_changed += len(changes)
        if shows_diff:
            write_pieces(set_diff(short_path(source.path), changes))
        for change in changes if not shows_diff else ():
            talk(f"{short_path(source.path)}:{change.row.line}: row {change.row.id}")
    if not num_changed:
        return ExitCode.OK
    talk(f"{_prompts(num_changed)} would be formatted.")
    return ExitCode.FAILED


def _prompts(number: int) -> str:
    return "1 prompt" if number == 1 else f"{number} prompts"
