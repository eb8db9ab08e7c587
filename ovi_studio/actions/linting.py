"""Checking prompts and sets: what `ovi lint` does, for every screen. Fixing is `fixing.py`."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ovi.spec.variants import NANO, Variant, variant_named
from ovi_studio.errors import UsageError
from ovi_studio.lint.diagnostic import Diagnostic, Severity
from ovi_studio.lint.files import RowLinter, lint_file
from ovi_studio.lint.registry import selected
from ovi_studio.lint.rule import Rule
from ovi_studio.lint.subject import MODES, Target
from ovi_studio.project.layout import PROJECT_FILE, find_layout
from ovi_studio.project.prompt_sources import TextSource
from ovi_studio.project.sets import SetRow
from ovi_studio.prompt.prompt_set import TEXT_COLUMN, PromptRow

if TYPE_CHECKING:
    from ovi_studio.project.config import StudioConfig

PILLOW_IS_MISSING = (
    "Pictures were not looked into, because Pillow is not installed. Run: pip install pillow"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LintOptions:
    """What prompts are checked for, and by which rules."""

    rules: tuple[Rule, ...]
    working_folder: Path
    variant: Variant | None = None
    """Named by the user; wins over what a row says."""
    mode: str | None = None
    """The same."""
    default: Variant = NANO
    """For rows that name none."""
    is_default_chosen: bool = False
    """Somebody configured `default`."""
    default_mode: str | None = None
    """For rows that name none; None: what their first frame suggests."""
    tokenizer: Path | None = None
    """umT5's tokenizer.json, if it may be there."""

    def target(self, path: Path | None) -> Target:
        """What the rows of a file are checked for; None: a prompt that comes from no file."""
        here = self.working_folder
        roots = [find_layout(path.parent if path else here).root, here]
        return Target(
            variant=self.variant,
            mode=self.mode,
            default_mode=self.default_mode,
            default=self.default,
            folders=(path.parent, here) if path else (here,),
            roots=tuple(dict.fromkeys(root.resolve() for root in roots)),
            tokenizer=self.tokenizer,
        )


def may_be_configured(working_folder: Path, environment: Mapping[str, str]) -> bool:
    """False where surely nothing is configured, so that the configuration need not be loaded.

    Loading it takes as long as checking a small set. Wherever a user's own file or weight files
    may lie counts as configured.
    """
    layout = find_layout(working_folder)
    if (layout.root / PROJECT_FILE).exists() or layout.checkpoint_folder.exists():
        return True
    home = environment.get("HOME", "")
    places = [environment.get(name, "") for name in ("XDG_CONFIG_HOME", "APPDATA")]
    places += [f"{home}/.config", f"{home}/Library/Application Support"] if home else []
    return any(name.startswith("OVI_") for name in environment) or any(
        place and Path(place, "ovi").exists() for place in places
    )


def lint_options(
    config: "StudioConfig | None",
    working_folder: Path,
    *,
    variant: str | None = None,
    mode: str | None = None,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
) -> LintOptions:
    """The options for a command; what it does not say, the configuration says (None: nothing).

    Raises UsageError for a mode or rule, RequestError for a variant, that does not exist.
    """
    if mode is not None and mode not in MODES:
        raise UsageError(f"There is no mode {mode!r}. Known: {', '.join(MODES)}.")
    options = LintOptions(
        rules=selected(select, ignore),
        working_folder=working_folder,
        variant=None if variant is None else variant_named(variant),
        mode=mode,
    )
    if config is None:
        return options
    from ovi_studio.actions.settings import default_variant, tokenizer_path

    return replace(
        options,
        rules=selected(select or config.lint.select or (), ignore or config.lint.ignore or ()),
        default=default_variant(config),
        is_default_chosen=config.names_variant,
        default_mode=None if config.render.mode is None else str(config.render.mode),
        tokenizer=tokenizer_path(config, working_folder),
    )


@dataclass(slots=True)
class Tally:
    """Counts what was checked and found."""

    num_files: int = 0
    num_prompts: int = 0
    num_fixed: int = 0
    by_severity: dict[Severity, int] = field(default_factory=lambda: dict.fromkeys(Severity, 0))
    num_fixable: int = 0
    """By safe fixes."""
    num_unsafely_fixable: int = 0
    notes: dict[str, None] = field(default_factory=dict)
    """What the user should know, each once."""

    @property
    def is_clean(self) -> bool:
        """True if there is nothing worse than information."""
        return not (self.by_severity[Severity.ERROR] or self.by_severity[Severity.WARNING])

    def add(self, diagnostic: Diagnostic) -> None:
        """Counts one finding."""
        self.by_severity[diagnostic.severity] += 1
        if diagnostic.fix is not None and diagnostic.fix.is_safe:
            self.num_fixable += 1
        elif diagnostic.fix is not None:
            self.num_unsafely_fixable += 1

    def document(self) -> dict[str, int]:
        """The counts under the names they have in JSON."""
        return {
            "files": self.num_files,
            "prompts": self.num_prompts,
            "errors": self.by_severity[Severity.ERROR],
            "warnings": self.by_severity[Severity.WARNING],
            "infos": self.by_severity[Severity.INFO],
            "fixable": self.num_fixable,
            "unsafely_fixable": self.num_unsafely_fixable,
            "fixed": self.num_fixed,
        }


def lint_sources(
    sources: Sequence[TextSource | SetRow], options: LintOptions, tally: Tally
) -> Iterator[Diagnostic]:
    """All findings, source by source; `tally` counts along."""
    for number, source in enumerate(sources, 1):
        for diagnostic in _lint_source(source, number, options, tally):
            tally.add(diagnostic)
            yield diagnostic


def row_of(source: TextSource, number: int = 1) -> PromptRow:
    """A prompt that comes from no file, as a row; `number` tells several apart."""
    return PromptRow(str(number), 1, source.text, {TEXT_COLUMN: source.text})


def holds_set(source: TextSource) -> bool:
    """True if a text, as it comes from standard input, is a whole CSV or TSV file."""
    head, newline, _ = source.text.lstrip().partition("\n")
    if not newline:
        return False
    for delimiter in ",;\t|":
        head = head.replace(delimiter, ",")
    return TEXT_COLUMN in (name.strip(' "\r') for name in head.split(","))


@contextmanager
def as_file(source: TextSource) -> Iterator[Path]:
    """A file that holds the text, for as long as the block runs."""
    import tempfile  # only standard input needs it

    with tempfile.TemporaryDirectory(prefix="ovi-") as folder:
        path = Path(folder) / "stdin.csv"
        path.write_text(f"{source.text}\n", encoding="utf-8", newline="")
        yield path


def _lint_source(
    source: TextSource | SetRow, number: int, options: LintOptions, tally: Tally
) -> Iterator[Diagnostic]:
    if isinstance(source, SetRow):
        tally.num_files += 1
        target = options.target(source.path)
        linter = RowLinter(_shown(source.path, options), options.rules, target)
        yield from lint_file(source.path, linter, source.row_id)
    elif holds_set(source):
        tally.num_files += 1
        linter = RowLinter(source.name, options.rules, options.target(None))
        with as_file(source) as path:
            yield from lint_file(path, linter)
    else:
        linter = RowLinter(source.name, options.rules, options.target(None))
        yield from linter.diagnostics_of(row_of(source, number))
    tally.num_prompts += linter.num_rows
    if linter.names_pictures:
        from ovi_studio.lint.picture import can_read_pictures

        if not can_read_pictures():
            tally.notes[PILLOW_IS_MISSING] = None


def _shown(path: Path, options: LintOptions) -> str:
    """The path as the user would type it."""
    try:
        return str(path.relative_to(options.working_folder))
    except ValueError:
        return str(path)
