"""Expanding prompts: what `ovi expand` does, for every screen.

What an expansion would come to is planned first, with its cost; rows are made only while they are
written.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from statistics import median

from ovi.spec.request import default_sampling
from ovi.spec.variants import variant_named
from ovi_studio.actions.settings import choices_of_settings, load_settings
from ovi_studio.errors import UsageError
from ovi_studio.expand.locations import wildcard_folders
from ovi_studio.expand.matrix import ExpandedRow, Expansion, Matrix, SourcePrompt
from ovi_studio.expand.wildcards import Wildcards
from ovi_studio.project.config import StudioConfig
from ovi_studio.project.image_cells import find_picture, relative_name
from ovi_studio.project.layout import ProjectLayout, find_layout
from ovi_studio.project.prompt_file import file_version, read_header
from ovi_studio.project.prompt_sources import TextSource, read_sources, rows_of
from ovi_studio.project.set_changes import create_file, csv_bytes, replace_whole
from ovi_studio.project.sets import SetRow
from ovi_studio.prompt.format import format_for
from ovi_studio.prompt.prompt_set import ID_COLUMN, IMAGE_COLUMN, TEXT_COLUMN
from ovi_studio.render.choices import choices_of_row
from ovi_studio.render.job import JobStatus
from ovi_studio.render.queue import RenderQueue

SEED_COLUMN = "seed"
VARIANT_COLUMNS = ("variant", "model_name")
"""Ours, and the published name for it."""
FROM_COLUMN = "from"

MAX_ROWS = 1_000_000
"""Rows of one new set, unless a limit is given."""

MAX_TIMED_CLIPS = 50
"""Clips of a variant from which its pace is taken, the newest ones."""

_MANY = 10**18
"""More steps than anybody will wait for; a float need not hold larger numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpansionOrder:
    """What the user asks to be expanded."""

    sources: Sequence[str]
    """prompts, sets, rows of sets (`SET:ROW`), folders of sets, `-` for standard input"""
    matrix: Matrix
    limit: int | None = None
    """the first rows only"""
    num_steps: int | None = None
    """for the estimate: what the clips will be rendered with, whatever else says"""


@dataclass(frozen=True, slots=True)
class VariantCost:
    """What the clips of one variant cost."""

    variant: str
    num_clips: int
    num_steps: int
    """of all clips together"""
    seconds: float | None
    """None: nothing was rendered in this project with the variant yet"""
    num_timed: int
    """finished clips that `seconds` is taken from"""


@dataclass(frozen=True, slots=True)
class ExpansionPlan:
    """What an expansion comes to. Nothing has been made yet."""

    num_rows: int
    num_possible: int
    """without the limit"""
    columns: tuple[str, ...]
    costs: tuple[VariantCost, ...]
    sets: tuple[Path, ...]
    """the files that were read"""
    expansion: Expansion

    @property
    def num_clips(self) -> int:
        """Clips that the new set renders to: rows times their repeats."""
        return sum(cost.num_clips for cost in self.costs)

    @property
    def num_steps(self) -> int:
        """Denoising steps of all clips."""
        return sum(cost.num_steps for cost in self.costs)

    @property
    def seconds(self) -> float | None:
        """How long rendering takes on one worker; None if that is not known of every variant."""
        known = [cost.seconds for cost in self.costs if cost.seconds is not None]
        return sum(known) if len(known) == len(self.costs) else None


def plan_expansion(
    order: ExpansionOrder, working_folder: Path, read_input: Callable[[], str]
) -> ExpansionPlan:
    """What an order comes to. Writes nothing. `read_input` gives the text of source `-`.

    Raises UsageError (ExpansionError for the prompts themselves), RequestError for an unknown
    variant, PromptFileError for a set that cannot be read.
    """
    if order.limit is not None and order.limit < 1:
        raise UsageError(f"--limit {order.limit} leaves no row: use 1 or more.")
    for name in order.matrix.variants:
        variant_named(name)
    layout = find_layout(working_folder)
    sources = read_sources(order.sources, working_folder, read_input)
    prompts = [prompt for source in sources for prompt in _prompts_of(source)]
    if not prompts:
        raise UsageError(f"{' '.join(order.sources)}: there is no prompt in it. Add a row.")
    expansion = Expansion(prompts, order.matrix, Wildcards(wildcard_folders(layout)))
    sets = tuple(dict.fromkeys(s.path for s in sources if isinstance(s, SetRow)))
    counted = _count(expansion, order, load_settings(working_folder))
    paces = _paces(layout, counted.clips)
    costs = []
    for variant, num_clips in counted.clips.items():
        num_steps = counted.steps[variant]
        pace, num_timed = paces.get(variant, (None, 0))
        seconds = None if pace is None else min(num_steps, _MANY) * pace
        costs.append(VariantCost(variant, num_clips, num_steps, seconds, num_timed))
    return ExpansionPlan(
        counted.num_rows, counted.num_possible, _columns(sets), tuple(costs), sets, expansion
    )


def _prompts_of(source: TextSource | SetRow) -> Iterator[SourcePrompt]:
    if isinstance(source, TextSource):
        shown = " ".join(source.text.split())
        place = f'prompt "{shown if len(shown) <= 40 else f"{shown[:39]}…"}"'
        yield SourcePrompt(source.text, "prompt", place)
        return
    for row in rows_of(source):
        place = f"{source.path}, line {row.line} (row {row.id})"
        yield SourcePrompt(
            row.text, f"{source.path.stem}:{row.id}", place, row.values, source.path.parent
        )


def _columns(sets: Sequence[Path]) -> tuple[str, ...]:
    """All columns of the sets but their ids, and ours."""
    ours = (SEED_COLUMN, VARIANT_COLUMNS[0], FROM_COLUMN)
    theirs = [name for path in sets for name in read_header(path).columns]
    kept = [name for name in (TEXT_COLUMN, *theirs) if name not in (ID_COLUMN, *ours)]
    return tuple(dict.fromkeys([*kept, *ours]))


@dataclass(slots=True)
class _Counted:
    """Rows, and what they cost."""

    num_rows: int
    num_possible: int
    clips: Counter[str]
    """clips by variant"""
    steps: Counter[str]
    """steps of all clips by variant"""


def _count(expansion: Expansion, order: ExpansionOrder, config: StudioConfig) -> _Counted:
    settings = choices_of_settings(config)
    counted = _Counted(0, 0, Counter(), Counter())
    for block in expansion.blocks():
        counted.num_possible += block.num_rows
        number = block.num_rows
        if order.limit is not None:
            number = min(number, order.limit - counted.num_rows)
        if not number:
            continue
        try:
            chosen = choices_of_row(_cells_kept(block.prompt, block.variant, order.matrix))
        except UsageError as error:
            raise UsageError(f"{block.prompt.place}: {error}") from error
        chosen = chosen.over(settings)
        variant = block.variant or chosen.variant or config.variant_name
        num_steps = order.num_steps or chosen.num_steps or default_sampling(variant).num_steps
        num_clips = number * max(1, chosen.repeats or 1)
        counted.num_rows += number
        counted.clips[variant] += num_clips
        counted.steps[variant] += num_clips * num_steps
    return counted


def _cells_kept(prompt: SourcePrompt, variant: str | None, matrix: Matrix) -> dict[str, str]:
    """The cells of a prompt that the matrix does not replace."""
    replaced = {*(VARIANT_COLUMNS if variant else ()), *((SEED_COLUMN,) if matrix.seeds else ())}
    return {name: cell for name, cell in prompt.cells.items() if name not in replaced}


def _paces(layout: ProjectLayout, variants: Mapping[str, int]) -> dict[str, tuple[float, int]]:
    """Seconds a step, and from how many clips, of each variant that was rendered here before.

    A clip's whole time counts, so the text encoder and the decoders are part of a step.
    """
    path = layout.state.queue_path
    if not path.is_file():
        return {}
    paces: dict[str, list[float]] = {name: [] for name in variants}
    with RenderQueue(path) as queue:
        for job in reversed(queue.jobs()):
            known = paces.get(job.task.request.variant)
            was_rendered = job.status is JobStatus.DONE and job.stage is not None
            if known is None or len(known) == MAX_TIMED_CLIPS or not was_rendered:
                continue
            if job.started and job.finished:
                spent = datetime.fromisoformat(job.finished) - datetime.fromisoformat(job.started)
                known.append(spent.total_seconds() / job.task.request.sampling.num_steps)
    return {name: (median(known), len(known)) for name, known in paces.items() if known}


def expanded_cells(plan: ExpansionPlan, folder: Path) -> Iterator[dict[str, str]]:
    """The rows of the new set, one at a time; `folder` is where its file will lie.

    Prompts of a row with a variant are in that variant's caption form, and first frames are named
    so that they are found from `folder`. Raises UsageError for more than MAX_ROWS rows.
    """
    if plan.num_rows > MAX_ROWS:
        raise UsageError(
            f"These are more than {MAX_ROWS:,} rows. Draw some with --n, or take the first with "
            "--limit."
        )
    for row in islice(plan.expansion, plan.num_rows):
        yield _cells_of(row, plan.columns, folder)


def _cells_of(row: ExpandedRow, columns: Sequence[str], folder: Path) -> dict[str, str]:
    cells = {name: row.prompt.cells.get(name, "") for name in columns}
    if row.seed is not None:
        cells[SEED_COLUMN] = str(row.seed)
    if row.variant is not None:
        cells.update((name, "") for name in VARIANT_COLUMNS if name in cells)
        cells[VARIANT_COLUMNS[0]] = row.variant
    cells[FROM_COLUMN] = row.origin
    named = next((cells[n].strip() for n in VARIANT_COLUMNS if cells.get(n, "").strip()), None)
    text = row.text if named is None else format_for(row.text, variant_named(named).audio_form)
    cells[TEXT_COLUMN] = text
    if (image := cells.get(IMAGE_COLUMN, "").strip()) and row.prompt.folder is not None:
        found = find_picture(image, [row.prompt.folder])
        if found is not None:
            cells[IMAGE_COLUMN] = relative_name(found, folder)
    return cells


def expansion_csv(plan: ExpansionPlan, folder: Path) -> Iterator[bytes]:
    """The new set as the pieces of a CSV file. Raises as `expanded_cells`, and PromptFileError."""
    return csv_bytes(plan.columns, expanded_cells(plan, folder))


def check_target(plan: ExpansionPlan, path: Path, *, is_forced: bool) -> None:
    """Raises UsageError if the new set may not be written there."""
    if path.suffix.lower() != ".csv":
        raise UsageError(f"{path} has to end in .csv, for that is what is written.")
    if path.is_dir():
        raise UsageError(f"{path} is a folder. Name a file in it.")
    if path.resolve() in [source.resolve() for source in plan.sets]:
        raise UsageError(f"{path} is the set that is expanded. Choose another file.")
    if path.exists() and not is_forced:
        raise UsageError(f"{path} exists. Choose another name, or --force to replace it.")


def write_expansion(plan: ExpansionPlan, path: Path, *, is_forced: bool) -> None:
    """Writes the new set, whole or not at all. Raises UsageError, PromptFileError."""
    check_target(plan, path, is_forced=is_forced)
    target = path.resolve()
    pieces = expansion_csv(plan, target.parent)
    if target.exists():
        replace_whole(target, pieces, file_version(target))
    else:
        create_file(target, pieces)
