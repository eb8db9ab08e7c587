"""`ovi lint`: finds what the model could not follow, and mends what it can."""

from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from ovi_studio.cli.authoring_options import Sources, VariantName

if TYPE_CHECKING:
    from ovi_studio.actions.linting import LintOptions, Tally
    from ovi_studio.project.prompt_sources import TextSource
    from ovi_studio.project.sets import SetRow


class Format(StrEnum):
    """How findings are written."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"
    SARIF = "sarif"


_RULES = "CODE,..."


def lint(
    sources: Sources = None,
    variant: VariantName = None,
    mode: Annotated[
        str | None,
        typer.Option(metavar="t2v|i2v|t2i2v", help="Default: the row's, else the configured one."),
    ] = None,
    fix: Annotated[bool, typer.Option("--fix", help="Mend what is safe to mend.")] = False,
    unsafe_fixes: Annotated[
        bool, typer.Option("--unsafe-fixes", help="With --fix or --diff: guess, too.")
    ] = False,
    diff: Annotated[
        bool, typer.Option("--diff", help="Write nothing; show what --fix would change.")
    ] = False,
    select: Annotated[
        list[str] | None,
        typer.Option(metavar=_RULES, help="Only these rules: codes, beginnings of codes, names."),
    ] = None,
    ignore: Annotated[
        list[str] | None, typer.Option(metavar=_RULES, help="Not these rules.")
    ] = None,
    format_: Annotated[
        Format, typer.Option("--format", help="How findings are written.")
    ] = Format.TEXT,
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Check again whenever a set changes, until Ctrl-C.")
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Findings only; no summary, no notes.")
    ] = False,
    exit_zero: Annotated[
        bool, typer.Option("--exit-zero", help="Return 0 whatever is found.")
    ] = False,
) -> int:
    """Check prompts before they cost a render, and mend what can be mended.

    `ovi rule CODE` explains a finding. Without a SOURCE, all sets of the project. Returns 1 if
    there are errors or warnings.
    """
    import os
    from pathlib import Path

    from ovi_studio.actions.linting import Tally, lint_options, may_be_configured
    from ovi_studio.cli.streams import read_input
    from ovi_studio.errors import ExitCode, UsageError
    from ovi_studio.project.prompt_sources import read_sources

    here = Path.cwd()
    config = None
    if may_be_configured(here, os.environ):
        from ovi_studio.actions.settings import load_settings

        config = load_settings(here)
    options = lint_options(
        config, here, variant=variant, mode=mode, select=_names(select), ignore=_names(ignore)
    )
    if watch and (fix or diff or "-" in (sources or ())):
        raise UsageError("--watch only looks: leave out --fix, --diff and standard input.")

    def find() -> "Sequence[TextSource | SetRow]":
        return read_sources(sources or (), here, read_input)

    form = Format.JSON if json else format_
    if watch:
        return _watch(find, options, form, quiet=quiet)
    found = find()
    if diff:
        is_clean = _show_diff(found, options, unsafe=unsafe_fixes)
    else:
        tally = Tally()
        texts_go_out = False
        if fix:
            texts_go_out = any(_is_text(source) for source in found)
            found = _fix(found, options, tally, unsafe=unsafe_fixes)
        _check(found, options, tally, form, to_stderr=texts_go_out, quiet=quiet)
        is_clean = tally.is_clean
    return ExitCode.OK if is_clean or exit_zero else ExitCode.FAILED


def _names(said: list[str] | None) -> list[str]:
    """The names in options such as `--select S1,A --select quotes`."""
    return [name for one in said or () for name in one.replace(",", " ").split()]


def _is_text(source: "TextSource | SetRow") -> bool:
    from ovi_studio.project.prompt_sources import TextSource

    return isinstance(source, TextSource)


def _check(
    sources: "Sequence[TextSource | SetRow]",
    options: "LintOptions",
    tally: "Tally",
    form: Format,
    *,
    to_stderr: bool,
    quiet: bool,
) -> None:
    """Writes the findings, and for people what they come to."""
    import sys

    from ovi_studio.actions.linting import lint_sources
    from ovi_studio.cli.following import talk

    stream = sys.stderr if to_stderr else sys.stdout
    found = lint_sources(sources, options, tally)
    pieces: Iterator[str]
    if form is Format.JSON:
        from ovi_studio.report.lint_json import json_pieces

        pieces = json_pieces(found, tally)
    elif form is Format.GITHUB:
        from ovi_studio.report.lint_github import github_pieces

        pieces = github_pieces(found)
    elif form is Format.SARIF:
        from ovi_studio.report.lint_sarif import sarif_text

        pieces = iter([sarif_text(found)])
    else:
        from ovi_studio.report.lint_text import text_pieces

        pieces = text_pieces(found, colour=_wants_colour(stream.isatty()))
    for piece in pieces:
        stream.write(piece)
    stream.flush()
    for note in tally.notes:
        talk(note)
    if form is Format.TEXT and not quiet:
        from ovi_studio.report.lint_text import summary_lines

        for line in summary_lines(tally):
            talk(line)
        if options.variant is None and not options.is_default_chosen:
            talk(
                f"Checked for {options.default.name} where a row names no variant; choose "
                "another with --variant."
            )


def _wants_colour(is_terminal: bool) -> bool:
    import os

    return is_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _fix(
    sources: "Sequence[TextSource | SetRow]",
    options: "LintOptions",
    tally: "Tally",
    *,
    unsafe: bool,
) -> "list[TextSource | SetRow]":
    """Mends sets in place and writes texts to stdout; returns what is to be checked then."""
    from ovi_studio.actions.fixing import fix_set, fix_set_text, fix_text
    from ovi_studio.actions.linting import holds_set
    from ovi_studio.cli.streams import write_pieces
    from ovi_studio.project.prompt_sources import TextSource

    mended: list[TextSource | SetRow] = []
    for number, source in enumerate(sources, 1):
        if not isinstance(source, TextSource):
            num_fixed = fix_set(source, options, unsafe=unsafe)
            mended.append(source)
        elif holds_set(source):
            data, num_fixed = fix_set_text(source, options, unsafe=unsafe)
            write_pieces([data])
            mended.append(TextSource(data.decode("utf-8", "replace"), source.name))
        else:
            text, num_fixed = fix_text(source, options, unsafe=unsafe, number=number)
            write_pieces([text, "\n"])
            mended.append(TextSource(text, source.name))
        tally.num_fixed += num_fixed
    return mended


def _show_diff(
    sources: "Sequence[TextSource | SetRow]", options: "LintOptions", *, unsafe: bool
) -> bool:
    """Shows what would change; True if nothing would."""
    from ovi_studio.actions.fixing import fix_text, iter_row_fixes
    from ovi_studio.actions.linting import as_file, holds_set
    from ovi_studio.cli.following import talk
    from ovi_studio.cli.streams import write_pieces
    from ovi_studio.project.prompt_sources import TextSource
    from ovi_studio.project.sets import SetRow
    from ovi_studio.report.changes import set_diff, text_diff
    from ovi_studio.report.paths import short_path

    num_changed = 0
    for number, source in enumerate(sources, 1):
        if not isinstance(source, TextSource):
            changes = list(iter_row_fixes(source, options, unsafe=unsafe))
            num_changed += len(changes)
            write_pieces(set_diff(short_path(source.path), changes))
        elif holds_set(source):
            with as_file(source) as path:
                changes = list(iter_row_fixes(SetRow(path), options, unsafe=unsafe))
            num_changed += len(changes)
            write_pieces(set_diff(source.name, changes))
        else:
            text, _ = fix_text(source, options, unsafe=unsafe, number=number)
            if text != source.text:
                num_changed += 1
                write_pieces([text_diff(source.name, source.text, text), "\n"])
    if num_changed:
        talk(f"{num_changed} {'prompt' if num_changed == 1 else 'prompts'} would be changed.")
    return not num_changed


def _watch(
    find: "Callable[[], Sequence[TextSource | SetRow]]",
    options: "LintOptions",
    form: Format,
    *,
    quiet: bool,
) -> int:
    """Checks again and again. Ends with Ctrl-C, which `main` turns into its exit code."""
    from ovi_studio.actions.linting import Tally
    from ovi_studio.actions.watching import watched_sources
    from ovi_studio.cli.following import talk

    for sources in watched_sources(find):
        _check(sources, options, Tally(), form, to_stderr=False, quiet=quiet)
        if not quiet:
            talk("Watching for changes; Ctrl-C ends it.")
    raise AssertionError("watching never ends by itself")
