"""Expanding sets: what `ovi expand` does, for every screen.

What an expansion would come to is planned first, with its cost; rows are made only while they are
written.
"""

import csv
import io
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from statistics import median

from ovi.spec.request import default_sampling
from ovi.spec.variants import variant_named
from ovi_studio.errors import PromptFileError, UsageError
from ovi_studio.expand.locations import wildcard_folders
from ovi_studio.expand.matrix import ExpandedRow, Expansion, Matrix, SourcePrompt
from ovi_studio.expand.wildcards import Wildcards
from ovi_studio.project.atomic_write import replace_file
from ovi_studio.project.file_lock import file_lock
from ovi_studio.project.layout import ProjectLayout
from ovi_studio.prompt.format import format_for
from ovi_studio.prompt.prompt_set import ID_COLUMN, IMAGE_COLUMN, TEXT_COLUMN
from ovi_studio.render.choices import choices_of_row
from ovi_studio.render.job import JobStatus
from ovi_studio.render.plan import DEFAULT_VARIANT
from ovi_studio.render.queue import RenderQueue
from ovi_studio.render.sources import PromptSource, read_prompts

SEED_COLUMN = "seed"
VARIANT_COLUMN = "variant"
FROM_COLUMN = "from"

MAX_ROWS = 1_000_000
"""Rows of one new set, unless a limit is given."""

MAX_TIMED_CLIPS = 50
"""Clips of a variant from which its pace is taken, the newest ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpansionOrder:
    """What the user asks to be expanded."""

    sources: Sequence[str]
    """prompts, and paths of CSV or TSV files"""
    matrix: Matrix
    limit: int | None = None
    """the first rows only"""
    num_steps: int | None = None
    """for the estimate: what the clips will be rendered with, where no row says it"""


@dataclass(frozen=True, slots=True)
class VariantCost:
    """What the clips of one variant cost."""

    variant: str
    num_clips: int
    num_steps: int
    """of all clips together"""
    seconds: float | None
    """None: nothing was rendered here with the variant yet"""
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
    sources: tuple[Path, ...]
    """the files that were read"""
    expansion: Expansion
    folders: Mapping[str, Path]
    """folder of each prompt's file, by the prompt's place"""

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
        """How long rendering takes; None if that is not known of every variant."""
        known = [cost.seconds for cost in self.costs if cost.seconds is not None]
        return sum(known) if len(known) == len(self.costs) else None


def plan_expansion(
    order: ExpansionOrder, working_folder: Path, layout: ProjectLayout
) -> ExpansionPlan:
    """What an order comes to. Writes nothing.

    Raises UsageError (ExpansionError for the prompts themselves), RequestError for an unknown
    variant, PromptFileError for a set that cannot be read.
    """
    if order.limit is not None and order.limit < 1:
        raise UsageError(f"--limit {order.limit} leaves no row: use 1 or more.")
    for name in order.matrix.variants:
        variant_named(name)
    prompts = read_prompts(order.sources, working_folder)
    expansion = Expansion(
        [_source_prompt(prompt) for prompt in prompts.prompts],
        order.matrix,
        Wildcards(wildcard_folders(layout)),
    )
    num_rows, clips, steps = 0, Counter[str](), Counter[str]()
    num_possible = 0
    for block in expansion.blocks():
        num_possible += block.num_rows
        number = block.num_rows
        if order.limit is not None:
            number = min(number, order.limit - num_rows)
        if number:
            variant, num_clips, num_steps = _cost_of_row(block.prompt, block.variant, order)
            num_rows += number
            clips[variant] += number * num_clips
            steps[variant] += number * num_clips * num_steps
    paces = _paces(layout, clips)
    costs = tuple(
        VariantCost(
            variant,
            clips[variant],
            steps[variant],
            steps[variant] * paces[variant][0] if variant in paces else None,
            paces[variant][1] if variant in paces else 0,
        )
        for variant in clips
    )
    return ExpansionPlan(
        num_rows,
        num_possible,
        _columns(prompts.columns),
        costs,
        tuple(prompts.columns),
        expansion,
        {prompt.place: prompt.folder for prompt in prompts.prompts if prompt.folder},
    )


def _source_prompt(prompt: PromptSource) -> SourcePrompt:
    origin = f"{prompt.source.set_name}:{prompt.source.row_id}"
    return SourcePrompt(prompt.text, origin, prompt.place, prompt.cells)


def _columns(columns: Mapping[Path, tuple[str, ...]]) -> tuple[str, ...]:
    """All columns of the sources but their ids, and ours."""
    every = [TEXT_COLUMN, *(name for names in columns.values() for name in names)]
    ours = [SEED_COLUMN, VARIANT_COLUMN, FROM_COLUMN]
    return tuple(dict.fromkeys([n for n in every if n not in (ID_COLUMN, *ours)] + ours))


def _cost_of_row(
    prompt: SourcePrompt, variant: str | None, order: ExpansionOrder
) -> tuple[str, int, int]:
    """Variant, clips and steps a clip of each row that a prompt becomes."""
    cells = dict(prompt.cells)
    if order.matrix.seeds:
        cells.pop(SEED_COLUMN, None)
    if variant is not None:
        cells.pop(VARIANT_COLUMN, None)
    try:
        chosen = choices_of_row(cells)
    except UsageError as error:
        raise UsageError(f"{prompt.place}: {error}") from error
    name = variant or chosen.variant or DEFAULT_VARIANT
    num_steps = chosen.num_steps or order.num_steps or default_sampling(name).num_steps
    return name, max(1, chosen.repeats or 1), num_steps


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
        yield _cells_of(row, plan, folder)


def _cells_of(row: ExpandedRow, plan: ExpansionPlan, folder: Path) -> dict[str, str]:
    cells = {name: row.prompt.cells.get(name, "") for name in plan.columns}
    if row.seed is not None:
        cells[SEED_COLUMN] = str(row.seed)
    if row.variant is not None:
        cells[VARIANT_COLUMN] = row.variant
    cells[FROM_COLUMN] = row.origin
    variant = cells[VARIANT_COLUMN].strip()
    cells[TEXT_COLUMN] = (
        format_for(row.text, variant_named(variant).audio_form) if variant else row.text
    )
    image, source_folder = cells.get(IMAGE_COLUMN, "").strip(), plan.folders.get(row.prompt.place)
    if image and source_folder is not None and (source_folder / image).is_file():
        cells[IMAGE_COLUMN] = Path(os.path.relpath(source_folder / image, folder)).as_posix()
    return cells


def expansion_csv(plan: ExpansionPlan, folder: Path) -> Iterator[str]:
    """The new set as the lines of a CSV file."""
    written = io.StringIO()
    writer = csv.DictWriter(written, plan.columns, lineterminator="\n")
    writer.writeheader()
    for cells in expanded_cells(plan, folder):
        writer.writerow(cells)
        yield _take(written)
    yield _take(written)


def _take(written: io.StringIO) -> str:
    text = written.getvalue()
    written.seek(0)
    written.truncate()
    return text


def check_target(plan: ExpansionPlan, path: Path, *, is_forced: bool) -> None:
    """Raises UsageError if the new set may not be written there."""
    if path.suffix.lower() != ".csv":
        raise UsageError(f"{path} has to end in .csv, for that is what is written.")
    if path.is_dir():
        raise UsageError(f"{path} is a folder. Name a file in it.")
    if path.resolve() in [source.resolve() for source in plan.sources]:
        raise UsageError(f"{path} is the set that is expanded. Choose another file.")
    if path.exists() and not is_forced:
        raise UsageError(f"{path} exists. Choose another name, or --force to replace it.")


def write_expansion(
    plan: ExpansionPlan,
    path: Path,
    *,
    is_forced: bool,
    on_rows: Callable[[int], None] = lambda _: None,
) -> None:
    """Writes the new set, whole or not at all. Raises UsageError, PromptFileError.

    `on_rows` gets the number of rows written so far, now and then.
    """
    target = path.resolve()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with file_lock(target):
            check_target(plan, path, is_forced=is_forced)
            with replace_file(target) as stream:
                for number, line in enumerate(expansion_csv(plan, target.parent)):
                    stream.write(line.encode())
                    if number and number % 10_000 == 0:
                        on_rows(number)
    except OSError as error:
        raise PromptFileError(f"{path} cannot be written: {error.strerror}.") from error
    except UnicodeEncodeError as error:
        raise PromptFileError(
            f"{path} cannot be written: {error.object[error.start]!a} in one of its texts is no "
            "character."
        ) from error
