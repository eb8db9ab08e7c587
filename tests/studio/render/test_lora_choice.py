"""LoRA files as they are named, found, planned with, and found again for a reproduction."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from ovi.errors import RequestError
from ovi.spec.identity import clip_identity
from ovi.spec.request import ClipRequest, LoraFile
from ovi_studio.actions.rendering import RenderOrder, plan_render
from ovi_studio.actions.reproducing import plan_reproduction
from ovi_studio.errors import UsageError
from ovi_studio.render.choices import Choices, choices_of_options
from ovi_studio.render.lora_choice import LoraChoice, read_lora_cell, read_loras
from ovi_studio.render.record import read_clip_recipe, recipe_for


def write_lora(path: Path, value: float = 0.0) -> Path:
    path.parent.mkdir(exist_ok=True)
    save_file({"x": torch.full((2,), value)}, path)
    return path


def plan(folder, *sources, **said):
    order = RenderOrder(sources, choices_of_options(device="cpu", **said), None)
    return plan_render(order, folder, needs_weights=True)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a.safetensors", LoraChoice("a.safetensors")),
        ("a b.safetensors:0.5", LoraChoice("a b.safetensors", 0.5)),
        ("x/a.safetensors:-1", LoraChoice("x/a.safetensors", -1.0)),
        ("C:\\a.safetensors", LoraChoice("C:\\a.safetensors")),
        ("C:\\a.safetensors:2", LoraChoice("C:\\a.safetensors", 2.0)),
    ],
)
def test_a_weight_follows_the_last_colon(text, wanted):
    assert read_loras([text]) == (wanted,)


@pytest.mark.parametrize("text", ["", ":0.5", "a.safetensors:nan", "a.safetensors:inf"])
def test_what_names_no_file_or_no_weight(text):
    with pytest.raises(UsageError, match=r"names no LoRA|is no weight"):
        read_loras([text])


def test_a_cell_names_several():
    cell = "a.safetensors:0.5; b.safetensors ;"
    assert read_lora_cell(cell) == (LoraChoice("a.safetensors", 0.5), LoraChoice("b.safetensors"))


def test_a_row_finds_its_file_beside_the_set_and_options_win(tmp_path):
    beside = write_lora(tmp_path / "sets" / "a.safetensors", 1)
    here = write_lora(tmp_path / "a.safetensors", 2)
    (tmp_path / "sets" / "s.csv").write_text("text_prompt,lora\nx,a.safetensors:0.5\ny,\n")
    first, second = plan(tmp_path, "sets/s.csv").clips
    (lora,) = first.request.loras
    assert (lora.path, lora.weight) == (str(beside), 0.5)
    assert second.request.loras == ()
    clips = plan(tmp_path, "sets/s.csv", loras=["a.safetensors"]).clips
    assert {lora.path for clip in clips for lora in clip.request.loras} == {str(here)}


def test_a_missing_file_is_named_with_every_path_tried(tmp_path):
    with pytest.raises(UsageError, match=r"there is no LoRA a\.safetensors; tried .*train lora"):
        plan(tmp_path, "A dog.", loras=["a.safetensors"])
    (tmp_path / "a.pt").touch()
    with pytest.raises(UsageError, match=r"a\.pt is no LoRA file"):
        plan(tmp_path, "A dog.", loras=["a.pt"])


def test_content_and_weight_are_the_clips_identity_and_the_path_is_not(tmp_path):
    one, other = write_lora(tmp_path / "a.safetensors", 1), write_lora(tmp_path / "b.safetensors")
    moved = write_lora(tmp_path / "c" / "d.safetensors", 1)
    names = ([], [str(one)], [f"{one}:0.5"], [str(other)], [str(one), str(other)])
    identities = [plan(tmp_path, "x", loras=n).clips[0].identity for n in names]
    assert len(set(identities)) == len(names)
    assert plan(tmp_path, "x", loras=[str(moved)]).clips[0].identity == identities[1]


def test_a_request_without_any_has_the_identity_it_always_had(tmp_path):
    request = plan(tmp_path, "x").clips[0].request
    data = request.to_dict()
    assert data.pop("loras") == []
    old = ClipRequest.from_dict(data)
    assert clip_identity(old, {}) == clip_identity(request, {})


def test_a_request_survives_json_and_refuses_a_weight_that_is_none(tmp_path):
    lora = LoraFile("/a.safetensors", "00", 0.5)
    request = replace(plan(tmp_path, "x").clips[0].request, loras=(lora,))
    assert ClipRequest.from_dict(json.loads(json.dumps(request.to_dict()))) == request
    with pytest.raises(RequestError, match="has the weight nan"):
        replace(lora, weight=float("nan"))


def test_a_reproduction_finds_the_file_by_its_content(tmp_path):
    path = write_lora(tmp_path / "a.safetensors", 1)
    task = plan(tmp_path, "x", loras=[f"{path}:0.5"]).clips[0].to_task(is_forced=False)
    recipe = recipe_for(
        task, versions={}, device="cpu", created=datetime.now(UTC), latents_sha256="aa", warnings=()
    )
    clip = tmp_path / "clips" / "clip.json"
    clip.parent.mkdir()
    clip.write_text(json.dumps(recipe))
    assert read_clip_recipe(clip).request.loras == task.request.loras

    def reproduced(*names):
        said = Choices(loras=read_loras(names) or None)
        return plan_reproduction(clip, tmp_path, said=said).task

    assert reproduced().identity == task.identity
    path.rename(tmp_path / "clips" / "a.safetensors")  # beside the clip, by its name
    assert reproduced().identity == task.identity
    (tmp_path / "clips" / "a.safetensors").rename(tmp_path / "b.safetensors")
    write_lora(path, 2)  # another file under the old name
    with pytest.raises(UsageError, match=r"LoRA a\.safetensors .* not at .*--lora"):
        reproduced()
    again = reproduced("b.safetensors")
    assert again.identity == task.identity
    assert again.request.loras[0].path == str(tmp_path / "b.safetensors")
    assert again.request.loras[0].weight == 0.5
