"""What one training run is made of, and its configuration file (TOML).

A file holds the fields of `RunConfig`, the table `[optimizer]`, and two tables that the stage
reads: `[settings]` (its own settings) and `[sizes]` (fields of the models' configs that differ
from nano's).
"""

import tomllib
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

from ovi.training.errors import TrainingError

CONFIG_DIR = Path(__file__).parent / "configs"
"""The configurations that ship with this package, `<name>.toml` each."""

PRECISIONS = ("bf16", "fp32")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class OptimizerConfig:
    """AdamW and its learning rate over the run."""

    learning_rate: float = 1e-3
    """The highest, after the warm-up."""
    final_share: float = 0.01
    """What is left of it at the end of the run."""
    warmup_steps: int = 200
    beta1: float = 0.9
    beta2: float = 0.99
    weight_decay: float = 0.01
    max_grad_norm: float = 1.0


@dataclass(frozen=True, slots=True)
class RunConfig:
    """One training run. Raises TrainingError for values that cannot be."""

    stage: str
    """`vae`, `audio-vae`, `vocoder` or `fusion`."""
    seed: int = 1
    """Decides the initial weights, the data and the noise."""
    batch_size: int = 16
    """Clips in one forward pass of one process."""
    accumulate: int = 1
    """Forward passes whose gradients are added before a step."""
    num_steps: int | None = None
    """Steps of the whole run, or None for a run that is limited by `minutes` alone."""
    minutes: float | None = None
    """Wall time of the whole run; the learning rate falls to its end within it."""
    precision: str = "bf16"
    """`bf16` (autocast, weights and moments in float32) or `fp32`."""
    compile: bool = False
    """Compile what the stage names: slower to start, then faster. For GPUs."""
    cuda_graphs: bool = False
    """Record each kind of pass once and replay it; ignored on a CPU and with several processes."""
    ema_decay: float = 0.999
    """Of the averaged weights that are exported, a step."""
    log_every: int = 20
    """Steps between two lines of metrics."""
    save_every_seconds: float = 120.0
    """Between two checkpoints; one more is written at the end."""
    sample_every_seconds: float = 120.0
    """Between two sets of samples; the end has one too."""
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    settings: dict[str, Any] = field(default_factory=dict)
    """The table `[settings]`, checked by the stage."""
    sizes: dict[str, Any] = field(default_factory=dict)
    """The table `[sizes]`: one table for each model whose sizes are not nano's."""

    def __post_init__(self) -> None:
        if self.num_steps is None and self.minutes is None:
            raise TrainingError("A run needs an end: set num_steps, minutes or both.")
        if min(self.batch_size, self.accumulate, self.log_every) < 1:
            raise TrainingError("batch_size, accumulate and log_every must be at least 1.")
        if self.precision not in PRECISIONS:
            raise TrainingError(f"precision is {self.precision!r}; use one of {PRECISIONS}.")
        if not 0 <= self.ema_decay < 1:
            raise TrainingError(f"ema_decay is {self.ema_decay}; use 0 (off) or more, below 1.")


def read_config(name: str) -> RunConfig:
    """The configuration in the file `name`, or the shipped one of that name.

    Raises TrainingError that names the file and what is wrong in it.
    """
    path = Path(name) if name.endswith(".toml") else CONFIG_DIR / f"{name}.toml"
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        known = ", ".join(sorted(file.stem for file in CONFIG_DIR.glob("*.toml")))
        raise TrainingError(
            f"There is no configuration {name!r}: give the path of a .toml file or one of {known}."
        ) from None
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise TrainingError(f"{path} cannot be read: {error}.") from error
    optimizer = read_table(OptimizerConfig, table.pop("optimizer", {}), f"{path}: [optimizer]")
    settings, sizes = table.pop("settings", {}), table.pop("sizes", {})
    table |= {"optimizer": optimizer, "settings": settings, "sizes": sizes}
    return read_table(RunConfig, table, str(path))


def read_table(cls: type[T], table: dict[str, Any], place: str) -> T:
    """A dataclass from a table of its fields; `place` names the table in errors."""
    types = get_type_hints(cls)
    table = dict(table)
    unknown = sorted(set(table) - {f.name for f in fields(cast("Any", cls))})
    if unknown:
        raise TrainingError(f"{place} has no setting {unknown[0]!r}. Known: {', '.join(types)}.")
    for name, value in table.items():
        table[name] = _fitted(value, types[name], f"{place}: {name}")
    try:
        return cls(**table)
    except TypeError as error:
        raise TrainingError(f"{place} is incomplete: {error}.") from error


def resize(config: T, changes: dict[str, Any], place: str) -> T:
    """A model's config with some sizes changed. Raises TrainingError for what cannot be."""
    known = {f.name for f in fields(cast("Any", config))}
    unknown = sorted(set(changes) - known)
    if unknown:
        raise TrainingError(f"{place} has no size {unknown[0]!r}. Known: {', '.join(known)}.")
    fitted = {
        name: tuple(value) if isinstance(value, list) else value for name, value in changes.items()
    }
    try:
        return cast("T", replace(cast("Any", config), **fitted))
    except (ValueError, AssertionError) as error:
        raise TrainingError(f"{place} describes no model: {error}") from error


def _fitted(value: Any, wanted: Any, place: str) -> Any:
    """`value` if its type is the wanted one; whole numbers pass for fractions."""
    if get_origin(wanted) in (dict, tuple):
        return value
    choices = get_args(wanted) or (wanted,)
    simple = tuple(choice for choice in choices if choice in (bool, int, float, str))
    if float in simple and type(value) is int:
        return float(value)
    if simple and type(value) not in simple:
        raise TrainingError(f"{place} is {value!r}, which is not {wanted}.")
    return value
