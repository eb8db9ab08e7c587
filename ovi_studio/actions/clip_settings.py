"""Writes the seed and the settings of a chosen clip back into the row that it was rendered from.

The seed is always written. Of the settings those are, without which the row would now be rendered
differently: what the row, `ovi.toml` or the defaults already say stays unsaid. All other cells stay
byte for byte.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from ovi.errors import OviError
from ovi.spec.geometry import fit_size
from ovi.spec.request import ClipRequest, Mode
from ovi.spec.variants import variant_named
from ovi_studio.actions.settings import choices_of_settings, load_settings
from ovi_studio.actions.settings_change import CellChange, SettingsChange
from ovi_studio.errors import PromptFileError, StudioError, UsageError
from ovi_studio.project.config_settings import DEFAULT_VARIANT
from ovi_studio.project.layout import ProjectLayout
from ovi_studio.project.prompt_file import (
    FileChangedError,
    add_column,
    file_version,
    read_header,
    save_edits,
)
from ovi_studio.project.prompt_sources import rows_of
from ovi_studio.project.set_changes import repeat_after_others
from ovi_studio.project.sets import SET_SUFFIXES, SetRow, find_sets, set_folder
from ovi_studio.prompt.format import format_for
from ovi_studio.prompt.prompt_set import TEXT_COLUMN, PromptRow
from ovi_studio.render.choices import COLUMNS, SIDE_COLUMNS, Choices, choices_of_row
from ovi_studio.render.lora_choice import SEPARATOR
from ovi_studio.render.record import Recipe, read_clip_recipe
from ovi_studio.render.settings import guidance_for, mode_for, repeats_for, sampling_for
from ovi_studio.render.sources import BARE_SET

_NEW_COLUMNS = {"num_steps": "steps", "image": "image_path", "loras": "lora"}
"""What a column is called that a choice needs and the set lacks, where it is not the choice's."""


def plan_settings(
    clip: Path, layout: ProjectLayout, *, set_path: Path | None = None, with_prompt: bool = False
) -> SettingsChange:
    """What would be written; changes nothing.

    `set_path` names the set where it is not found by its name. `with_prompt` also writes the
    clip's prompt back, if the row's is another one now. Raises UsageError when the clip has no
    recipe or its row cannot be found, PromptFileError for a set that cannot be read.
    """
    recipe = read_clip_recipe(clip)
    source = find_row(recipe.source.set_name, recipe.source.row_id, layout, set_path)
    (row,) = rows_of(source)
    wanted, notes = _wanted(row, recipe, source, layout, with_prompt=with_prompt)
    columns = read_header(source.path).columns
    cells = tuple(
        CellChange(column, row.values.get(column, ""), text)
        for column, text in wanted.items()
        if row.values.get(column, "").strip() != text
    )
    new = tuple(cell.column for cell in cells if cell.column not in columns)
    return SettingsChange(source, cells, new, tuple(notes))


def write_settings(change: SettingsChange) -> None:
    """Writes what was planned. What others change elsewhere in the set meanwhile stays too.

    Raises FileChangedError when one of these very cells was changed, PromptFileError when the set
    cannot be written; in each case no cell was changed.
    """
    _write(change.row, change.cells)


def undo_settings(change: SettingsChange) -> None:
    """Puts the cells back as they were; columns that were added stay, empty. Raises as writing."""
    back = [CellChange(cell.column, cell.after, cell.before) for cell in change.cells]
    _write(change.row, back)


def _write(source: SetRow, cells: Sequence[CellChange]) -> None:
    if not cells:
        return
    assert source.row_id is not None
    row_id = source.row_id

    def save() -> None:
        version = file_version(source.path)
        columns = read_header(source.path).columns
        (row,) = rows_of(source)
        for cell in cells:
            now = row.values.get(cell.column, "")
            if now != cell.before:
                raise _CellChangedError(
                    f"{source.path} row {row_id}: {cell.column} is {now!r} by now and was "
                    f"{cell.before!r}; nothing was changed."
                )
        for cell in cells:
            if cell.column not in columns:
                version = add_column(source.path, cell.column, version)
        save_edits(source.path, {row_id: {cell.column: cell.after for cell in cells}}, version)

    repeat_after_others(save)


class _CellChangedError(PromptFileError):
    """Not a FileChangedError: trying again would not help."""


def find_row(name: str, row_id: str, layout: ProjectLayout, set_path: Path | None = None) -> SetRow:
    """The row that a clip was rendered from, by the names in its recipe. Raises UsageError."""
    if set_path is not None:
        return SetRow(set_path, row_id)
    beside = (path for path in sorted(layout.root.iterdir()) if path.is_file())
    paths = [
        path
        for path in (*find_sets(set_folder(layout)), *beside)
        if path.stem == name and path.suffix.lower() in SET_SUFFIXES
    ]
    if not paths:
        reason = (
            "its prompt was typed, not read from a set"
            if name == BARE_SET
            else f"there is no set {name!r} in the project"
        )
        raise UsageError(
            f"The row of this clip cannot be found: {reason}. Name the set that has row {row_id!r} "
            "with --set."
        )
    found = [SetRow(path, row_id) for path in paths if _has_row(path, row_id)]
    if not found:
        raise UsageError(
            f"{paths[0]} has no row {row_id!r} any more. Name the set that has it with --set."
        )
    if len(found) > 1:
        names = ", ".join(str(source.path) for source in found)
        raise UsageError(f"Several sets have that name and row: {names}. Name one with --set.")
    return found[0]


def _has_row(path: Path, row_id: str) -> bool:
    try:
        return any(True for _ in rows_of(SetRow(path, row_id)))
    except PromptFileError:
        return False


def _wanted(
    row: PromptRow, recipe: Recipe, source: SetRow, layout: ProjectLayout, *, with_prompt: bool
) -> tuple[dict[str, str], list[str]]:
    """The text of each cell that should say something else, and what no cell can say."""
    request, notes = recipe.request, []
    config = choices_of_settings(load_settings(layout.root))
    said = choices_of_row(row.values)
    wanted = {"seed": str(request.sampling.seed)}
    if (said.over(config).variant or DEFAULT_VARIANT) != request.variant:
        wanted["variant"] = request.variant
    now = Choices(variant=request.variant).over(said).over(config)
    try:
        wanted |= _differing(now, request)
        notes += _negatives(wanted, said, config, request)
        _add_start(wanted, notes, now, request, layout, source.path.parent)
        _add_loras(wanted, now, request, source.path.parent)
    except OviError as error:
        raise StudioError(
            f"{source.path} row {row.id} cannot be rendered as it is: {error}"
        ) from error
    cells = _cells(wanted, row)
    if format_for(row.text, variant_named(request.variant).audio_form) != request.text:
        if with_prompt:
            cells[TEXT_COLUMN] = request.text
        else:
            notes.append("The row's prompt was changed since the clip was rendered, and stays.")
    if recipe.profile is not None:
        notes.append(f"The profile {recipe.profile} is no column: give it when you render.")
    return cells, notes


def _differing(now: Choices, request: ClipRequest) -> dict[str, str]:
    """Choices of sampling and guidance that the row would now be rendered with otherwise."""
    variant, wanted = variant_named(request.variant), {}
    sampling, guidance = sampling_for(now, variant), guidance_for(now, variant)
    for choice, before, after in (
        ("num_steps", sampling.num_steps, request.sampling.num_steps),
        ("shift", sampling.shift, request.sampling.shift),
        ("solver", sampling.solver, request.sampling.solver),
        ("video_guidance", guidance.video_scale, request.guidance.video_scale),
        ("audio_guidance", guidance.audio_scale, request.guidance.audio_scale),
        ("slg_layer", guidance.skip_layer or 0, request.guidance.skip_layer or 0),
    ):
        if before != after:
            wanted[choice] = str(after)
    if repeats_for(now) != 1:
        wanted["repeats"] = "1"  # one seed was chosen, so one clip is wanted
    return wanted


def _negatives(
    wanted: dict[str, str], said: Choices, config: Choices, request: ClipRequest
) -> list[str]:
    notes = []
    for choice, after in (
        ("video_negative", request.guidance.video_negative),
        ("audio_negative", request.guidance.audio_negative),
    ):
        of_row, of_config = getattr(said, choice), getattr(config, choice)
        if (of_row if of_row is not None else of_config or "") == after:
            continue
        wanted[choice] = after
        if not after and of_config:
            notes.append(
                f"The clip had no {choice}; the settings name one, and an empty cell does not "
                "undo that."
            )
    return notes


def _add_start(
    wanted: dict[str, str],
    notes: list[str],
    now: Choices,
    request: ClipRequest,
    layout: ProjectLayout,
    folder: Path,
) -> None:
    """What the clip starts from, and its size."""
    mode = request.mode
    if mode is Mode.I2V and request.first_frame is not None:
        path = Path(os.path.realpath(request.first_frame.path))
        there = now.image and any(
            Path(os.path.realpath(base / now.image)) == path for base in (folder, layout.root)
        )
        if not there:
            if path.is_file() and path.is_relative_to(os.path.realpath(layout.root)):
                wanted["image"] = os.path.relpath(path, os.path.realpath(folder))
            else:
                notes.append(f"The first frame {path} is not in the project, and is not written.")
    if mode_for(now) is not mode and not ("image" in wanted and now.mode is None):
        wanted["mode"] = mode.value
    if mode is not Mode.I2V:
        area = variant_named(request.variant).target_area
        side = round(area**0.5)
        height, width = (now.size.height, now.size.width) if now.size else (side, side)
        if fit_size(height, width, area) != request.size:
            wanted["size"] = str(request.size)
            if mode is Mode.T2V and fit_size(*_sides(request), area) != request.size:
                notes.append(f"No size that can be asked for gives exactly {request.size}.")


def _add_loras(wanted: dict[str, str], now: Choices, request: ClipRequest, folder: Path) -> None:
    """The LoRA files, where the row would now be rendered with others; paths from its set."""
    known = [(lora.name, lora.weight) for lora in now.loras or ()]
    then = [(lora.path, lora.weight) for lora in request.loras]
    if [(os.path.realpath(folder / name), weight) for name, weight in known] != then:
        named = (f"{os.path.relpath(path, folder)}:{weight:g}" for path, weight in then)
        wanted["loras"] = f"{SEPARATOR} ".join(named)


def _sides(request: ClipRequest) -> tuple[int, int]:
    return request.size.height, request.size.width


def _cells(wanted: Mapping[str, str], row: PromptRow) -> dict[str, str]:
    """The cells that say these choices: columns that say them now, else one that could."""
    cells: dict[str, str] = {}
    for choice, text in wanted.items():
        known = [name for name, (of, _) in COLUMNS.items() if of == choice and name in row.columns]
        filled = [name for name in known if row.values.get(name, "").strip()]
        names = filled or known[:1] or [_NEW_COLUMNS.get(choice, choice)]
        if choice == "size" and all(name in row.columns for name in SIDE_COLUMNS):
            height, _, width = text.partition("x")
            cells |= dict(zip(SIDE_COLUMNS, (height, width), strict=True))
            names = filled
        if text or filled:
            cells |= dict.fromkeys(names, text)
    return cells


__all__ = [
    "CellChange",
    "FileChangedError",
    "SettingsChange",
    "find_row",
    "plan_settings",
    "undo_settings",
    "write_settings",
]
