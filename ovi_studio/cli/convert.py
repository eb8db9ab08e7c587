"""`ovi convert`: audio captions in the form of another variant."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ovi_studio.cli.authoring_options import Force, NewFile, Sources
from ovi_studio.cli.completion import complete_variant

if TYPE_CHECKING:
    from ovi.spec.variants import Variant
    from ovi_studio.project.sets import SetRow


def convert(
    to: Annotated[
        str,
        typer.Option(
            metavar="VARIANT", help="Whose caption form to write.", autocompletion=complete_variant
        ),
    ],
    sources: Sources = None,
    in_place: Annotated[
        bool, typer.Option("--in-place", "-i", help="Change the sets themselves.")
    ] = False,
    output: NewFile = None,
    force: Force = False,
) -> int:
    """Write audio captions in a variant's form: `Audio: ...` or `<AUDCAP>...<ENDAUDCAP>`.

    Not a word changes, and no other byte of a file. A single set goes to stdout or --output, with
    --in-place any number of sets is changed. Prompts and standard input come out on stdout. A
    prompt whose captions cannot be told apart stays as it is, and is named; the exit code is 1.
    """
    from ovi.spec.variants import variant_named
    from ovi_studio.actions.authoring import conversion, row_of_text
    from ovi_studio.cli.streams import read_input, write_line
    from ovi_studio.errors import ExitCode, UsageError
    from ovi_studio.project.prompt_sources import TextSource, read_sources

    variant = variant_named(to)
    here = Path.cwd()
    found = read_sources(sources or (), here, read_input)
    texts = [source for source in found if isinstance(source, TextSource)]
    sets = [source for source in found if not isinstance(source, TextSource)]
    if in_place and output:
        raise UsageError("--in-place and --output exclude each other.")
    if not in_place and (len(sets) > 1 or (sets and texts)):
        raise UsageError("Several sources cannot become one file: use --in-place, or name one set.")
    if output and not sets:
        raise UsageError("--output takes a set; a prompt comes out on stdout.")
    rewrite = conversion(variant)
    for text in texts:
        write_line(rewrite(row_of_text(text.text)))
    num_left = sum(_left_as_is(text.name, rewrite(row_of_text(text.text)), to) for text in texts)
    num_left += _convert_sets(sets, variant, Path(output) if output else None, in_place, force)
    return ExitCode.FAILED if num_left else ExitCode.OK


def _convert_sets(
    sets: "Sequence[SetRow]", variant: "Variant", output: Path | None, in_place: bool, force: bool
) -> int:
    """Converts; returns how many prompts could not be."""
    from ovi_studio.actions.authoring import (
        conversion,
        rewrite_set,
        rewritten_bytes,
        rows_of_other_variants,
    )
    from ovi_studio.actions.exchange import write_new_file
    from ovi_studio.cli.following import talk
    from ovi_studio.cli.streams import write_pieces
    from ovi_studio.project.prompt_sources import rows_of
    from ovi_studio.report.paths import short_path

    num_left = 0
    for source in sets:
        name = short_path(source.path)
        rewrite = conversion(variant)
        num_left += sum(
            _left_as_is(f"{name}:{row.line}: row {row.id}", rewrite(row), variant.name)
            for row in rows_of(source)
        )
        if in_place:
            talk(f"{name}: {rewrite_set(source, rewrite)} converted.")
        elif output is not None:
            write_new_file(output, rewritten_bytes(source, rewrite), is_forced=force)
            talk(f"{short_path(output)} written.")
        else:
            write_pieces(rewritten_bytes(source, rewrite))
        num_others = rows_of_other_variants(source.path, variant)
        if num_others:
            others = "1 row names" if num_others == 1 else f"{num_others} rows name"
            talk(f"{name}: {others} a variant of the other caption form in a column.")
    return num_left


def _left_as_is(place: str, text: str, variant: str) -> bool:
    """Tells of a prompt that could not be converted."""
    from ovi.spec.variants import variant_named
    from ovi_studio.actions.authoring import is_in_form
    from ovi_studio.cli.following import talk

    if is_in_form(text, variant_named(variant).audio_form):
        return False
    talk(f"{place}: left as it is, for its captions cannot be told apart; `ovi lint` says why.")
    return True
