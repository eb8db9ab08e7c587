"""A clip that was watched is the clip that was not, bit for bit, and what was seen resembles it."""

import hashlib

import numpy as np
import pytest
import torch
from PIL import Image

from ovi.denoise import denoise
from ovi.preview import watch_preview
from ovi.preview.fitting import shrink_frames
from ovi.preview.maps import map_path
from ovi.preview.watch import PreviewWatch
from ovi.solvers import solver_for
from ovi.spec.geometry import FrameSize
from ovi.spec.request import ClipRequest, ImageFile, Precision, Sampling
from ovi.spec.variants import NANO, VARIANTS
from ovi.types import Latents
from ovi.weights.manifest import MODEL_NAMES
from ovi.weights.store import weight_identities
from tests.engine.parallel.pipelines import load, precision_of, request_of


@pytest.fixture(scope="module")
def pipeline():
    return load(1)


def watched(pipeline, request, seconds=0.0):
    """The clip's stream, and what was drawn of it."""
    drawn = []
    weights = weight_identities(NANO, Precision(), None)
    watch = watch_preview("nano", None, weights, drawn.append, seconds)
    stream = pipeline.render(request, on_estimate=watch)
    watch.close()
    return stream, drawn


def test_a_watched_clip_has_the_same_latents_and_pixels(pipeline, capsys):
    """Also when the preview breaks."""
    request = request_of()
    plain = pipeline.render(request)
    frames = np.concatenate(list(plain.frames))
    stream, drawn = watched(pipeline, request)
    assert drawn[-1].step == 2
    assert stream.latents_sha256 == plain.latents_sha256
    np.testing.assert_array_equal(stream.waveform, plain.waveform)
    np.testing.assert_array_equal(np.concatenate(list(stream.frames)), frames)

    def fail(_):
        raise ZeroDivisionError

    watch = PreviewWatch(None, fail, pixels_per_latent=1, seconds=0.0)
    stream = pipeline.render(request, on_estimate=watch)
    watch.close()
    assert stream.latents_sha256 == plain.latents_sha256
    assert "No preview" in capsys.readouterr().err


def test_the_map_that_ships_shows_the_clip_in_its_own_colours(pipeline):
    """Against another prompt's clip too, so that a mean picture would not pass."""
    texts = ("The wall is blue. A red ball rolls to the right.", "The wall is orange. A green box.")
    shown, true = [], []
    for text in texts:
        request = ClipRequest(
            text=f"{text} Audio: a thud.",
            variant="nano",
            size=FrameSize(64, 64),
            sampling=Sampling(num_steps=5),
            precision=precision_of(),
        )
        stream, drawn = watched(pipeline, request)
        assert drawn[-1].is_calibrated
        shown.append(torch.from_numpy(drawn[-1].frames).permute(0, 3, 1, 2) / 255)
        frames = torch.from_numpy(np.concatenate(list(stream.frames)))
        true.append(shrink_frames(frames.permute(3, 0, 1, 2) / 255, 8))
    assert shown[0].shape == true[0].shape

    def psnr(one, other):
        return float(-10 * torch.log10((one - other).square().mean()))

    for index in (0, 1):
        assert psnr(shown[index], true[index]) > 15
        assert psnr(shown[index], true[index]) > psnr(shown[index], true[1 - index]) + 3


def test_a_given_first_frame_is_the_first_of_every_preview(pipeline, tmp_path):
    path = tmp_path / "frame.png"
    picture = np.zeros((64, 96, 3), np.uint8)
    picture[:, :48, 0] = 220
    Image.fromarray(picture).save(path)
    image = ImageFile(str(path), hashlib.sha256(path.read_bytes()).hexdigest())
    request = ClipRequest(
        text="A red wall. Audio: silence.",
        variant="nano",
        size=FrameSize(64, 96),
        sampling=Sampling(num_steps=2),
        precision=precision_of(),
        first_frame=image,
    )
    latent = pipeline.encode_first_frame(picture, request.size)
    seen = []
    pipeline.render(request, on_estimate=lambda *told: seen.append(told[2].video[:, :, :1]))
    assert [torch.equal(first, latent) for first in seen] == [True, True]


def test_the_estimate_of_a_perfect_model_is_the_clip_at_every_step():
    clean = Latents(torch.randn(1, 4, 3, 2, 2), torch.randn(1, 5, 3))
    noise = Latents(torch.randn(1, 4, 3, 2, 2), torch.randn(1, 5, 3))
    seen = []
    denoise(
        lambda *_: (noise.video - clean.video, noise.audio - clean.audio),
        solver_for("euler", 4, 5.0),
        noise,
        on_estimate=lambda index, num_steps, told: seen.append((index, num_steps, told)),
    )
    assert [(index, num_steps) for index, num_steps, _ in seen] == [(i, 4) for i in range(4)]
    for _, _, told in seen[1:]:
        for ours, true in ((told.video, clean.video), (told.audio, clean.audio)):
            error = (ours - true).abs().max()
            assert error < 0.1, "euler sets out a little below sigma 1, so from elsewhere"


def test_no_identity_knows_of_the_map():
    assert map_path(NANO, None).is_file()
    assert set(weight_identities(NANO, Precision(), None)) == set(MODEL_NAMES)


def test_all_published_variants_share_one_map_beside_their_weights(tmp_path):
    published = [variant for variant in VARIANTS.values() if not variant.is_embedded]
    assert {map_path(variant, tmp_path) for variant in published} == {
        tmp_path / "preview.safetensors"
    }
