"""What the linter says about rows, for the commands that show findings beside something else."""

from collections.abc import Callable, Iterator
from pathlib import Path

from ovi.spec.variants import Variant
from ovi_studio.actions.settings import default_variant, tokenizer_path
from ovi_studio.lint.checker import Checker, diagnostic_of
from ovi_studio.lint.diagnostic import Diagnostic
from ovi_studio.lint.registry import selected
from ovi_studio.lint.subject import Target
from ovi_studio.project.config import StudioConfig
from ovi_studio.project.layout import find_layout
from ovi_studio.project.prompt_sources import rows_of
from ovi_studio.project.sets import SetRow
from ovi_studio.prompt.prompt_set import PromptRow

RowCheck = Callable[[PromptRow], list[Diagnostic]]


def row_check(
    path: Path | None, config: StudioConfig, working_folder: Path, variant: Variant | None = None
) -> RowCheck:
    """A function that checks the rows of one set, in order; `path` None: of no file.

    `variant` is the one that the user names; without it a row's own counts, then the configured
    one. Raises UsageError for a configured rule that does not exist.
    """
    root = find_layout(working_folder).root
    mode = config.render.mode
    target = Target(
        variant=variant,
        mode=None if mode is None else str(mode),
        default=default_variant(config),
        folders=(path.parent, working_folder) if path else (working_folder,),
        roots=(root,) if path is None else (root, path.parent),
        tokenizer=tokenizer_path(config, working_folder),
    )
    checker = Checker(selected(config.lint.select or (), config.lint.ignore or ()), target)
    name = "prompt" if path is None else str(path)
    return lambda row: [diagnostic_of(found, row, name) for found in checker.check(row)]


def findings_in(source: SetRow, config: StudioConfig, working_folder: Path) -> Iterator[Diagnostic]:
    """What the linter says about a set, or about one row of it. Raises PromptFileError."""
    check = row_check(source.path, config, working_folder)
    for row in rows_of(source):
        yield from check(row)
