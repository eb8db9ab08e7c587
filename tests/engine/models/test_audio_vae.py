"""The audio VAE: published keys, folded weights, lengths, bounds, gradients; and its mel."""

import json
import math
from pathlib import Path

import pytest
import torch

from ovi.models.audio_vae.config import MMAUDIO_16K, AudioVaeConfig
from ovi.models.audio_vae.keys import fold_weight_norm, from_published
from ovi.models.audio_vae.layers import ACTIVATION_LIMIT, AttentionBlock, Level, merge, pixel_norm
from ovi.models.audio_vae.mel import log_mel, mel_basis
from ovi.models.audio_vae.model import AudioVae, transpose_latents

MANIFEST = Path(__file__).parents[2] / "fixtures" / "manifests" / "mmaudio_vae_v1-16.json"
SMALL = AudioVaeConfig(hidden_dim=8, num_res_blocks=1)


@pytest.fixture(scope="module")
def manifest():
    return json.loads(MANIFEST.read_text())


@pytest.fixture
def vae():
    torch.manual_seed(0)
    return AudioVae(SMALL)


def meta_state(manifest):
    return {
        name: torch.empty(entry["shape"], device="meta")
        for name, entry in manifest["tensors"].items()
    }


# The published model


def test_published_config_has_the_manifest_values(manifest):
    published = manifest["config"]
    assert MMAUDIO_16K.mel_bands == published["data_dim"]
    assert MMAUDIO_16K.latent_channels == published["embed_dim"]
    assert MMAUDIO_16K.hidden_dim == published["hidden_dim"]
    assert list(MMAUDIO_16K.dim_mult) == published["ch_mult"]
    assert MMAUDIO_16K.num_res_blocks == published["num_res_blocks"]
    assert list(MMAUDIO_16K.downsample_levels) == published["down_layers"]
    assert published["clip_act"] == ACTIVATION_LIMIT


def test_every_published_key_and_shape_fits_the_full_size_model(manifest):
    state = from_published(meta_state(manifest), MMAUDIO_16K)
    with torch.device("meta"):
        model = AudioVae(MMAUDIO_16K)
    model.load_state_dict(state, assign=True, strict=True)
    assert len(state) == manifest["number_of_tensors"]
    assert sum(p.numel() for p in model.parameters()) == manifest["total_parameters"]


def test_unknown_keys_pass_through_unchanged():
    unknown = {
        "encoder.mid.block_3.conv1.weight": torch.ones(2, 2, 3),
        "encoder.mid.block_1.conv9.weight": torch.ones(2, 2, 3),
        "decoder.conv_in.bias": torch.ones(2),
    }
    passed = from_published(unknown, SMALL)
    assert passed.keys() == unknown.keys()
    assert all(passed[name] is tensor for name, tensor in unknown.items())


def test_our_own_keys_pass_through_unchanged(vae):
    state = vae.state_dict()
    passed = from_published(state, SMALL)
    assert passed.keys() == state.keys()
    assert all(passed[name] is tensor for name, tensor in state.items())


def test_published_attention_inside_a_level_has_a_place():
    config = AudioVaeConfig(hidden_dim=8, num_res_blocks=1, attention_levels=(1,))
    model = AudioVae(config)
    published = {"decoder.up.1.attn.1.qkv.weight": torch.ones(48, 16, 1)}
    (name,) = from_published(published, config)
    assert name in model.state_dict()
    assert model.decode(torch.randn(1, 20, 3)).shape == (1, 80, 6)


# Folded weights


def test_fold_follows_the_formula():
    weight = torch.randn(5, 4, 3) * torch.tensor([1e-4, 0.1, 1.0, 10.0, 1e3])[:, None, None]
    rows = weight.double().flatten(1)
    expected = rows / (1e-4 + (rows**2).mean(1, keepdim=True).sqrt()) / math.sqrt(12)
    folded = fold_weight_norm(weight)
    torch.testing.assert_close(folded.double().flatten(1), expected, rtol=1e-6, atol=0)


def test_fold_is_in_float32_whatever_the_file_holds():
    weight = torch.randn(5, 4, 3).bfloat16()
    folded = fold_weight_norm(weight)
    assert folded.dtype == torch.float32
    torch.testing.assert_close(folded, fold_weight_norm(weight.float()))


def test_fold_does_not_depend_on_the_size_of_the_raw_weight():
    weight = torch.randn(6, 4, 3)
    torch.testing.assert_close(
        fold_weight_norm(7 * weight), fold_weight_norm(weight), rtol=1e-3, atol=0
    )


def test_merge_of_unrelated_noise_keeps_its_size():
    torch.manual_seed(0)
    merged = merge(torch.randn(100_000), torch.randn(100_000))
    assert merged.std().item() == pytest.approx(1.0, abs=0.01)


def test_pixel_norm_gives_unit_vectors_along_channels():
    x = 50 * torch.randn(2, 6, 9)
    size = pixel_norm(x).square().mean(dim=1).sqrt()
    torch.testing.assert_close(size, torch.ones(2, 9), rtol=1e-4, atol=0)


def test_attention_reads_interleaved_queries_keys_and_values():
    """One channel group at a time, by the definition, with the projection's rows in threes."""
    torch.manual_seed(0)
    block = AttentionBlock(4)
    x = torch.randn(1, 4, 5)
    rows = block.query_key_value.weight[:, :, 0]
    query, key, value = (pixel_norm((rows[i::3] @ x[0])[None])[0] for i in range(3))
    weights = torch.softmax(query.T @ key / math.sqrt(4), dim=-1)
    expected = merge(x, (block.output.weight[:, :, 0] @ (weights @ value.T).T)[None])
    torch.testing.assert_close(block(x), expected)


# Lengths, layout and bounds


@pytest.mark.parametrize("length", [1, 5, 31])
def test_decode_gives_two_mel_frames_per_latent(vae, length):
    assert vae.decode(torch.randn(2, 20, length)).shape == (2, 80, 2 * length)


@pytest.mark.parametrize(("frames", "length"), [(2, 1), (10, 5), (33, 16)])
def test_encode_halves_time_and_drops_an_odd_frame(vae, frames, length):
    mean, logvar = vae.encode(torch.randn(2, 80, frames))
    assert mean.shape == logvar.shape == (2, 20, length)


@pytest.mark.parametrize(("levels", "factor"), [((), 1), ((1,), 2), ((0, 1), 4)])
def test_downsample_levels_set_the_length_in_both_directions(levels, factor):
    config = AudioVaeConfig(hidden_dim=8, num_res_blocks=1, downsample_levels=levels)
    vae = AudioVae(config)
    assert config.frames_per_latent == factor
    assert config.samples_per_latent == factor * 256
    assert vae.encode(torch.randn(1, 80, 8)).mean.shape[-1] == 8 // factor
    assert vae.decode(torch.randn(1, 20, 3)).shape[-1] == 3 * factor


def test_transposing_latents_twice_gives_them_back():
    latents = torch.randn(2, 7, 20)
    assert transpose_latents(latents).shape == (2, 20, 7)
    assert torch.equal(transpose_latents(transpose_latents(latents)), latents)


def test_decode_restores_the_mel_statistics(vae):
    latents = torch.randn(1, 20, 4)
    mean = torch.tensor(SMALL.mel_mean)[:, None]
    std = torch.tensor(SMALL.mel_std)[:, None]
    expected = vae.decode_normalised(latents) * std + mean
    torch.testing.assert_close(vae.decode(latents), expected)


def test_encode_removes_the_mel_statistics(vae):
    """A mel at its mean is nothing but zeros to the encoder, which has no biases."""
    mel = torch.tensor(SMALL.mel_mean)[None, :, None].expand(1, 80, 6)
    assert torch.equal(vae.encode(mel).mean, torch.zeros(1, 20, 3))


def test_logvar_stays_in_its_range(vae):
    with torch.no_grad():
        vae.encoder.output.gain.fill_(1e4)
    logvar = vae.encode(torch.randn(1, 80, 40)).logvar
    assert logvar.min() == -30
    assert logvar.max() == 20


def test_activations_stay_in_their_bounds():
    torch.manual_seed(0)
    level = Level(8, 8, 1, has_attention=False)
    with torch.no_grad():
        level.blocks[0].conv_out.weight.mul_(1e6)
    assert level(torch.randn(1, 8, 20)).abs().max() == 256


def test_random_weights_give_a_mel_of_the_right_size(vae):
    """Without a checkpoint the decoder starts near unit size, as its layers are built to."""
    size = vae.decode_normalised(torch.randn(4, 20, 100)).std().item()
    assert 0.3 < size < 3.0


def test_bfloat16_runs_and_stays_bfloat16(vae):
    vae = vae.bfloat16()
    mel = vae.decode(torch.randn(1, 20, 4).bfloat16())
    mean, logvar = vae.encode(mel)
    assert mel.dtype == mean.dtype == logvar.dtype == torch.bfloat16
    assert mel.isfinite().all()


def test_gradients_reach_every_parameter(vae):
    mel = vae.decode(torch.randn(1, 20, 6))
    mean, logvar = vae.encode(mel)
    (mean.square().mean() + logvar.square().mean()).backward()
    assert all(bool(p.grad.isfinite().all()) for p in vae.parameters())
    assert all(bool(p.grad.any()) for p in vae.parameters())


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"downsample_levels": (2,)}, "must lie in 0..1"),
        ({"downsample_levels": (-1,)}, "must lie in 0..1"),
        ({"hop_length": 255}, "hop_length 255"),
        ({"hop_length": 2048}, "hop_length 2048"),
        ({"max_frequency": 9000.0}, "max_frequency 9000.0"),
        ({"min_frequency": 8000.0}, "min_frequency 8000.0"),
        ({"mel_bands": 40}, "80 values for 40 mel bands"),
        ({"mel_std": (1.0, 2.0)}, "mel_std has 2 values"),
    ],
)
def test_config_refuses_numbers_that_do_not_fit(wrong, named):
    with pytest.raises(ValueError, match=named):
        AudioVaeConfig(**wrong)


# The mel spectrogram


def sine(frequency, num_samples=8192, amplitude=0.5):
    time = torch.arange(num_samples) / 16000
    return amplitude * torch.sin(2 * math.pi * frequency * time)[None]


@pytest.mark.parametrize(
    ("frequency", "band"),
    [(200.0, 4), (440.0, 11), (1000.0, 26), (4000.0, 62), (5500.0, 70)],
)
def test_a_sine_peaks_in_its_band(frequency, band):
    """The band whose centre, (i + 1) * 45.245 / 81 mels, is nearest by Slaney's scale."""
    mel = log_mel(sine(frequency), MMAUDIO_16K)
    assert mel.mean(dim=-1).argmax().item() == band


def test_silence_is_minus_five_everywhere():
    mel = log_mel(torch.zeros(1, 4096), MMAUDIO_16K)
    torch.testing.assert_close(mel, torch.full((1, 80, 16), -5.0))


def test_samples_beyond_full_scale_are_clamped():
    loud = 3 * sine(440.0)
    mel = log_mel(loud, MMAUDIO_16K)
    assert torch.equal(mel, log_mel(loud.clamp(-1, 1), MMAUDIO_16K))
    assert not torch.allclose(mel, log_mel(loud / 3, MMAUDIO_16K), atol=0.1)


def test_ten_times_the_amplitude_is_one_more():
    quiet, loud = (log_mel(sine(1000.0, amplitude=a), MMAUDIO_16K)[0, 26] for a in (0.05, 0.5))
    torch.testing.assert_close(loud - quiet, torch.ones_like(loud), rtol=0, atol=1e-3)


@pytest.mark.parametrize("num_samples", [385, 4096, 5000, 16000])
def test_frames_are_whole_hops(num_samples):
    mel = log_mel(torch.randn(2, num_samples), MMAUDIO_16K)
    assert mel.shape == (2, 80, num_samples // 256)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_mel_is_float32_from_any_dtype(dtype):
    waveform = sine(440.0).to(dtype)
    mel = log_mel(waveform, MMAUDIO_16K)
    assert mel.dtype == torch.float32
    torch.testing.assert_close(mel, log_mel(waveform.float(), MMAUDIO_16K))


@pytest.mark.parametrize("shape", [(1, 384), (4096,)])
def test_a_waveform_too_short_or_without_batch_is_refused(shape):
    with pytest.raises(ValueError, match="at least 385 samples"):
        log_mel(torch.zeros(shape), MMAUDIO_16K)


def test_bands_have_unit_area_and_reach_half_the_sample_rate():
    basis = mel_basis(AudioVaeConfig(n_fft=65536))
    areas = basis.sum(dim=1) * (16000 / 65536)
    torch.testing.assert_close(areas, torch.ones(80), rtol=1e-3, atol=0)
    lowest, highest = basis[0].nonzero(), basis[-1].nonzero()
    assert lowest.min() == 1
    assert highest.max() == 32767


def test_gradients_of_silence_are_finite():
    waveform = torch.zeros(1, 2048, requires_grad=True)
    (log_mel(waveform, MMAUDIO_16K) * torch.randn(80, 8)).sum().backward()
    assert waveform.grad.isfinite().all()


def test_gradients_reach_the_waveform():
    waveform = sine(440.0, 2048).requires_grad_()
    log_mel(waveform, MMAUDIO_16K).sum().backward()
    assert waveform.grad.isfinite().all()
    assert waveform.grad.any()
