"""`ovi fmt`: prompts in canonical form."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from ovi_studio.cli.authoring_options import Sources, VariantName

if TYPE_CHECKING:
    from ovi_studio.actions.authoring import Rewriting
    from ovi_studio.errors import StudioError
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
    from ovi_studio.actions.settings import known_variant, load_settings
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
    from ovi_studio.cli.following import talk
    from ovi_studio.cli.streams import write_line
    from ovi_studio.errors import StudioError
    from ovi_studio.project.prompt_sources import TextSource
    from ovi_studio.report.paths import short_path

    num_changed = 0
    faults: list[StudioError] = []
    for source in sources:
        if isinstance(source, TextSource):
            write_line(rewrite(row_of_text(source.text)))
            continue
        try:
            number = rewrite_set(source, rewrite)
        except StudioError as error:
            faults.append(error)
            continue
        num_changed += number
        if number:
            talk(f"{short_path(source.path)}: {_prompts(number)} formatted.")
    has_sets = any(not isinstance(source, TextSource) for source in sources)
    if has_sets and not num_changed and not faults:
        talk("Nothing to format.")
    return _tell_faults(faults)


def _preview(
    sources: "Sequence[TextSource | SetRow]", rewrite: "Rewriting", *, shows_diff: bool
) -> int:
    from ovi_studio.actions.authoring import RowChange, iter_changes, row_of_text
    from ovi_studio.cli.following import talk
    from ovi_studio.cli.streams import write_pieces
    from ovi_studio.errors import ExitCode, StudioError
    from ovi_studio.project.prompt_sources import TextSource
    from ovi_studio.report.changes import set_diff, text_diff
    from ovi_studio.report.paths import short_path

    num_changed = 0
    faults: list[StudioError] = []

    def counted(source: "SetRow") -> Iterator[RowChange]:
        nonlocal num_changed
        for change in iter_changes(source, rewrite):
            num_changed += 1
            if not shows_diff:
                talk(f"{short_path(source.path)}:{change.row.line}: row {change.row.id}")
            yield change

    for source in sources:
        if isinstance(source, TextSource):
            after = rewrite(row_of_text(source.text))
            num_changed += after != source.text
            if shows_diff and after != source.text:
                write_pieces([text_diff(source.name, source.text, after), "\n"])
            continue
        diff = set_diff(short_path(source.path), counted(source))
        try:
            write_pieces(piece for piece in diff if shows_diff)
        except StudioError as error:
            faults.append(error)
    if num_changed:
        talk(f"{_prompts(num_changed)} would be formatted.")
    return _tell_faults(faults) or (ExitCode.FAILED if num_changed else ExitCode.OK)


def _tell_faults(faults: "Sequence[StudioError]") -> int:
    """Tells of the sets that cannot be read or written, which do not stop the others."""
    from ovi_studio.cli.following import talk
    from ovi_studio.errors import ExitCode

    for fault in faults:
        talk(str(fault))
    return faults[0].exit_code if faults else ExitCode.OK


def _prompts(number: int) -> str:
    return "1 prompt" if number == 1 else f"{number} prompts"
