"""First frames drawn by a tiny image model of the published class."""

import gc
import shutil
import sys
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import FluxPipeline

from ovi import picture as picture_module
from ovi.errors import Cancelled, PlacementError, WeightsError
from ovi.picture import draw_picture
from ovi.spec.geometry import FrameSize
from ovi.spec.request import PictureRequest
from tests.engine.tiny_flux import write_tiny_flux

CPU = torch.device("cpu")
SIZE = FrameSize(48, 80)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the image model, for tests that only read it."""
    folder = tmp_path_factory.mktemp("flux")
    write_tiny_flux(folder)
    return folder


@pytest.fixture
def broken_model(model: Path, tmp_path: Path) -> Path:
    """A copy to break."""
    return Path(shutil.copytree(model, tmp_path / "flux"))


def cut_short(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-100])


def draw(source: object, prompt: str = "a red ball", seed: int = 3, **options: Any) -> np.ndarray:
    request = PictureRequest(prompt, options.pop("size", SIZE), seed, num_steps=3)
    return draw_picture(request, str(source), CPU, **options)


def test_picture_has_the_size_asked_for_and_depends_on_seed_and_prompt(model: Path) -> None:
    first = draw(model)
    assert (first.shape, first.dtype) == ((SIZE.height, SIZE.width, 3), np.uint8)
    assert first.std() > 10, "a picture, not one colour"
    assert np.array_equal(draw(model), first)
    assert not np.array_equal(draw(model, seed=4), first)
    assert not np.array_equal(draw(model, prompt="a blue cat on the moon"), first)


def test_picture_is_what_the_published_class_draws(model: Path) -> None:
    pipeline = FluxPipeline.from_pretrained(model)
    pipeline.set_progress_bar_config(disable=True)
    drawn = pipeline(
        "a red ball",
        height=SIZE.height,
        width=SIZE.width,
        num_inference_steps=3,
        guidance_scale=PictureRequest("", SIZE, 0).guidance_scale,
        generator=torch.Generator().manual_seed(3),
    )
    assert np.array_equal(draw(model), np.asarray(drawn.images[0]))


def test_progress_counts_the_steps(model: Path) -> None:
    seen: list[tuple[int, int]] = []
    draw(model, on_step=lambda step, num_steps: seen.append((step, num_steps)))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_raising_in_a_step_stops_the_drawing(model: Path) -> None:
    seen: list[int] = []

    def stop_at_second(step: int, _: int) -> None:
        seen.append(step)
        if step == 2:
            raise Cancelled("enough")

    with pytest.raises(Cancelled, match="enough"):
        draw(model, on_step=stop_at_second)
    assert seen == [1, 2]


def test_models_are_let_go_when_they_are_done(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Text encoders before the first step, the rest at the end: a GPU has no room for all."""
    alive: dict[str, weakref.ref[Any]] = {}
    load = picture_module._load

    def load_and_watch(source: str, device: torch.device) -> Any:
        pipeline = load(source, device)
        names = ("text_encoder", "text_encoder_2", "transformer", "vae")
        alive.update({name: weakref.ref(getattr(pipeline, name)) for name in names})
        return pipeline

    monkeypatch.setattr(picture_module, "_load", load_and_watch)
    still_there: list[list[str]] = []

    def look(*_: int) -> None:
        still_there.append([name for name, model in alive.items() if model() is not None])

    gc.collect()
    gc.disable()  # memory must come back by itself, at once
    try:
        draw(model, on_step=look)
        look()
    finally:
        gc.enable()
    assert still_there[0] == ["transformer", "vae"]
    assert still_there[-1] == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: shutil.rmtree(folder),
        lambda folder: (folder / "model_index.json").unlink(),
        lambda folder: shutil.rmtree(folder / "vae"),
        lambda folder: cut_short(folder / "transformer/diffusion_pytorch_model.safetensors"),
        lambda folder: cut_short(folder / "text_encoder_2/model.safetensors"),
    ],
    ids=["no folder", "no index", "a part missing", "a part cut short", "an encoder cut short"],
)
def test_unusable_folder_is_named_with_what_to_do(broken_model: Path, damage: Any) -> None:
    damage(broken_model)
    with pytest.raises(WeightsError) as raised:
        draw(broken_model)
    assert str(broken_model) in str(raised.value)
    assert "--picture-model" in str(raised.value)
    assert "gated" not in str(raised.value), "a folder needs no licence to be accepted"


def test_pickled_weights_are_refused(broken_model: Path) -> None:
    """A pickle can run any code while it is read."""
    weights = broken_model / "transformer" / "diffusion_pytorch_model.safetensors"
    weights.rename(weights.with_suffix(".bin"))
    with pytest.raises(WeightsError, match="safetensors"):
        draw(broken_model)


def test_repository_that_cannot_be_had_tells_of_the_licence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(WeightsError, match=r"(?s)nobody/nothing.*gated.*log in"):
        draw("nobody/nothing")


@pytest.mark.parametrize("package", ["diffusers", "transformers"])
def test_without_the_packages_one_sentence_says_what_to_install(
    model: Path, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(PlacementError, match=r'pip install "ovi-studio\[image\]"') as raised:
        draw(model)
    assert "\n" not in str(raised.value)
