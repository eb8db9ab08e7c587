"""Golden check of what stands around the models: sizes, prompt texts, number formats, pictures.

The tables must hold exactly. Rows of prompt tables count where the published form is
unambiguous (`is_unambiguous`), because the published engine rewrites the rest with patterns that
damage a prompt: whatever follows the first `Audio:`, for one, even inside speech, becomes its
caption. Tables and rows that this design leaves out stand in `EXCLUDED`.
"""

import builtins
import json
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ovi.errors import FirstFrameError
from ovi.first_frame import prepare_first_frame, read_image
from ovi.image_header import MIN_SIDE, read_image_size
from ovi.media.conversion import frames_to_uint8, waveform_to_int16
from ovi.models.text_encoder.tokenizer import clean_text
from ovi.spec.geometry import SIZE_STEP, FrameSize, fit_size, fit_size_to_image, scale_to_area
from ovi.spec.variants import variant_named
from ovi_studio.prompt.format import format_for, picture_prompt
from tests.engine.golden.cases import Case

EXCLUDED = {
    "calc_dims_from_area": "no published command reaches it",
    "format_prompt_for_filename": "our names differ: the published ones let clips overwrite others",
    "rows without an area": "every variant has one; the published path for none is unused",
    "ambiguous prompts": "the published patterns damage them; our formatter leaves words alone",
}
"""What is left out, by name, and why."""

BF16_STEP = 2.0**-7
"""Distance of neighbouring bfloat16 numbers between 1 and 2, where a picture's extremes lie."""

Row = dict[str, Any]


def check(case: Case) -> None:
    """The tables, or the pictures, of one case file."""
    checks = {"prep_tables": _check_tables, "prep_image": _check_pictures}
    checks[case.kind](case)


@dataclass(frozen=True)
class Table:
    """How one published table is checked."""

    result: Callable[[Row], Any]
    """What our function gives for a row."""

    counts: Callable[[Row], bool] = lambda _: True
    """Whether a row is checked at all."""


def _check_tables(case: Case) -> None:
    tables: dict[str, list[Row]] = json.loads(case.path.read_text(encoding="utf-8"))
    unknown = tables.keys() - TABLES.keys() - EXCLUDED.keys()
    assert not unknown, f"{case.file} holds tables that no check knows: {sorted(unknown)}"
    known = tables.keys() & TABLES.keys()
    assert known, f"{case.file} holds no table"
    for name in sorted(known):
        table = TABLES[name]
        rows = [row for row in tables[name] if table.counts(row)]
        assert rows, f"{name}: no row counts"
        for row in rows:
            actual, expected = table.result(row), row[_EXPECTED.get(name, "out")]
            assert actual == expected, f"{name} {row}: got {actual!r}"


def is_unambiguous(text: str) -> bool:
    """Whether a prompt says in one way only what is speech and what is caption.

    Speech: every <S> is closed by the next tag, and no <E> stands alone. Caption: at most one,
    either <AUDCAP>...<ENDAUDCAP> or Audio:..., the latter not as the end of another word; behind
    it nothing but white space; neither holds the other's marks. Where there is a caption, no other
    mark of one is misspelt, and nothing inside it looks like a tag. A prompt without any caption
    must simply stay as it is.
    """
    marks = re.findall(r"<S>|<E>|<AUDCAP>|<ENDAUDCAP>|\w?Audio:", text)
    order = re.fullmatch(
        r"(?:<S> <E> )*(<AUDCAP> <ENDAUDCAP> |Audio: )?", "".join(mark + " " for mark in marks)
    )
    if order is None or order[1] is None:
        return order is not None
    scene, _, caption = text.partition(order[1].split()[0])
    if order[1].startswith("<"):
        caption, _, tail = caption.partition("<ENDAUDCAP>")
        if tail.strip():
            return False
    misspelt = re.search(r"(?i)[<＜\[&][^>＞\]]*aud|audio\s*:", scene + caption)
    return misspelt is None and re.search(r"[<>＜＞\[\]&]", caption) is None


def _has_area(row: Row) -> bool:
    return bool(row["area"])


def _prompt_counts(row: Row) -> bool:
    return is_unambiguous(row["input"])


def _sides(size: FrameSize) -> list[int]:
    return [size.height, size.width]


def _fitted(row: Row) -> list[int]:
    return _sides(fit_size(row["h"], row["w"], row["area"]))


def _scaled(row: Row) -> list[int]:
    return _sides(scale_to_area(row["h"], row["w"], row["area"], row["n"]))


def _fitted_to_image(row: Row) -> list[int]:
    return _sides(fit_size_to_image(row["h"], row["w"], row["area"]))


def _error_name(row: Row) -> str | None:
    """The published error's name when ours is one of its kind, else what ours is.

    The errors concern height and width alone, so any area and step do.
    """
    functions: dict[str, Callable[[int, int], FrameSize]] = {
        "snap_hw_to_multiple_of_32": lambda h, w: fit_size(h, w, 720 * 720),
        "scale_hw_to_area_divisible": lambda h, w: scale_to_area(h, w, 720 * 720, 16),
    }
    published: type[Exception] = getattr(builtins, row["error"])
    try:
        functions[row["fn"]](*row["args"][:2])
    except Exception as error:
        return published.__name__ if isinstance(error, published) else type(error).__name__
    return None


def _pixel(row: Row) -> int:
    return int(frames_to_uint8(torch.tensor([row["x"]], dtype=torch.float32))[0])


def _sample(row: Row) -> int:
    return int(waveform_to_int16(np.array([row["x"]], dtype=np.float32))[0])


def _cleaned(row: Row) -> str:
    return clean_text(row["input"])


def _formatted(row: Row) -> str:
    return format_for(row["input"], variant_named(row["variant"]).audio_form)


def _picture_prompt(row: Row) -> str:
    return picture_prompt(row["input"])


TABLES = {
    "snap_hw_to_multiple_of_32": Table(_fitted, _has_area),
    "scale_hw_to_area_divisible": Table(_scaled, _has_area),
    "preprocess_image_target_hw": Table(_fitted_to_image, _has_area),
    "errors": Table(_error_name),
    "frame_float_to_uint8": Table(_pixel),
    "audio_float_to_int16": Table(_sample),
    "tokenizer_whitespace_clean": Table(_cleaned),
    "formatter": Table(_formatted, _prompt_counts),
    "clean_text": Table(_picture_prompt, _prompt_counts),
}
"""Every published table that this design has a counterpart for."""

_EXPECTED = {
    "errors": "error",
    "tokenizer_whitespace_clean": "output",
    "formatter": "output",
    "clean_text": "output",
}
"""The column of the expected value, where it is not `out`."""


def _check_pictures(case: Case) -> None:
    """Each picture from its PNG bytes, through the very functions that a render uses."""
    pictures: dict[str, Row] = case.about["meta"]
    assert pictures, f"{case.file} names no picture"
    assert sorted(pictures) == case.groups(".in.png_bytes"), f"{case.file}: its groups differ"
    with tempfile.TemporaryDirectory() as folder:
        for name, about in pictures.items():
            path = Path(folder) / f"{name}.png"
            path.write_bytes(case.tensors[f"{name}.in.png_bytes"].numpy().tobytes())
            if min(about["h"], about["w"]) < MIN_SIDE:
                with pytest.raises(FirstFrameError):
                    read_image(path)
            else:
                _check_picture(case, name, path, about["area"])


def _check_picture(case: Case, name: str, path: Path, area: int | None) -> None:
    where = f"{case.file} {name}"
    image = read_image(path)
    stored = case.tensors[f"{name}.in.image_u8"].numpy()
    if stored.ndim == 3:
        assert np.array_equal(image, stored[..., :3]), f"{where}: other pixels"
    height, width = image.shape[:2]
    assert read_image_size(path) == FrameSize(height, width), f"{where}: header and pixels differ"
    size = (
        fit_size_to_image(height, width, area)
        if area
        else FrameSize(height // SIZE_STEP * SIZE_STEP, width // SIZE_STEP * SIZE_STEP)
    )
    for suffix, dtype, tolerance in (
        ("fp32", torch.float32, case.tolerance),
        ("bf16", torch.bfloat16, BF16_STEP),
    ):
        expected = case.tensors[f"{name}.out.tensor_{suffix}"]
        actual = prepare_first_frame(image, size, dtype)
        assert actual.dtype == expected.dtype == dtype, f"{where} {suffix}: {actual.dtype}"
        assert actual.shape == expected.shape, f"{where} {suffix}: {tuple(actual.shape)}"
        error = float((actual.float() - expected.float()).abs().max())
        assert error <= tolerance, f"{where} {suffix}: off by {error:.1e}"
