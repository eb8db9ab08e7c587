"""What is checked before a clip is rendered again. Nothing is rendered here."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image

from ovi.errors import FirstFrameError
from ovi.spec.identity import clip_identity
from ovi.spec.placement import HostMemory, Offload, Placement
from ovi.spec.request import Precision
from ovi.spec.variants import variant_named
from ovi.weights.store import weight_identities
from ovi_studio.actions.reproducing import compare_latents, plan_reproduction
from ovi_studio.errors import UsageError
from ovi_studio.render.choices import Choices
from ovi_studio.render.input_files import read_first_frame
from ovi_studio.render.record import read_clip_recipe, recipe_for

from ..render.tasks import make_task


@pytest.fixture
def frame(tmp_path):
    path = tmp_path / "frame.png"
    Image.new("RGB", (64, 64), (9, 9, 9)).save(path)
    return path


@pytest.fixture
def task(tmp_path, frame):
    """A task with a first frame, with the weights that are there now."""
    plain = make_task(tmp_path)
    image, _ = read_first_frame(frame)
    weights = weight_identities(variant_named("nano"), Precision(), None)
    request = replace(plain.request, first_frame=image)
    return replace(
        plain,
        request=request,
        weights=weights,
        identity=clip_identity(request, weights),
        placement=Placement(device="cpu", offload=Offload.MODEL),
    )


def write_recipe(path, task, **changes):
    recipe = recipe_for(
        task, versions={"torch": "2"}, device="cpu", created=datetime.now(UTC),
        latents_sha256="aa", warnings=(),
    )  # fmt: skip
    path.write_text(json.dumps(recipe | changes))
    return path


def plan(path, folder, **options):
    return plan_reproduction(path, folder, said=Choices(**options.pop("said", {})), **options)


def test_request_placement_and_identity_are_the_originals(tmp_path, task):
    made = plan(write_recipe(tmp_path / "clip.json", task), tmp_path)
    assert made.task.request == task.request
    assert made.task.placement == task.placement
    assert made.task.identity == task.identity
    assert made.task.is_forced
    assert made.notes == ()


def test_blocks_pass_through_as_they_did_unless_another_offload_is_named(tmp_path, task):
    streamed = Placement(
        device="cpu", offload=Offload.BLOCKS, resident_blocks=3, token_chunk=64,
        host_memory=HostMemory.MAPPED,
    )  # fmt: skip
    path = write_recipe(tmp_path / "clip.json", replace(task, placement=streamed))
    assert plan(path, tmp_path).task.placement == streamed
    other = plan(path, tmp_path, said={"offload": Offload.NONE}).task.placement
    assert (other.offload, other.resident_blocks) == (Offload.NONE, 0)
    assert other.token_chunk == 64, "it decides the last bits"


def test_the_original_is_never_the_target(tmp_path, task):
    path = write_recipe(tmp_path / "clip.json", task)
    assert plan(path, tmp_path).task.output.name == "clip-again.mp4"
    (tmp_path / "clip-again.mp4").touch()
    assert plan(path, tmp_path).task.output.name == "clip-again2.mp4"
    elsewhere = plan(path, tmp_path, said={"output": Path("x")}).task.output
    assert elsewhere == tmp_path / "x" / "clip.mp4"


def test_another_first_frame_is_an_error_unless_accepted(tmp_path, task, frame):
    path = write_recipe(tmp_path / "clip.json", task)
    Image.new("RGB", (64, 64), (8, 8, 8)).save(frame)
    with pytest.raises(UsageError, match=r"(?s)frame\.png is another picture than then.*--anyway"):
        plan(path, tmp_path)
    made = plan(path, tmp_path, accepts_differences=True)
    assert len(made.notes) == 1
    assert made.task.identity != task.identity


def test_a_first_frame_that_moved_can_be_named(tmp_path, task, frame):
    path = write_recipe(tmp_path / "clip.json", task)
    frame.rename(tmp_path / "moved.png")
    with pytest.raises(UsageError, match=r"frame\.png is not there any more.*--image"):
        plan(path, tmp_path, accepts_differences=True)
    made = plan(path, tmp_path, said={"image": "moved.png"})
    assert made.task.identity == task.identity
    (tmp_path / "moved.png").write_text("no picture")
    with pytest.raises(FirstFrameError):
        plan(path, tmp_path, said={"image": "moved.png"})


def test_other_weights_are_an_error_that_names_them(tmp_path, task):
    path = write_recipe(tmp_path / "clip.json", task, weights={**task.weights, "fusion": "x"})
    with pytest.raises(UsageError, match="fusion was x and is "):
        plan(path, tmp_path)


def test_latents_are_compared_and_a_difference_explained(tmp_path, task):
    path = write_recipe(tmp_path / "clip.json", task)
    original = read_clip_recipe(path)
    same = compare_latents(original, path)
    assert same.is_equal
    assert "bit for bit" in same.sentence
    other = write_recipe(tmp_path / "b.json", task, latents_sha256="bb", device="NVIDIA H100")
    differing = compare_latents(original, other)
    assert not differing.is_equal
    assert "(device: cpu, now NVIDIA H100)" in differing.sentence
