"""Recipes: what is written can be read again, from the clip and from the file beside it."""

import json
from datetime import UTC, datetime

import numpy as np
import pytest

from ovi.media import ClipWriter, sidecar_path
from ovi_studio.errors import UsageError
from ovi_studio.render.record import identity_in, read_clip_recipe, recipe_for

from .tasks import make_task


@pytest.fixture
def recipe(tmp_path):
    return recipe_for(
        make_task(tmp_path, 'say "=;#" \U0001f98a\n<S>hi<E>'),
        versions={"ovi": "1"},
        device="cpu",
        created=datetime(2026, 1, 2, tzinfo=UTC),
        latents_sha256="ab",
        warnings=("odd",),
    )


def write_clip(path, recipe):
    task = make_task(path.parent)
    with ClipWriter(
        path, size=task.request.size, num_frames=2, fps=24, sample_rate=16_000,
        waveform=np.zeros(2000, np.float32), recipe=recipe,
    ) as writer:  # fmt: skip
        writer.write(np.zeros((2, 32, 64, 3), np.uint8))


def test_a_recipe_is_read_from_the_clip_and_from_beside_it(tmp_path, recipe):
    clip = tmp_path / "a.mp4"
    write_clip(clip, recipe)
    task = make_task(tmp_path, 'say "=;#" \U0001f98a\n<S>hi<E>')
    for path in (clip, sidecar_path(clip)):
        read = read_clip_recipe(path)
        assert (read.request, read.identity, read.weights) == (
            task.request, task.identity, task.weights
        )  # fmt: skip
        assert (read.source, read.placement) == (task.source, task.placement)
    assert identity_in(clip) == task.identity


def test_a_recipe_holds_no_paths_of_this_machine(tmp_path, recipe):
    assert str(tmp_path) not in json.dumps(recipe)


def test_a_clip_that_lost_its_recipe_has_it_beside_it(tmp_path, recipe):
    clip = tmp_path / "a.mp4"
    clip.write_bytes(b"cut and saved elsewhere")
    with pytest.raises(UsageError, match="No recipe can be read"):
        read_clip_recipe(clip)
    sidecar_path(clip).write_text(json.dumps(recipe))
    assert read_clip_recipe(clip).latents_sha256 == "ab"
    assert identity_in(clip) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nonsense", "No recipe can be read"),
        ("[1]", "no JSON object"),
        ('{"recipe_version": 99}', "version 99"),
        ('{"recipe_version": 1}', "damaged"),
        ('{"recipe_version": 1, "identity": 1, "request": {}}', "damaged"),
    ],
)
def test_what_is_no_recipe_is_named(tmp_path, text, said):
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(UsageError, match=said):
        read_clip_recipe(path)
    with pytest.raises(UsageError, match="There is no file"):
        read_clip_recipe(tmp_path / "none.mp4")
