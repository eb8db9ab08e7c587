"""The map from latents to pictures and sound: fitted, kept, and made up where nobody fitted it."""

import json
import os
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file

from ovi.errors import WeightsError
from ovi.preview.fitting import LeastSquares, MapFit, shrink_frames
from ovi.preview.latent_map import (
    AUDIO_REACH,
    VIDEO_CELLS,
    LatentMap,
    audio_features,
    load_map,
    uncalibrated_map,
    video_features,
)

CHANNELS, SOUNDS, SIDE, BANDS = 6, 4, 2, 5
WEIGHTS = {"video_vae": "sha256:1", "audio_vae": "sha256:2"}


def some_map(seed=0):
    """A map with numbers of its own, small enough that no picture is cut off."""
    draw = torch.Generator().manual_seed(seed)

    def numbers(*shape):
        return torch.randn(*shape, generator=draw)

    inputs, outputs = VIDEO_CELLS * CHANNELS, 3 * SIDE**2
    return LatentMap(
        video_weight=0.01 * numbers(2, inputs, outputs),
        video_bias=0.5 + 0.02 * numbers(2, outputs),
        audio_weight=numbers((2 * AUDIO_REACH + 1) * SOUNDS, 2 * BANDS),
        audio_bias=numbers(2 * BANDS),
        pixels_per_latent=SIDE,
        mel_bands=BANDS,
        weights=WEIGHTS,
    )


def latents(seed, frames=4, height=5, width=6):
    draw = torch.Generator().manual_seed(seed)
    video = torch.randn(CHANNELS, frames, height, width, generator=draw)
    return video, torch.randn(30, SOUNDS, generator=draw)


def test_least_squares_finds_a_known_map_again_and_ignores_the_order():
    draw = torch.Generator().manual_seed(1)
    weight, bias = torch.randn(7, 3, generator=draw), torch.randn(3, generator=draw)
    sums = LeastSquares()
    for size in (50, 3, 200):
        features = 30 * torch.randn(size, 7, generator=draw)
        sums.add(features, features @ weight + bias)
    found_weight, found_bias = sums.solve()
    torch.testing.assert_close(found_weight, weight, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(found_bias, bias, rtol=1e-4, atol=1e-4)


def test_a_map_is_found_again_from_the_clips_it_draws():
    wanted, fit = some_map(), MapFit(SIDE)
    for seed in range(30):
        video, audio = latents(seed)
        pictures = wanted.frames_of(video)
        large = pictures.repeat_interleave(8, 2).repeat_interleave(8, 3)  # 2 pixels a cell to 16
        frames = torch.cat([large[:1], large[1:].repeat_interleave(4, 0)]).transpose(0, 1)
        fit.add_video(video, frames)
        fit.add_audio(audio, wanted.mel_of(audio))
    found = fit.solve(WEIGHTS)
    video, audio = latents(99)
    torch.testing.assert_close(found.frames_of(video), wanted.frames_of(video), atol=2e-3, rtol=0)
    torch.testing.assert_close(found.mel_of(audio), wanted.mel_of(audio), atol=0.05, rtol=0)
    assert found.is_calibrated


def test_a_shrunk_picture_is_the_mean_of_what_it_covers():
    frames = torch.rand(3, 9, 32, 48)
    shrunk = shrink_frames(frames, 4)
    assert shrunk.shape == (3, 3, 8, 12)
    torch.testing.assert_close(shrunk[0, :, 0, 0], frames[:, 0, :4, :4].mean((1, 2)))
    torch.testing.assert_close(shrunk[2, :, 1, 2], frames[:, 5:9, 4:8, 8:12].mean((1, 2, 3)))


def test_a_cell_is_drawn_from_its_neighbours_in_space_and_time():
    video = torch.arange(3 * 4 * 5, dtype=torch.float32).view(1, 3, 4, 5)
    features = video_features(video, 1).view(4, 5, VIDEO_CELLS)
    around = video[0, 1, 1:4, 1:4].flatten()
    torch.testing.assert_close(features[2, 2, :9], around)
    assert features[2, 2, 9:].tolist() == [video[0, 0, 2, 2], video[0, 2, 2, 2]]
    corner = features[0, 0]
    assert corner[0] == corner[4] == video[0, 1, 0, 0], "beyond an edge: the cell at the edge"
    assert video_features(video, 0).view(4, 5, -1)[2, 2, 9] == video[0, 0, 2, 2]


def test_sound_is_drawn_from_its_neighbours_in_time():
    audio = torch.arange(10.0)[:, None] + torch.tensor([0.0, 100.0])
    features = audio_features(audio).view(10, 2 * AUDIO_REACH + 1, 2)
    assert features[5, :, 0].tolist() == [2, 3, 4, 5, 6, 7, 8]
    assert features[0, :, 1].tolist() == [100, 100, 100, 100, 101, 102, 103]


def test_a_file_gives_the_map_back_to_the_weights_it_was_fitted_to(tmp_path):
    path = tmp_path / "preview.safetensors"
    wanted = some_map()
    wanted.save(path)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    assert path.stat().st_mode & 0o044 == 0o044, "others may read it"
    found = load_map(path, {**WEIGHTS, "fusion": "sha256:3"})
    video, audio = latents(1)
    torch.testing.assert_close(found.frames_of(video), wanted.frames_of(video), atol=5e-3, rtol=0)
    torch.testing.assert_close(found.mel_of(audio), wanted.mel_of(audio), atol=5e-2, rtol=1e-2)
    assert load_map(path, {**WEIGHTS, "audio_vae": "sha256:9"}) is None, "other weights"
    assert load_map(path, {}) is None


@pytest.mark.parametrize("damage", ["missing", "empty", "text", "no numbers", "other format"])
def test_a_file_that_is_no_map_counts_as_none(tmp_path, damage):
    path = tmp_path / "preview.safetensors"
    if damage == "empty":
        path.write_bytes(b"")
    elif damage == "text":
        path.write_text("hello " * 100)
    elif damage == "no numbers":
        about = {"weights": json.dumps(WEIGHTS), "format": "2"}
        save_file({"other": torch.zeros(1)}, path, about)
    elif damage == "other format":
        some_map().save(path)
        about = {"weights": json.dumps(WEIGHTS), "format": "0"}
        save_file(load_file(path), path, about)
    assert load_map(path, WEIGHTS) is None


@pytest.mark.skipif(os.name == "nt", reason="folders that refuse writing are a matter of POSIX")
def test_a_map_that_cannot_be_written_is_told_of(tmp_path):
    with pytest.raises(WeightsError, match="--output"):
        some_map().save(tmp_path / "nowhere" / "preview.safetensors")


def test_an_uncalibrated_map_shows_shapes_at_an_even_contrast():
    """Two halves that differ in their latents differ in the picture, however loud the latents."""
    draw = torch.Generator().manual_seed(3)
    video = 0.1 * torch.randn(48, 3, 6, 8, generator=draw)
    video[:, :, :, 4:] += torch.randn(48, 1, 1, 1, generator=draw)
    audio = torch.randn(20, 20, generator=draw)
    made = uncalibrated_map(video, audio, 4)
    assert not made.is_calibrated
    for scale in (1, 40):
        pictures = made.frames_of(scale * video)
        assert pictures.shape == (3, 3, 24, 32)
        assert 0.1 < pictures.std() < 0.3
        red = pictures[:, 0]
        assert (red[..., :16].mean() - red[..., 16:].mean()).abs() > 0.3
    assert made.mel_of(audio).shape == (20, 20)


def test_a_map_without_weights_is_not_calibrated():
    assert some_map().is_calibrated
    assert not replace(some_map(), weights={}).is_calibrated
