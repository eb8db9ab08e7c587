"""The training loop: exact resume after a kill, accumulation, several processes, budgets."""

import csv
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ovi.errors import NumericalError
from ovi.training.config import OptimizerConfig, RunConfig
from ovi.training.draws import Draw
from ovi.training.processes import Processes
from ovi.training.schedule import Budget, learning_rate
from ovi.training.stages.stage import Inputs, Losses, Stage, Weights
from ovi.training.state import load_checkpoint, read_checkpoint
from ovi.training.trainer import CHECKPOINT, Trainer
from ovi.training.travel import pack_state, unpack_state

TINY = """
stage = "vae"
num_steps = 12
batch_size = 1
precision = "fp32"
log_every = 1
save_every_seconds = 0
sample_every_seconds = 1e9

[settings]
num_frames = 5
statistics_clips = 1
sample_clips = 1

[sizes.video_vae]
encoder_dim = 2
decoder_dim = 2
num_res_blocks = 1
"""


class Line(Stage):
    """Learns the slope and offset of a noisy line."""

    def __init__(self) -> None:
        super().__init__()
        self.line = nn.Linear(1, 1)
        nn.init.zeros_(self.line.weight)
        nn.init.zeros_(self.line.bias)

    def prepare(self, draw: Draw, batch_size: int) -> Tensor:
        return torch.tensor([[seed % 7 - 3.0] for seed in draw.clip_seeds(batch_size)])

    def inputs(self, prepared: Tensor, draw: Draw) -> Inputs:
        del draw
        return {"x": prepared}

    def forward(self, inputs: Inputs) -> Losses:
        x = inputs["x"]
        return {"loss": (self.line(x) - (2 * x + 1)).square().mean()}

    def export(self) -> dict[str, Weights]:
        return {"line": self.state_dict()}


CONFIG = RunConfig(
    stage="line",
    num_steps=200,
    batch_size=7,
    precision="fp32",
    ema_decay=0.5,
    optimizer=OptimizerConfig(learning_rate=0.1, warmup_steps=5, weight_decay=0.0),
)


def make_trainer(folder: Path, **changes: Any) -> Trainer:
    torch.manual_seed(0)
    config = replace(CONFIG, **changes)
    return Trainer(Line(), config, folder, Processes(0, 1, torch.device("cpu")), 0)


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open(newline="") as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


def grad_norms(folder: Path) -> list[float]:
    """AdamW hides a factor of all gradients; their norm does not."""
    return [float(row["grad_norm"]) for row in rows(folder)]


def test_a_run_learns_and_exports_the_average(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path)
    trainer.run()
    from safetensors.torch import load_file

    weights = load_file(tmp_path / "weights" / "line.safetensors")
    assert weights["line.weight"].item() == pytest.approx(2, abs=0.02)
    assert weights["line.bias"].item() == pytest.approx(1, abs=0.02)
    losses = [float(row["loss"]) for row in rows(tmp_path)]
    assert losses[-1] < 1e-3 * losses[0]


def test_accumulation_is_a_larger_batch(tmp_path: Path) -> None:
    once = make_trainer(tmp_path / "a", batch_size=14, num_steps=3, log_every=1)
    once.run()
    twice = make_trainer(tmp_path / "b", batch_size=7, accumulate=2, num_steps=3, log_every=1)
    twice.run()
    torch.testing.assert_close(once.stage.line.weight, twice.stage.line.weight)
    assert grad_norms(tmp_path / "a") == pytest.approx(grad_norms(tmp_path / "b"))


def test_a_loss_that_is_no_number_stops_the_run(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, log_every=1)
    with torch.no_grad():
        trainer.stage.line.weight.fill_(float("nan"))
    with pytest.raises(NumericalError, match="step 1"):
        trainer.run()


def test_a_killed_run_goes_on_as_if_nothing_had_happened(tmp_path: Path) -> None:
    config = tmp_path / "tiny.toml"
    config.write_text(TINY)
    command = [sys.executable, "-m", "ovi.training", "vae", "--config", str(config)]
    command += ["--device", "cpu", "--run"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    subprocess.run([*command, str(tmp_path / "whole")], check=True, env=environment)

    folder = tmp_path / "killed"
    process = subprocess.Popen([*command, str(folder)], env=environment)
    metrics = folder / "metrics.csv"
    deadline = time.monotonic() + 60
    while not metrics.is_file() or len(metrics.read_text().splitlines()) < 5:
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    stopped = read_checkpoint(folder / CHECKPOINT)["step"]
    assert 1 <= stopped < 12
    subprocess.run([*command, str(folder)], check=True, env=environment)

    assert rows(folder) == rows(tmp_path / "whole")
    first, second = (read_checkpoint(f / CHECKPOINT) for f in (tmp_path / "whole", folder))
    for part in ("model", "average"):
        for name, tensor in first[part].items():
            assert torch.equal(tensor, second[part][name]), name


def test_two_processes_take_the_steps_of_one(tmp_path: Path) -> None:
    script = tmp_path / "two.py"
    script.write_text(
        "import sys; from pathlib import Path; from dataclasses import replace\n"
        "import torch\n"
        "from tests.engine.training.test_trainer import CONFIG, Line\n"
        "from ovi.training.processes import joined_processes\n"
        "from ovi.training.trainer import Trainer\n"
        "torch.manual_seed(0)\n"
        "with joined_processes('cpu') as processes:\n"
        "    config = replace(CONFIG, num_steps=4, batch_size=2, log_every=1)\n"
        "    Trainer(Line(), config, Path(sys.argv[1]), processes, 0).run()\n"
    )
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node=2", str(script), str(tmp_path / "two")]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path.cwd())}
    subprocess.run(command, check=True, env=environment)
    one = make_trainer(tmp_path / "one", num_steps=4, batch_size=4, log_every=1)
    one.run()
    assert grad_norms(tmp_path / "two") == pytest.approx(grad_norms(tmp_path / "one"))
    two = read_checkpoint(tmp_path / "two" / CHECKPOINT)["model"]
    torch.testing.assert_close(two["line.weight"], one.stage.line.weight.detach())


def test_a_state_travels_small(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path / "a", num_steps=20)
    trainer.run()
    files = pack_state(tmp_path / "a" / CHECKPOINT, tmp_path / "packed")
    assert [file.name for file in files] == ["state-00.safetensors"]
    unpack_state(tmp_path / "packed", tmp_path / "b" / CHECKPOINT)
    arrived = make_trainer(tmp_path / "b", num_steps=30)
    assert arrived.resume()
    assert (arrived.state.step, arrived.state.elapsed) == (20, 0.0)
    expected = trainer.stage.line.weight.detach().to(torch.bfloat16).float()
    assert torch.equal(arrived.stage.line.weight.detach(), expected)
    kept, moved = trainer.optimizer.state_dict(), arrived.optimizer.state_dict()
    for index, values in kept["state"].items():
        there = moved["state"][index]
        torch.testing.assert_close(there["exp_avg_sq"], values["exp_avg_sq"], rtol=0.15, atol=0)
        assert there["exp_avg"].abs().max() == 0
    arrived.run()
    assert arrived.state.step == 30


def test_a_checkpoint_is_never_half_written(tmp_path: Path, monkeypatch: Any) -> None:
    trainer = make_trainer(tmp_path, num_steps=3)
    trainer.run()
    before = (tmp_path / CHECKPOINT).read_bytes()

    def stop_halfway(_: Any, file: Any) -> None:
        file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", stop_halfway)
    with pytest.raises(KeyboardInterrupt):
        trainer._save()
    assert (tmp_path / CHECKPOINT).read_bytes() == before
    load_checkpoint(tmp_path / CHECKPOINT, trainer.stage, trainer.optimizer, trainer.average)


def test_the_rate_rises_and_falls_within_the_budget() -> None:
    config = OptimizerConfig(learning_rate=1.0, warmup_steps=10, final_share=0.1)
    assert learning_rate(config, 0, 0.0) == pytest.approx(0.1)
    assert learning_rate(config, 9, 0.0) == pytest.approx(1.0)
    assert learning_rate(config, 50, 0.5) == pytest.approx(0.55)
    assert learning_rate(config, 99, 1.0) == pytest.approx(0.1)
    both = Budget(num_steps=100, seconds=60.0)
    assert both.progress(50, 6.0) == 0.5
    assert both.progress(10, 45.0) == 0.75
    assert both.progress(10, 90.0) == 1.0
