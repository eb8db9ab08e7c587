"""Reads a folder of golden vectors: its cases, their tensors and their weights.

The folder is `OVI_GOLDEN_DIR`, or the compact subset beside this file. Nothing here knows a
file name: what there is to check stands in the folder's own `cases.json`.
"""

import json
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor

DEFAULT_DIR = Path(__file__).parent / "data"


def golden_dir() -> Path:
    """The folder under test."""
    return Path(os.environ.get("OVI_GOLDEN_DIR") or DEFAULT_DIR)


def load_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of one safetensors file, as stored."""
    with safe_open(path, "pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


@dataclass(frozen=True)
class Case:
    """One entry of `cases.json`."""

    folder: Path
    file: str
    kind: str
    weight_files: dict[str, list[str]]
    config: dict[str, Any]
    about: dict[str, Any]
    tolerance: float
    bf16_vs_fp32: float | None

    @property
    def path(self) -> Path:
        return self.folder / self.file

    @cached_property
    def tensors(self) -> dict[str, Tensor]:
        """Every tensor of the case file, as stored."""
        return load_tensors(self.path)

    def weights(self, role: str, dtype: torch.dtype | None = None) -> dict[str, Tensor]:
        """The union of the role's weight files under their published key names.

        With `dtype`, floating tensors are cast to it; a missing role or file is an error.
        """
        merged: dict[str, Tensor] = {}
        for name in self.weight_files[role]:
            part = load_tensors(self.folder / name)
            overlap = merged.keys() & part.keys()
            assert not overlap, f"{name} repeats keys of another part: {sorted(overlap)[:3]}"
            merged |= part
        assert merged, f"no weights for {role} in {self.file}"
        if dtype is not None:
            merged = {k: v.to(dtype) if v.is_floating_point() else v for k, v in merged.items()}
        return merged

    def groups(self, suffix: str) -> list[str]:
        """Prefixes of the tensors that end in `suffix`, such as `dec.f2_3x2` for `.in.latent`."""
        return sorted(n.removesuffix(suffix) for n in self.tensors if n.endswith(suffix))


def read_cases(folder: Path | None = None) -> list[Case]:
    """Every case of the folder, in file order. Raises if there is none."""
    folder = folder or golden_dir()
    entries = json.loads((folder / "cases.json").read_text())
    return [
        Case(
            folder=folder,
            file=e["file"],
            kind=e["kind"],
            weight_files=e["weights"],
            config=e["config"],
            about=e["about"],
            tolerance=e["tolerance"],
            bf16_vs_fp32=e.get("bf16_vs_fp32"),
        )
        for e in entries
    ]


def relative_error(actual: Tensor, expected: Tensor) -> float:
    """max|a-b| / max|b|; infinite when shapes differ or anything is not finite."""
    if actual.shape != expected.shape or not bool(actual.isfinite().all()):
        return float("inf")
    scale = expected.double().abs().max().clamp_min(1e-30)
    return float((actual.double() - expected.double()).abs().max() / scale)


def assert_golden(actual: Tensor, expected: Tensor, tolerance: float, name: str) -> None:
    """Fails, naming the tensor and both shapes, when the relative error exceeds `tolerance`."""
    error = relative_error(actual, expected)
    assert error <= tolerance, (
        f"{name}: relative error {error:.2e} exceeds {tolerance:.0e} "
        f"(shape {tuple(actual.shape)} against {tuple(expected.shape)})"
    )
