"""The pipeline encodes each text and first frame once, here and through a store for everybody."""

import contextlib
import hashlib

import numpy as np
import pytest
import torch
from PIL import Image

from ovi.errors import FirstFrameError
from ovi.pipeline import load_pipeline
from ovi.spec.geometry import FrameSize
from ovi.spec.placement import Placement
from ovi.spec.request import (
    ClipRequest,
    Guidance,
    ImageFile,
    Precision,
    Sampling,
    TransformerPrecision,
)
from ovi.weights.manifest import MODEL_NAMES

FP32 = Precision(TransformerPrecision.FP32, TransformerPrecision.FP32)
WEIGHTS = dict.fromkeys(MODEL_NAMES, "some weights")
SIZE = FrameSize(32, 64)


class MemoryStore(dict):
    """A store for several pipelines of one test."""

    read = dict.get
    write = dict.__setitem__

    @contextlib.contextmanager
    def making(self, keys):  # noqa: ARG002
        yield


def pipeline(store=None, weights=WEIGHTS):
    return load_pipeline("nano", FP32, Placement(device="cpu"), None, weights=weights, store=store)


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "frame.png"
    Image.fromarray(np.random.default_rng(1).integers(0, 255, (40, 70, 3), np.uint8)).save(path)
    return path


def test_negatives_and_repeated_texts_are_encoded_once(monkeypatch):
    loaded = pipeline()
    visits = []
    on_device = type(loaded.models).on_device
    monkeypatch.setattr(
        type(loaded.models), "on_device", lambda *a: visits.append(a[1]) or on_device(*a)
    )
    first = loaded.encode_texts(["a cat", "", ""])
    assert visits == [loaded.models.text_encoder], "one visit for all that is new"
    again = loaded.encode_texts(["", "a cat"])
    assert len(visits) == 1
    assert torch.equal(first[0][0], again[1][0])
    loaded.encode_text("a dog")
    assert len(visits) == 2


def test_another_worker_takes_embeddings_and_latents_from_the_store(monkeypatch, picture):
    store = MemoryStore()
    first, second = pipeline(store), pipeline(store)
    pixels = np.array(Image.open(picture))
    made = first.encode_text("a cat"), first.encode_first_frame(pixels, SIZE)
    assert len(store) == 2
    monkeypatch.setattr(type(second.models), "on_device", pytest.fail)
    found = second.encode_text("a cat"), second.encode_first_frame(pixels, SIZE)
    assert torch.equal(made[0][0], found[0][0])
    assert made[0][1] == found[0][1]
    assert torch.equal(made[1], found[1])


def test_other_weights_another_size_and_another_picture_are_other_entries(picture):
    store = MemoryStore()
    pixels = np.array(Image.open(picture))
    pipeline(store).encode_text("a cat")
    pipeline(store, {**WEIGHTS, "text_encoder": "others"}).encode_text("a cat")
    assert len(store) == 2
    loaded = pipeline(store)
    loaded.encode_first_frame(pixels, SIZE)
    loaded.encode_first_frame(pixels, FrameSize(64, 32))
    loaded.encode_first_frame(255 - pixels, SIZE)
    assert len(store) == 5


def test_without_identities_of_weights_nothing_is_stored():
    store = MemoryStore()
    pipeline(store, None).encode_text("a cat")
    assert store == {}


def test_a_picture_that_changed_since_the_plan_is_refused(picture):
    sha256 = hashlib.sha256(picture.read_bytes()).hexdigest()
    request = ClipRequest(
        text="a cat",
        variant="nano",
        size=SIZE,
        first_frame=ImageFile(str(picture), sha256),
        sampling=Sampling(num_steps=1),
        guidance=Guidance(skip_layer=None),
        precision=FP32,
    )
    loaded = pipeline()
    assert loaded.render(request).latents_sha256
    Image.open(picture).rotate(180).save(picture)
    with pytest.raises(FirstFrameError, match="has changed since the clip was planned"):
        loaded.render(request)


def test_on_a_cpu_nothing_is_encoded_ahead(monkeypatch):
    loaded = pipeline()
    monkeypatch.setattr(loaded, "encode_texts", pytest.fail)
    loaded.encode_ahead(ClipRequest(text="a cat", variant="nano", size=SIZE))
