"""The video VAE: published keys, shapes, pieces of a clip, causality, precision, gradients."""

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from ovi.models.video_vae.config import WAN22, VideoVaeConfig
from ovi.models.video_vae.history import CausalHistory
from ovi.models.video_vae.keys import from_published
from ovi.models.video_vae.layers import CausalConv3d, ChannelNorm
from ovi.models.video_vae.model import VideoVae
from ovi.models.video_vae.resample import (
    average_down,
    fit_channels,
    fold_patches,
    repeat_up,
    unfold_patches,
)
from tests.engine.golden.cases import DEFAULT_DIR, read_cases

MANIFEST = Path(__file__).parents[2] / "fixtures" / "manifests" / "wan2.2_vae.json"
SMALL = VideoVaeConfig(
    encoder_dim=4,
    decoder_dim=4,
    latent_channels=3,
    num_res_blocks=1,
    latent_mean=(0.1, -0.2, 0.3),
    latent_std=(0.5, 1.0, 2.0),
)


@pytest.fixture(scope="module")
def manifest():
    return json.loads(MANIFEST.read_text())


@pytest.fixture
def vae():
    """A small model in float64, so that the order of additions does not show."""
    torch.manual_seed(0)
    return VideoVae(SMALL).double()


@pytest.fixture
def latents():
    return torch.randn(1, 3, 5, 2, 1, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def frames():
    return torch.rand(1, 3, 17, 32, 16, generator=torch.Generator().manual_seed(2)) * 2 - 1


# The published model


def test_published_config_has_the_manifest_values(manifest):
    published = manifest["config"]
    assert WAN22.encoder_dim == published["dim"]
    assert WAN22.decoder_dim == published["dec_dim"]
    assert WAN22.latent_channels == published["z_dim"]
    assert list(WAN22.dim_mult) == published["dim_mult"]
    assert WAN22.num_res_blocks == published["num_res_blocks"]
    assert list(WAN22.temporal_downsample) == published["temperal_downsample"]
    assert (WAN22.spatial_factor, WAN22.temporal_factor) == (16, 4)


def test_published_latent_scale_is_the_one_recorded_from_the_published_model():
    scales = [c.tensors for c in read_cases(DEFAULT_DIR) if c.kind.startswith("vae22")]
    assert scales
    for tensors in scales:
        assert torch.equal(torch.tensor(WAN22.latent_mean), tensors["scale.mean"])
        assert torch.equal(1 / torch.tensor(WAN22.latent_std), tensors["scale.inv_std"])


def test_every_published_key_and_shape_fits_the_full_size_model(manifest):
    published = {
        name: torch.empty(entry["shape"], device="meta")
        for name, entry in manifest["tensors"].items()
    }
    with torch.device("meta"):
        model = VideoVae(WAN22)
    model.load_state_dict(from_published(published, WAN22), assign=True)
    assert len(published) == manifest["number_of_tensors"]
    assert sum(p.numel() for p in model.parameters()) == manifest["total_parameters"]


@pytest.mark.parametrize(
    "key", ["extra.weight", "encoder.conv1.scale", "decoder.upsamples.0.upsamples.4.time_conv.bias"]
)
def test_an_unknown_key_keeps_the_name_it_has_in_the_file(key):
    assert list(from_published({key: torch.zeros(1)}, WAN22)) == [key]


def test_own_keys_pass_through(vae):
    state = vae.state_dict()
    assert from_published(state, SMALL).keys() == state.keys()


# Sizes


@pytest.mark.parametrize(
    "config",
    [
        VideoVaeConfig(encoder_dim=12, decoder_dim=20),
        VideoVaeConfig(encoder_dim=12, decoder_dim=20, dim_mult=(1, 2, 3, 3), num_res_blocks=1),
        VideoVaeConfig(
            encoder_dim=8,
            decoder_dim=8,
            dim_mult=(1, 2, 2),
            num_res_blocks=1,
            temporal_downsample=(True, False),
        ),
    ],
    ids=["nano", "widths that do not divide", "three stages"],
)
def test_shapes_follow_the_config(config):
    vae, side, step = VideoVae(config), config.spatial_factor, config.temporal_factor
    with torch.no_grad():
        latents = vae.encode(torch.zeros(2, 3, 1 + 2 * step, 2 * side, side))
        frames = vae.decode(latents)
    assert latents.shape == (2, config.latent_channels, 3, 2, 1)
    assert frames.shape == (2, 3, 1 + 2 * step, 2 * side, side)
    assert latents.dtype == frames.dtype == torch.float32


def test_a_single_frame_goes_there_and_back(vae):
    latents = vae.encode(torch.zeros(1, 3, 1, 16, 32))
    assert latents.shape == (1, 3, 1, 1, 2)
    assert vae.decode(latents).shape == (1, 3, 1, 16, 32)


def test_frames_that_do_not_fill_a_latent_are_dropped(vae, frames):
    whole = vae.encode(frames[:, :, :9])
    assert whole.shape[2] == 3
    for num_frames in (10, 11, 12):
        assert torch.equal(vae.encode(frames[:, :, :num_frames]), whole)


@pytest.mark.parametrize("shape", [(1, 3, 0, 16, 16), (1, 3, 1, 24, 16), (1, 3, 1, 16, 8)])
def test_frames_of_an_impossible_size_are_refused(vae, shape):
    with pytest.raises(ValueError, match="divide by 16"):
        vae.encode(torch.zeros(shape))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"decoder_dim": 0}, "at least 1"),
        ({"dim_mult": (1, 2, 4)}, "temporal_downsample"),
        ({"latent_channels": 4}, "latent_mean"),
        ({"latent_std": (1.0,)}, "latent_std"),
        ({"latent_std": (1.0, 0.0, 1.0)}, "positive"),
    ],
)
def test_numbers_that_do_not_fit_together_are_refused(change, message):
    fitting = {
        "latent_channels": 3,
        "latent_mean": SMALL.latent_mean,
        "latent_std": SMALL.latent_std,
    }
    with pytest.raises(ValueError, match=message):
        VideoVaeConfig(**{**fitting, **change})


# Pieces of a clip


@pytest.mark.parametrize(("step", "lengths"), [(1, [1, 4, 4, 4, 4]), (2, [5, 8, 4]), (5, [17])])
def test_the_stream_is_the_decoded_clip_in_pieces(vae, latents, step, lengths):
    pieces = list(vae.decode_stream(latents, latents_per_step=step))
    assert [piece.shape[2] for piece in pieces] == lengths
    torch.testing.assert_close(torch.cat(pieces, dim=2), vae.decode(latents), atol=1e-6, rtol=0)


@pytest.mark.parametrize("step", [2, 3, 5, 9])
def test_latents_per_step_changes_no_result(vae, latents, frames, step):
    decoded = vae.decode(latents, latents_per_step=step, clamp=False)
    torch.testing.assert_close(decoded, vae.decode(latents, clamp=False), atol=1e-6, rtol=0)
    encoded = vae.encode(frames, latents_per_step=step)
    torch.testing.assert_close(encoded, vae.encode(frames), atol=1e-6, rtol=0)


def test_only_clamp_limits_the_frames(vae, latents):
    with torch.no_grad():
        vae.decoder.output.weight *= 1e3
    free = vae.decode(latents, clamp=False)
    assert free.abs().max() > 1
    assert torch.equal(vae.decode(latents), free.clamp(-1, 1))


@pytest.mark.parametrize("half", ["encoder", "decoder"])
def test_memory_between_pieces_does_not_grow(vae, latents, frames, half):
    if half == "decoder":
        pieces = latents.split(1, dim=2)
    else:
        pieces = frames.tensor_split([1, 5, 9, 13], dim=2)
    history, held = CausalHistory(), []
    with torch.no_grad():
        for piece in pieces:
            getattr(vae, half)(piece.double(), history)
            held.append(sum(t.untyped_storage().nbytes() for t in history._frames.values()))
    # The first piece has no frames for the time convolutions of the upsampling yet.
    assert len(set(held[1:])) == 1
    assert held[1] == sum(t.numel() * t.element_size() for t in history._frames.values())


def test_clips_of_a_batch_do_not_mix(vae, latents, frames):
    both_latents = torch.cat([latents, latents.flip(2)])
    both_frames = torch.cat([frames, frames.flip(2)])
    decoded, encoded = vae.decode(both_latents), vae.encode(both_frames)
    for row in (0, 1):
        alone = slice(row, row + 1)
        torch.testing.assert_close(decoded[alone], vae.decode(both_latents[alone]))
        torch.testing.assert_close(encoded[alone], vae.encode(both_frames[alone]))


# Causality


@pytest.mark.parametrize("changed", [1, 3, 4])
def test_a_latent_changes_no_frame_before_its_own(vae, latents, changed):
    other = latents.clone()
    other[:, :, changed] += 1
    # All at once, so that a layer that looks ahead has something to see.
    before, after = (vae.decode(z, latents_per_step=5, clamp=False) for z in (latents, other))
    first = 1 + 4 * (changed - 1)
    assert torch.equal(after[:, :, :first], before[:, :, :first])
    assert not torch.equal(after[:, :, first : first + 4], before[:, :, first : first + 4])


@pytest.mark.parametrize("changed", [1, 4, 5, 16])
def test_a_frame_changes_no_latent_before_its_own(vae, frames, changed):
    other = frames.clone()
    other[:, :, changed] *= -1
    before, after = (vae.encode(x, latents_per_step=5) for x in (frames, other))
    first = (changed + 3) // 4
    assert torch.equal(after[:, :, :first], before[:, :, :first])
    assert not torch.equal(after[:, :, first], before[:, :, first])


# Precision and gradients


def test_bfloat16_stays_close_and_keeps_the_latent_scale_exact(frames):
    torch.manual_seed(0)
    vae = VideoVae(SMALL)
    with torch.no_grad():
        latents = vae.encode(frames)
        decoded = vae.decode(latents, clamp=False)
        scaled = vae.normalize(latents)
        vae.bfloat16()
        assert torch.equal(vae.normalize(latents), scaled)
        pairs = [(vae.encode(frames), latents), (vae.decode(latents, clamp=False), decoded)]
    for rough, exact in pairs:
        assert rough.dtype == torch.float32
        # Eight significant bits, norms over as few as four channels, some twenty convolutions.
        assert 0 < (rough - exact).norm() < 0.05 * exact.norm()


def test_gradients_reach_every_parameter_and_the_input(vae, latents, frames):
    latents = latents.double().requires_grad_()
    vae.decode(latents, clamp=False).square().sum().backward()
    frames = frames.double().requires_grad_()
    vae.encode(frames).square().sum().backward()
    for name, parameter in vae.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name
    for given in (latents, frames):
        every_frame = given.grad.abs().sum(dim=(0, 1, 3, 4))
        assert (every_frame > 0).all()


def test_normalize_and_denormalize_undo_each_other(vae, latents):
    mean, std = (torch.tensor(v).view(3, 1, 1, 1) for v in (SMALL.latent_mean, SMALL.latent_std))
    torch.testing.assert_close(vae.normalize(latents), (latents - mean) / std)
    torch.testing.assert_close(vae.denormalize(vae.normalize(latents)), latents)


# Layers


@pytest.mark.parametrize(
    ("kernel", "time_stride"), [((3, 3, 3), 1), ((3, 1, 1), 1), ((3, 1, 1), 2), ((1, 1, 1), 1)]
)
def test_the_sum_over_taps_is_the_3d_convolution(kernel, time_stride):
    conv = CausalConv3d(3, 5, kernel, time_stride=time_stride).double()
    window = torch.randn(2, 7, 4, 6, 3, dtype=torch.float64)
    expected = nn.Conv3d.forward(conv, window.movedim(-1, 1)).movedim(1, -1)
    torch.testing.assert_close(conv.convolve(window), expected)


def test_channel_norm_scales_each_pixel_and_survives_black():
    norm = ChannelNorm(4)
    with torch.no_grad():
        norm.gamma.copy_(torch.tensor([1.0, 2.0, 3.0, 4.0]).view(4, 1, 1, 1))
    x = torch.tensor([[3.0, 0.0, 4.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
    expected = torch.tensor([[1.2, 0.0, 4.8, 0.0], [0.0, 0.0, 0.0, 0.0]])
    torch.testing.assert_close(norm(x), expected)


def test_patches_are_ordered_colour_column_row():
    frames = torch.arange(3 * 4 * 6).view(1, 3, 1, 4, 6)
    folded = fold_patches(frames)
    assert folded.shape == (1, 1, 2, 3, 12)
    for colour in range(3):
        for column in range(2):
            for row in range(2):
                plane = folded[0, 0, :, :, colour * 4 + column * 2 + row]
                assert torch.equal(plane, frames[0, colour, 0, row::2, column::2])
    assert torch.equal(unfold_patches(folded), frames)


def test_average_down_puts_a_zero_frame_before_an_odd_number():
    x = torch.ones(1, 3, 2, 2, 1)
    assert average_down(x, 1, 2, 2).flatten().tolist() == [0.5, 1.0]
    assert average_down(x[:, :2], 1, 2, 2).flatten().tolist() == [1.0]


def test_average_down_groups_channel_then_time_then_row_then_column():
    x = torch.arange(2 * 2 * 2 * 2.0).view(1, 2, 2, 2, 2)
    one_each = average_down(x, 16, 2, 2)
    assert torch.equal(one_each.flatten(), x.movedim(-1, 1).flatten())


def test_repeat_up_keeps_the_last_copy_of_the_first_frame():
    # Eight channels to one: each becomes one corner of a 2x2x2 block, time slowest.
    x = torch.arange(2 * 8.0).view(1, 2, 1, 1, 8)
    later = repeat_up(x, 1, 2, 2, is_start=False)
    assert torch.equal(later.flatten(), x.flatten())
    assert torch.equal(repeat_up(x, 1, 2, 2, is_start=True), later[:, 1:])


@pytest.mark.parametrize(
    ("channels", "expected"),
    [
        (2, [1.0, 3.0]),
        (8, [1.0, 1.0, 1.0, 1.0, 3.0, 3.0, 3.0, 3.0]),
        (3, [1.0, 2.0, 3.0]),
        (1, [2.0]),
    ],
)
def test_fit_channels_resizes_by_area(channels, expected):
    x = torch.tensor([1.0, 1.0, 3.0, 3.0])
    assert fit_channels(x, channels).tolist() == pytest.approx(expected)
