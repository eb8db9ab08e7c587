"""The fusion transformer at toy size: its keys, its batch, its options and its seams."""

import gzip
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from ovi.models.fusion import OVI_11B, BackboneConfig, FusionConfig, FusionModel
from ovi.models.fusion.attention import set_attention
from ovi.models.fusion.block import run_fusion_block
from ovi.models.fusion.layers import add_gated, modulate
from ovi.models.fusion.model import skipped_block
from ovi.ops.attention import math_attention

MANIFEST = Path(__file__).parents[2] / "fixtures" / "manifests" / "ovi_fusion_11b.json.gz"

VIDEO = BackboneConfig(
    dim=24,
    num_heads=2,
    num_layers=3,
    ffn_dim=40,
    in_channels=4,
    out_channels=4,
    text_dim=10,
    text_len=6,
    patch_size=(1, 2, 2),
    freq_dim=16,
)
AUDIO = replace(VIDEO, in_channels=5, out_channels=5, patch_size=(1,), rope_time_scale=0.2)
TINY = FusionConfig(video=VIDEO, audio=AUDIO)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return FusionModel(TINY).requires_grad_(False).eval()


def inputs(batch=1, frames=3, height=4, width=6, audio_len=7, rows=4, dtype=torch.float32):
    """Arguments of one forward: video, audio, timestep, video text, audio text."""
    generator = torch.Generator().manual_seed(1)

    def randn(*shape):
        return torch.randn(*shape, generator=generator).to(dtype)

    return (
        randn(batch, 4, frames, height, width),
        randn(batch, audio_len, 5),
        torch.linspace(900.0, 100.0, batch),
        randn(batch, rows, 10),
        randn(batch, rows, 10),
    )


def assert_same(actual, expected, tolerance=1e-5):
    for one, other in zip(actual, expected, strict=True):
        torch.testing.assert_close(one, other, atol=tolerance, rtol=tolerance)


def differ(one, other):
    return all((a - b).abs().max() > 1e-3 for a, b in zip(one, other, strict=True))


def test_full_size_has_every_published_key_and_shape():
    with torch.device("meta"):
        model = FusionModel(OVI_11B)
    manifest = json.loads(gzip.decompress(MANIFEST.read_bytes()))
    ours = {name: list(tensor.shape) for name, tensor in model.state_dict().items()}
    assert ours == {name: entry["shape"] for name, entry in manifest["tensors"].items()}
    assert len(ours) == 2073
    assert sum(p.numel() for p in model.parameters()) == manifest["total_parameters"]


def test_forward_reads_no_value_back_from_the_device():
    # A meta tensor has no values: a host read anywhere in the forward would raise.
    with torch.device("meta"):
        model = FusionModel(TINY)
    video, audio, timestep, *text = (x.to("meta") for x in inputs())
    out = model(video, audio, timestep, *text, first_frame_is_clean=True, skip_layer=1)
    assert [x.shape for x in out] == [video.shape, audio.shape]


@pytest.mark.parametrize(
    "sizes",
    [
        {"frames": 1, "height": 2, "width": 2, "audio_len": 1, "rows": 1},
        {"frames": 5, "height": 6, "width": 2, "audio_len": 13, "rows": 6},
    ],
)
@pytest.mark.parametrize("clean", [False, True])
def test_any_length_keeps_its_shape(model, sizes, clean):
    video, audio, *rest = inputs(**sizes)
    out = model(video, audio, *rest, first_frame_is_clean=clean)
    assert [x.shape for x in out] == [video.shape, audio.shape]
    assert all(x.isfinite().all() for x in out)


@pytest.mark.parametrize("clean", [False, True])
def test_batch_of_two_equals_two_calls(model, clean):
    both = inputs(batch=2)
    together = model(*both, first_frame_is_clean=clean)
    for row in range(2):
        alone = model(*(x[row : row + 1] for x in both), first_frame_is_clean=clean)
        assert_same([x[row : row + 1] for x in together], alone)


def test_text_beyond_its_rows_counts_as_zero_rows(model):
    video, audio, timestep, *text = inputs(rows=4)
    padded = [torch.cat((x, torch.zeros(1, 2, 10)), dim=1) for x in text]
    assert_same(model(video, audio, timestep, *text), model(video, audio, timestep, *padded))


def test_padding_rows_are_attended_to(model):
    short = FusionConfig(video=replace(VIDEO, text_len=4), audio=replace(AUDIO, text_len=4))
    unpadded = FusionModel(short)
    unpadded.load_state_dict(model.state_dict())
    assert differ(unpadded(*inputs(rows=4)), model(*inputs(rows=4)))


def test_each_branch_reads_its_own_text(model):
    video, audio, timestep, video_text, audio_text = inputs()
    straight = model(video, audio, timestep, video_text, audio_text)
    assert differ(straight, model(video, audio, timestep, audio_text, audio_text))
    assert differ(straight, model(video, audio, timestep, video_text, video_text))


@pytest.mark.parametrize("skip_layer", [None, 0, -1, 3, 99])
def test_skip_layer_outside_the_blocks_skips_nothing(model, skip_layer):
    assert skipped_block(skip_layer, 3) is None
    assert_same(model(*inputs(), skip_layer=skip_layer), model(*inputs()))


@pytest.mark.parametrize("skip_layer", [1, 2])
def test_skip_layer_leaves_out_that_block_of_both_branches(model, skip_layer):
    remaining = FusionConfig(video=replace(VIDEO, num_layers=2), audio=replace(AUDIO, num_layers=2))
    shorter = FusionModel(remaining)
    for short, full in (
        (shorter.video_model, model.video_model),
        (shorter.audio_model, model.audio_model),
    ):
        kept = [block for i, block in enumerate(full.blocks) if i != skip_layer]
        own = {k: v for k, v in full.state_dict().items() if not k.startswith("blocks.")}
        short.load_state_dict(own, strict=False)
        for target, source in zip(short.blocks, kept, strict=True):
            target.load_state_dict(source.state_dict())
    assert_same(model(*inputs(), skip_layer=skip_layer), shorter(*inputs()))
    assert differ(model(*inputs(), skip_layer=skip_layer), model(*inputs()))


def test_clean_first_frame_takes_timestep_zero(model):
    backbone = model.video_model
    time = backbone.embed_time((3, 2, 3), torch.tensor([700.0]), num_clean_frames=1)
    assert time.token_runs == (6, 12)
    for row, timestep in enumerate((0.0, 700.0)):
        alone = backbone.embed_time((3, 2, 3), torch.tensor([timestep]))
        assert alone.token_runs == (18,)
        torch.testing.assert_close(time.embedding[:, row], alone.embedding[:, 0])
        torch.testing.assert_close(time.projection[:, row], alone.projection[:, 0])


def test_clean_first_frame_leaves_the_sound_its_timestep(model):
    seen = []
    handle = model.audio_model.time_embedding.register_forward_hook(
        lambda _module, _inputs, output: seen.append(output)
    )
    model(*inputs())
    model(*inputs(), first_frame_is_clean=True)
    handle.remove()
    assert torch.equal(seen[0], seen[1])


def test_clean_first_frame_changes_nothing_at_timestep_zero(model):
    video, audio, _, *text = inputs()
    zero = torch.zeros(1)
    plain = model(video, audio, zero, *text)
    assert_same(plain, model(video, audio, zero, *text, first_frame_is_clean=True))
    assert differ(model(*inputs()), model(*inputs(), first_frame_is_clean=True))


def test_modulation_equals_one_vector_per_token():
    x, update = torch.randn(2, 2, 5, 4, generator=torch.Generator().manual_seed(0))
    shift, scale, gate = torch.randn(3, 2, 2, 4, generator=torch.Generator().manual_seed(1))
    row_of_token = torch.tensor([0, 0, 1, 1, 1])
    expected = x * (1 + scale[:, row_of_token]) + shift[:, row_of_token]
    torch.testing.assert_close(modulate(x, shift, scale, (2, 3)), expected)
    expected = x + update * gate[:, row_of_token]
    torch.testing.assert_close(add_gated(x, update, gate, (2, 3)), expected)


@pytest.mark.parametrize("clean", [False, True])
def test_bfloat16_stays_close_to_float32(model, clean):
    half = FusionModel(TINY).bfloat16()
    half.load_state_dict(model.state_dict())
    full = FusionModel(TINY)
    full.load_state_dict(half.state_dict())
    arguments = inputs(dtype=torch.bfloat16)
    rounded = half(*arguments, first_frame_is_clean=clean)
    exact = full(*arguments, first_frame_is_clean=clean)
    assert all(x.dtype == torch.bfloat16 for x in rounded)
    for one, other in zip(rounded, exact, strict=True):
        assert (one - other).abs().max() < 0.02 * other.abs().max()


def test_latents_may_be_of_another_dtype_than_the_model(model):
    half = FusionModel(TINY).bfloat16()
    half.load_state_dict(model.state_dict())
    arguments = inputs(dtype=torch.bfloat16)
    wide = [x.float() for x in arguments]
    assert_same(half(*wide), half(*arguments), tolerance=0)


def test_everything_but_linear_weights_may_be_stored_in_eight_bits(model):
    stored, widened = FusionModel(TINY), FusionModel(TINY)
    linear = {
        f"{name}.weight"
        for name, module in model.named_modules()
        if type(module) is torch.nn.Linear
    }
    eight_bits = {
        name: value.to(torch.float8_e4m3fn)
        for name, value in model.state_dict().items()
        if name not in linear and ("bias" not in name or "norm" in name)
    }
    kept = {n: v for n, v in model.state_dict().items() if n not in eight_bits}
    stored.load_state_dict(kept | eight_bits, assign=True)
    widened.load_state_dict(kept | {n: v.float() for n, v in eight_bits.items()}, assign=True)
    assert any("modulation" in name for name in eight_bits)
    assert_same(stored(*inputs()), widened(*inputs()))


def test_attention_is_put_in_from_outside(model):
    other = FusionModel(TINY)
    other.load_state_dict(model.state_dict())
    calls = []

    def counting(q, k, v):
        calls.append(q.shape)
        return math_attention(q, k, v)

    set_attention(other, counting)
    assert_same(other(*inputs()), model(*inputs()))
    assert len(calls) == 6 * 3  # self, text and the other branch, for either branch


def test_blocks_are_run_from_outside(model):
    other = FusionModel(TINY)
    other.load_state_dict(model.state_dict())
    seen = []

    def recording(video_block, *rest):
        seen.append(video_block)
        return run_fusion_block(video_block, *rest)

    other.run_block = recording
    assert_same(other(*inputs()), model(*inputs()))
    assert seen == list(other.video_model.blocks)


def test_text_keys_and_values_can_be_kept_for_a_clip(model):
    other = FusionModel(TINY)
    other.load_state_dict(model.state_dict())
    expected = model(*inputs())
    for backbone in (other.video_model, other.audio_model):
        text = inputs()[3] if backbone is other.video_model else inputs()[4]
        embedded = backbone.embed_text(text)
        for block in backbone.blocks:
            kept = block.cross_attn.text_keys_values(embedded)
            block.cross_attn.text_keys_values = lambda _text, kept=kept: kept
    assert_same(other(*inputs()), expected)


def test_training_follows_sampling_and_reaches_every_parameter():
    torch.manual_seed(0)
    model = FusionModel(TINY)
    arguments = inputs(batch=2, frames=2, audio_len=9)
    with torch.inference_mode():  # leaves its rotary tables behind
        model(*arguments)
    video, audio = model(*arguments)
    (video.square().mean() + audio.square().mean()).backward()
    unused = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert unused == []


def test_sizes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="heads of an even width"):
        replace(VIDEO, num_heads=5)
    with pytest.raises(ValueError, match="freq_dim"):
        replace(VIDEO, freq_dim=7)
    with pytest.raises(ValueError, match="patch_size"):
        replace(AUDIO, patch_size=(2,))
    with pytest.raises(ValueError, match="at least 1"):
        replace(VIDEO, num_layers=0)
    with pytest.raises(ValueError, match="num_layers: video 3, audio 4"):
        FusionConfig(video=VIDEO, audio=replace(AUDIO, num_layers=4))
    with pytest.raises(ValueError, match="three axes"):
        FusionConfig(video=AUDIO, audio=VIDEO)


def test_odd_latents_are_a_programming_error(model):
    with pytest.raises(AssertionError, match="whole number of patches"):
        model(*inputs(height=5))
    with pytest.raises(AssertionError, match="7 rows of text"):
        model(*inputs(rows=7))
