"""The training loop, the same for every stage: draw, losses, gradients, step, average, log, save.

A run lives in a folder: `checkpoint.pt` (see `state.py`), `metrics.csv`, `samples/`, `weights/`
and `status.json`, which says how far it is.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn
from torch.utils.data import DataLoader, Dataset

from ovi.errors import NumericalError
from ovi.training.captured import CapturedPasses
from ovi.training.config import RunConfig
from ovi.training.draws import Draw
from ovi.training.metrics import MetricsFile, ProgressLine, RunningMeans
from ovi.training.processes import Processes
from ovi.training.schedule import Budget, learning_rate
from ovi.training.stages.stage import Inputs, Losses, Stage
from ovi.training.state import AveragedWeights, RunState, load_checkpoint, save_checkpoint

CHECKPOINT = "checkpoint.pt"

RunPass = Callable[[Inputs, bool], Losses]


class Trainer:
    """One run of one stage in one folder."""

    def __init__(
        self, stage: Stage, config: RunConfig, folder: Path, processes: Processes, num_workers: int
    ) -> None:
        self.config = config
        self.folder = folder
        self.processes = processes
        self.num_workers = num_workers
        self.stage = stage.to(processes.device)
        self.parameters = [p for p in stage.parameters() if p.requires_grad]
        options = config.optimizer
        self.optimizer = torch.optim.AdamW(
            _decayed_and_not(stage, options.weight_decay),
            lr=options.learning_rate,
            betas=(options.beta1, options.beta2),
            fused=True,
        )
        self.average = AveragedWeights(config.ema_decay)
        self.average.start(stage)
        self.state = RunState()
        self.budget = Budget(config.num_steps, config.minutes and 60 * config.minutes)
        self.metrics: MetricsFile | None = None
        self.progress_line = ProgressLine()

    def resume(self) -> bool:
        """Goes on from the folder's checkpoint, if there is one; says whether there was."""
        path = self.folder / CHECKPOINT
        if not path.is_file():
            return False
        self.state = load_checkpoint(path, self.stage, self.optimizer, self.average)
        return True

    def run(self) -> None:
        """Trains to the end of the budget, then writes weights, samples and a last checkpoint.

        Raises NumericalError when the loss stops being finite.
        """
        if self.processes.is_first:
            self.metrics = MetricsFile(self.folder / "metrics.csv", self.state.step)
        if self.config.compile and self.processes.device.type == "cuda":
            self.stage.compile_parts()
        run_pass = self.prepare_pass()
        self.stage.train()
        passes = iter(self._passes())
        means = RunningMeans()
        clock = _Clock(self.state.elapsed)
        saved_at = sampled_at = self.state.elapsed
        while (progress := self._progress(clock)) < 1.0:
            rate = learning_rate(self.config.optimizer, self.state.step, progress)
            means.add(self._step(run_pass, passes, rate))
            self.state.step += 1
            self.state.elapsed = clock.seconds()
            if self.state.step % self.config.log_every == 0:
                self._log(means, rate, progress)
            if self.state.elapsed - sampled_at >= self.config.sample_every_seconds:
                sampled_at = self.state.elapsed
                self._write_samples()
            if self.state.elapsed - saved_at >= self.config.save_every_seconds:
                saved_at = self.state.elapsed
                self._save()
        self._save()
        self._write_samples()
        self.write_weights()
        self._write_status(1.0, {}, finished=True)

    def write_weights(self) -> None:
        """Writes the averaged weights as the engine loads them, `weights/<model>.safetensors`."""
        if not self.processes.is_first:
            return
        with self._averaged():
            files = self.stage.export()
        folder = self.folder / "weights"
        folder.mkdir(parents=True, exist_ok=True)
        note = {"stage": self.config.stage, "step": str(self.state.step)}
        for name, tensors in files.items():
            stored = {
                k: t.detach().to("cpu", torch.bfloat16).contiguous() for k, t in tensors.items()
            }
            partial = folder / f"{name}.partial"
            save_file(stored, partial, metadata=note)
            partial.chmod(0o644)
            partial.replace(folder / f"{name}.safetensors")

    def prepare_pass(self) -> RunPass:
        """What adds one pass's gradients: inputs and whether it ends a step, to losses."""
        module = self.processes.share(self.stage)
        share = 1 / self.config.accumulate

        def compute(inputs: Inputs) -> Losses:
            with self._autocast():
                losses: Losses = module(inputs)
            (losses["loss"] * share).backward()
            return losses

        def compute_and_exchange(inputs: Inputs, ends_step: bool) -> Losses:
            with _without_exchange(module, enabled=not ends_step):
                return compute(inputs)

        on_gpu, is_alone = self.processes.device.type == "cuda", self.processes.world_size == 1
        if self.config.cuda_graphs and on_gpu and is_alone:
            captured = CapturedPasses(compute, self.parameters)
            return lambda inputs, _: captured(inputs)
        return compute_and_exchange

    def _step(
        self, run_pass: RunPass, passes: Iterator[Any], rate: float
    ) -> dict[str, torch.Tensor]:
        """One optimizer step; returns the mean losses of its forward passes."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        means: dict[str, torch.Tensor] = {}
        for index in range(self.config.accumulate):
            draw, prepared = next(passes)
            inputs = self.stage.inputs(prepared, draw)
            losses = run_pass(inputs, index == self.config.accumulate - 1)
            for name, value in losses.items():
                part = value.detach() / self.config.accumulate
                means[name] = means[name] + part if name in means else part
        norm = nn.utils.clip_grad_norm_(self.parameters, self.config.optimizer.max_grad_norm)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=False)  # a recorded pass adds to these very tensors
        self.average.update(self.stage, self.state.step)
        return means | {"grad_norm": norm}

    def _passes(self) -> Iterator[tuple[Draw, Any]]:
        """The draws of this process and their prepared data, from the state's step on."""
        per_step = self.config.accumulate * self.processes.world_size
        first = self.state.step * per_step + self.processes.rank
        dataset = _Draws(self.stage, self.config, first=first, stride=self.processes.world_size)
        loader = DataLoader(
            dataset,
            batch_size=None,
            num_workers=self.num_workers,
            prefetch_factor=4 if self.num_workers else None,
        )
        yield from loader

    def _progress(self, clock: "_Clock") -> float:
        return self.processes.agree(self.budget.progress(self.state.step, clock.seconds()))

    def _log(self, means: RunningMeans, rate: float, progress: float) -> None:
        values = means.take()
        if not values["loss"] == values["loss"]:
            raise NumericalError(
                f"The loss is not a number any more, at step {self.state.step}. Lower "
                "learning_rate; the last checkpoint is from before."
            )
        clips = self.state.step * self.config.batch_size * self.config.accumulate
        head = {
            "step": self.state.step,
            "seconds": self.state.elapsed,
            "clips": clips * self.processes.world_size,
            "learning_rate": rate,
        }
        self._write_status(progress, values, finished=False)
        if self.metrics is not None:
            self.metrics.append(head | values)
            self.progress_line.show(progress, head | values)

    def _save(self) -> None:
        if self.processes.is_first:
            path = self.folder / CHECKPOINT
            save_checkpoint(path, self.stage, self.optimizer, self.average, self.state)

    def _write_samples(self) -> None:
        if not self.processes.is_first:
            return
        folder = self.folder / "samples"
        folder.mkdir(parents=True, exist_ok=True)
        self.stage.eval()
        with self._averaged(), torch.no_grad():
            self.stage.write_samples(folder, f"step{self.state.step:06d}")
        self.stage.train()

    def _write_status(self, progress: float, values: dict[str, float], *, finished: bool) -> None:
        if not self.processes.is_first:
            return
        status = {
            "stage": self.config.stage,
            "finished": finished,
            "progress": progress,
            "step": self.state.step,
            "seconds": round(self.state.elapsed, 1),
            **values,
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = self.folder / "status.partial"
        partial.write_text(json.dumps(status) + "\n", "utf-8")
        partial.replace(self.folder / "status.json")

    def _autocast(self) -> AbstractContextManager[Any]:
        if self.config.precision == "fp32":
            return nullcontext()
        return torch.autocast(self.processes.device.type, dtype=torch.bfloat16)

    @contextmanager
    def _averaged(self) -> Iterator[None]:
        """The stage with its averaged weights inside the block."""
        self.average.swap(self.stage)
        try:
            yield
        finally:
            self.average.swap(self.stage)


class _Draws(Dataset[tuple[Draw, Any]]):
    """The endless list of this process's draws, prepared by the stage."""

    def __init__(self, stage: Stage, config: RunConfig, *, first: int, stride: int) -> None:
        self.stage = stage
        self.config = config
        self.first = first
        self.stride = stride

    def __len__(self) -> int:
        return 1 << 40

    def __getitem__(self, index: int) -> tuple[Draw, Any]:
        draw = Draw(self.config.seed, self.first + index * self.stride)
        return draw, self.stage.prepare(draw, self.config.batch_size)


class _Clock:
    """Seconds of the run, those before a resume included."""

    def __init__(self, before: float) -> None:
        self._start = time.monotonic() - before

    def seconds(self) -> float:
        """Seconds so far."""
        return time.monotonic() - self._start


def _decayed_and_not(stage: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Matrices decay; gains, biases and tables of one row do not."""
    trained = [p for p in stage.parameters() if p.requires_grad]
    return [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]


def _without_exchange(module: nn.Module, *, enabled: bool) -> AbstractContextManager[Any]:
    """Between processes, gradients are exchanged only in the last pass of a step."""
    if enabled and isinstance(module, nn.parallel.DistributedDataParallel):
        return module.no_sync()
    return nullcontext()
