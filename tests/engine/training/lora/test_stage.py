"""Adapters under training: they learn, nothing else moves, and a broken run ends the same."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from ovi.models.fusion import FusionModel
from ovi.runtime.lora import LoraRack
from ovi.spec.request import LoraFile
from ovi.training.config import OptimizerConfig, RunConfig
from ovi.training.draws import Draw
from ovi.training.errors import TrainingError
from ovi.training.lora.adapters import Layers, adapted_layers
from ovi.training.lora.encoding import EncodedClip
from ovi.training.processes import Processes
from ovi.training.stages.lora import LoraStage
from ovi.training.trainer import Trainer
from ovi.weights.hashes import hash_files
from tests.engine.runtime.tiny_fusion import STORES, assert_identical, passes, tiny_fusion

CPU = torch.device("cpu")
CONFIG = RunConfig(
    stage="lora",
    num_steps=6,
    batch_size=2,
    precision="fp32",
    ema_decay=0.5,
    log_every=1,
    save_every_seconds=0,
    optimizer=OptimizerConfig(learning_rate=0.02, warmup_steps=1, weight_decay=0.0),
    settings={"rank": 3},
)


def clips(count: int = 2, *, has_sound: bool = True, rows: int = 4) -> list[EncodedClip]:
    generator = torch.Generator().manual_seed(count)

    def randn(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator)

    return [
        EncodedClip(randn(4, 3, rows, 6), randn(7, 5), has_sound, randn(2 + index, 10))
        for index in range(count)
    ]


def make_trainer(folder: Path, model: FusionModel | None = None, **changes: Any) -> Trainer:
    torch.manual_seed(0)
    config = replace(CONFIG, **changes)
    stage = LoraStage(config, model or tiny_fusion(), clips(), torch.zeros(1, 10))
    return Trainer(stage, config, folder, Processes(0, 1, CPU), 0)


def loss_of(stage: LoraStage, number: int = 0) -> dict[str, torch.Tensor]:
    return stage(stage.inputs(2, Draw(1, number)))


@torch.no_grad()
def total_loss(stage: LoraStage) -> float:
    return sum(float(loss_of(stage, number)["loss"]) for number in range(4))


@pytest.mark.parametrize("storage", STORES)
def test_adapters_learn_and_the_base_stays(tmp_path: Path, storage: str) -> None:
    model = tiny_fusion(storage)
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    trainer = make_trainer(tmp_path, model, num_steps=10, save_every_seconds=60)
    assert isinstance(trainer.stage, LoraStage)
    before = total_loss(trainer.stage)
    trainer.run()
    assert total_loss(trainer.stage) < 0.97 * before
    assert_identical(list(model.state_dict().values()), list(state.values()))
    assert not any("base" in key for key in trainer.stage.state_dict())


def test_the_file_does_what_the_training_saw(tmp_path: Path) -> None:
    model, fresh = tiny_fusion(), tiny_fusion()
    trainer = make_trainer(tmp_path, model, ema_decay=0.0)
    trainer.run()
    path = tmp_path / "weights" / "lora.safetensors"
    lora = LoraFile(str(path), hash_files([path])[path])
    with LoraRack(fresh, CPU, torch.float32).applied((lora,)):
        got = passes(fresh)
    for one, wanted, plain in zip(got, passes(model), passes(fresh), strict=True):
        error, effect = (one - wanted).abs().max(), (wanted - plain).abs().max()
        assert error < 0.02 * effect  # the file is in bfloat16


def test_a_run_that_stopped_ends_as_if_it_had_not(tmp_path: Path) -> None:
    make_trainer(tmp_path / "whole").run()
    stopped = make_trainer(tmp_path / "stopped")
    take_step, taken = stopped._step, []

    def step_until_killed(*arguments: Any) -> Any:
        if len(taken) == 4:
            raise KeyboardInterrupt
        taken.append(1)
        return take_step(*arguments)

    stopped._step = step_until_killed  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        stopped.run()
    again = make_trainer(tmp_path / "stopped")
    assert again.resume()
    assert 0 < again.state.step < 6
    again.run()
    one, other = (
        load_file(tmp_path / name / "weights" / "lora.safetensors") for name in ("whole", "stopped")
    )
    assert_identical(list(other.values()), list(one.values()))


def test_another_rank_does_not_fit_the_checkpoint(tmp_path: Path) -> None:
    make_trainer(tmp_path, num_steps=1).run()
    with pytest.raises(TrainingError, match="another configuration"):
        make_trainer(tmp_path, settings={"rank": 4}).resume()


def test_checkpointed_blocks_have_the_same_gradients() -> None:
    gradients = []
    for checkpoint_blocks in (True, False):
        torch.manual_seed(0)
        config = replace(CONFIG, settings={"rank": 3, "checkpoint_blocks": checkpoint_blocks})
        stage = LoraStage(config, tiny_fusion(), clips(), torch.zeros(1, 10))
        for parameter in stage.parameters():
            torch.nn.init.normal_(parameter, std=0.1)
        loss_of(stage)["loss"].backward()
        gradients.append([parameter.grad for parameter in stage.parameters()])
    for one, other in zip(*gradients, strict=True):
        assert one is not None
        assert one.abs().max() > 0
        torch.testing.assert_close(one, other)


def test_which_layers() -> None:
    model = tiny_fusion()
    counts = {layers: len(adapted_layers(model, layers)) for layers in Layers}
    # A block of a tower: 4 for itself, 6 for the text and the other tower, 2 of the network.
    assert counts == {"both": 144, "video": 72, "audio": 72, "cross": 24}
    assert all(
        name.startswith("audio_model.blocks.") for name in adapted_layers(model, Layers.AUDIO)
    )


def test_without_sound_only_the_picture_counts() -> None:
    stage = LoraStage(CONFIG, tiny_fusion(), clips(has_sound=False), torch.zeros(1, 10))
    losses = loss_of(stage)
    assert losses["audio"] == 0
    assert losses["loss"] == losses["video"] > 0


def test_a_batch_has_clips_of_one_size_and_some_to_keep() -> None:
    kept = clips(4)
    stage = LoraStage(
        replace(CONFIG, settings={"keep_share": 0.5}),
        tiny_fusion(),
        [*clips(2), *clips(3, rows=8)],
        torch.zeros(1, 10),
        kept,
    )
    ids = {id(clip) for clip in kept}
    num_kept = 0
    for number in range(50):
        chosen = stage._choose(4, Draw(1, number).generator("cpu", "clips"))
        assert len({clip.video.shape for clip in chosen}) == 1
        num_kept += sum(id(clip) in ids for clip in chosen)
    assert 50 < num_kept < 150


@pytest.mark.parametrize(("settings", "what"), [({"rank": 0}, "rank"), ({"layers": "all"}, "all")])
def test_settings_that_cannot_be(settings: dict[str, Any], what: str) -> None:
    with pytest.raises(TrainingError, match=what):
        LoraStage(replace(CONFIG, settings=settings), tiny_fusion(), clips(), torch.zeros(1, 10))
