"""The vocoder: published keys, folded weights, the anti-aliased activation, lengths, gradients."""

import json
import math
from pathlib import Path

import pytest
import torch

from ovi.models.vocoder.activation import AntiAliasedSnake, kaiser_sinc_filter
from ovi.models.vocoder.config import BIGVGAN_16K, VocoderConfig
from ovi.models.vocoder.keys import fold_weight_norm, from_published
from ovi.models.vocoder.model import Vocoder

MANIFEST = Path(__file__).parents[2] / "fixtures" / "manifests" / "bigvgan_16k_best_netG.json"
SMALL = VocoderConfig(
    mel_bands=10,
    hop_length=8,
    initial_channels=16,
    upsample_rates=(4, 2),
    upsample_kernels=(8, 4),
    amp_kernels=(3, 5),
    amp_dilations=((1, 3), (1, 2)),
)


@pytest.fixture(scope="module")
def manifest():
    return json.loads(MANIFEST.read_text())


@pytest.fixture
def vocoder():
    torch.manual_seed(0)
    return Vocoder(SMALL)


def newer_name(name):
    name = name.replace("weight_g", "parametrizations.weight.original0")
    return name.replace("weight_v", "parametrizations.weight.original1")


# The published model


def test_published_config_has_the_manifest_values(manifest):
    published = manifest["config"]
    assert BIGVGAN_16K.mel_bands == published["num_mels"]
    assert BIGVGAN_16K.initial_channels == published["upsample_initial_channel"]
    assert list(BIGVGAN_16K.upsample_rates) == published["upsample_rates"]
    assert list(BIGVGAN_16K.upsample_kernels) == published["upsample_kernel_sizes"]
    assert list(BIGVGAN_16K.amp_kernels) == published["resblock_kernel_sizes"]
    assert [list(row) for row in BIGVGAN_16K.amp_dilations] == published["resblock_dilation_sizes"]


@pytest.mark.parametrize("rename", [str, newer_name], ids=["weight_g", "parametrizations"])
def test_every_published_key_and_shape_fits_the_full_size_model(manifest, rename):
    published = {
        rename(name): torch.empty(entry["shape"], device="meta")
        for name, entry in manifest["tensors"].items()
    }
    assert len(published) == manifest["number_of_tensors"]
    with torch.device("meta"):
        model = Vocoder(BIGVGAN_16K)
    model.load_state_dict(from_published(published, BIGVGAN_16K), assign=True, strict=True)
    folded = manifest["total_parameters_folded"]
    assert sum(p.numel() for p in model.parameters()) == folded


def test_unknown_keys_pass_through_unchanged():
    unknown = {
        "resblocks.0.convs3.0.bias": torch.ones(2),
        "conv_middle.weight": torch.ones(2, 2, 3),
        "conv_pre.weight_g": torch.ones(2, 1, 1),
        "conv_post.weight_v": torch.ones(2, 2, 3),
    }
    passed = from_published(unknown, SMALL)
    assert passed.keys() == unknown.keys()
    assert all(passed[name] is tensor for name, tensor in unknown.items())


def test_our_own_keys_pass_through_unchanged(vocoder):
    state = vocoder.state_dict()
    passed = from_published(state, SMALL)
    assert passed.keys() == state.keys()
    assert all(passed[name] is tensor for name, tensor in state.items())


def test_blocks_and_activations_land_in_stage_block_and_unit_order():
    published = {
        "resblocks.3.convs2.1.bias": torch.ones(1),
        "resblocks.2.activations.2.act.alpha": torch.ones(1),
        "resblocks.0.activations.3.downsample.lowpass.filter": torch.ones(1),
    }
    assert list(from_published(published, SMALL)) == [
        "stages.1.amp_blocks.1.1.plain_conv.bias",
        "stages.1.amp_blocks.0.1.dilated_activation.alpha",
        "stages.0.amp_blocks.0.1.plain_activation.down_filter",
    ]


# Folded weights


def test_folded_weight_has_length_g_and_direction_v():
    length, direction = torch.rand(6, 1, 1) + 0.5, torch.randn(6, 4, 3)
    weight = fold_weight_norm({"c.weight_g": length, "c.weight_v": direction})["c.weight"]
    torch.testing.assert_close(weight.flatten(1).norm(dim=1), length.flatten())
    cosine = torch.cosine_similarity(weight.flatten(1), direction.flatten(1))
    torch.testing.assert_close(cosine, torch.ones(6))


def test_fold_does_not_depend_on_the_length_of_v():
    length, direction = torch.rand(6, 1, 1), torch.randn(6, 4, 3)
    plain = fold_weight_norm({"c.weight_g": length, "c.weight_v": direction})
    scaled = fold_weight_norm({"c.weight_g": length, "c.weight_v": 40 * direction})
    torch.testing.assert_close(scaled["c.weight"], plain["c.weight"])


def test_fold_is_in_float32_whatever_the_file_holds():
    state = {
        "c.weight_g": torch.rand(6, 1, 1).bfloat16(),
        "c.weight_v": torch.randn(6, 4, 3).bfloat16(),
    }
    assert fold_weight_norm(state)["c.weight"].dtype == torch.float32


def test_fold_leaves_the_given_state_as_it_was():
    state = {"c.weight_g": torch.rand(6, 1, 1), "c.weight_v": torch.randn(6, 4, 3)}
    fold_weight_norm(state)
    assert set(state) == {"c.weight_g", "c.weight_v"}


# The activation


def test_filter_has_the_published_taps():
    """Recorded from the filters that the published model stores."""
    half = [0.00202896, 0.00938947, -0.02554346, -0.05765738, 0.12857258, 0.4432098]
    expected = torch.tensor(half + half[::-1])[None, None]
    torch.testing.assert_close(kaiser_sinc_filter(), expected, rtol=0, atol=1e-7)


def activate_by_definition(x, activation):
    """The same activation, one sample at a time in float64: doubled, bent, filtered, halved."""
    up = activation.up_filter.flatten().tolist()
    down = activation.down_filter.flatten().tolist()
    result = torch.zeros(x.shape, dtype=torch.float64)
    alphas, betas = activation.alpha.tolist(), activation.beta.tolist()
    for c, channel in enumerate(x.double().tolist()):
        frequency, magnitude = math.exp(alphas[c]), 1 / (math.exp(betas[c]) + 1e-9)
        last = len(channel) - 1
        bent = []
        for n in range(2 * len(channel)):
            # Output n collects tap k from input i wherever 2i + k = n + 5, ends held.
            taps = (k for k in range(12) if (n + 5 - k) % 2 == 0)
            value = sum(2 * up[k] * channel[min(max((n + 5 - k) // 2, 0), last)] for k in taps)
            bent.append(value + magnitude * math.sin(value * frequency) ** 2)
        for m in range(len(channel)):
            held = (bent[min(max(2 * m + k - 5, 0), len(bent) - 1)] for k in range(12))
            result[c, m] = sum(tap * value for tap, value in zip(down, held, strict=True))
    return result


@pytest.mark.parametrize("length", [1, 2, 7, 30])
def test_activation_follows_its_definition(length):
    torch.manual_seed(length)
    activation = AntiAliasedSnake(3)
    with torch.no_grad():
        for parameter in activation.parameters():
            parameter.normal_()
        # Uneven and unequal filters, so that neither order nor origin of the taps can be mixed up.
        activation.up_filter.add_(0.1 * torch.randn(12))
        activation.down_filter.add_(0.1 * torch.randn(12))
    x = torch.randn(3, length)
    expected = activate_by_definition(x, activation)
    torch.testing.assert_close(activation(x[None])[0].double(), expected, rtol=1e-5, atol=1e-5)


def test_a_constant_stays_constant_through_the_filters():
    activation = AntiAliasedSnake(2)
    x = torch.full((1, 2, 20), 0.7)
    expected = 0.7 + math.sin(0.7) ** 2 / (1 + 1e-9)
    torch.testing.assert_close(activation(x), torch.full((1, 2, 20), expected))


# Lengths, bounds, gradients


@pytest.mark.parametrize(
    ("rates", "kernels"), [((4, 2), (8, 4)), ((2, 4), (2, 6)), ((8,), (16,)), ((3, 5), (5, 9))]
)
def test_each_mel_frame_becomes_hop_length_samples(rates, kernels):
    config = VocoderConfig(
        mel_bands=10,
        hop_length=math.prod(rates),
        initial_channels=8,
        upsample_rates=rates,
        upsample_kernels=kernels,
    )
    waveform = Vocoder(config)(torch.randn(2, 10, 7))
    assert waveform.shape == (2, 1, 7 * math.prod(rates))


def test_waveform_stays_in_full_scale(vocoder):
    with torch.no_grad():
        vocoder.output.weight.mul_(1e4)
    waveform = vocoder(torch.randn(1, 10, 20))
    assert waveform.abs().max() == 1
    assert waveform.std() > 0.5


def test_amp_blocks_of_a_stage_are_averaged(vocoder):
    stage = vocoder.stages[0]
    x = torch.randn(1, 16, 5)
    upsampled = stage.upsample(x)
    expected = torch.stack([block(upsampled) for block in stage.amp_blocks]).mean(dim=0)
    torch.testing.assert_close(stage(x), expected)


def test_bfloat16_runs_and_stays_bfloat16(vocoder):
    waveform = vocoder.bfloat16()(torch.randn(1, 10, 8).bfloat16())
    assert waveform.dtype == torch.bfloat16
    assert waveform.isfinite().all()


def test_gradients_reach_every_parameter(vocoder):
    vocoder(torch.randn(1, 10, 6)).square().sum().backward()
    assert all(bool(p.grad.isfinite().all() and p.grad.any()) for p in vocoder.parameters())


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"hop_length": 128}, "hop_length is 128"),
        ({"upsample_kernels": (8, 8)}, "need as many upsample_kernels"),
        ({"upsample_kernels": (2, 8, 4, 4, 4, 4)}, "must each be at least"),
        ({"initial_channels": 96}, "cannot be halved 6 times"),
        ({"amp_dilations": ((1,),)}, "need as many tuples"),
        ({"amp_kernels": (3, 6, 11)}, "must all be odd"),
    ],
)
def test_config_refuses_numbers_that_do_not_fit(wrong, named):
    with pytest.raises(ValueError, match=named):
        VocoderConfig(**wrong)


def test_a_kernel_that_exceeds_its_rate_by_an_odd_number_gives_one_sample_more():
    config = VocoderConfig(
        hop_length=6, initial_channels=8, upsample_rates=(3, 2), upsample_kernels=(6, 4)
    )
    mel = torch.zeros(1, config.mel_bands, 5)
    with torch.inference_mode():
        assert Vocoder(config)(mel).shape == (1, 1, (5 * 3 + 1) * 2)
