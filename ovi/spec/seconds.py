"""How long a render takes, stage by stage, on a machine whose rates are known.

Three things are added up for each stage: operations at the rate of matrix products, attention or
convolutions; bytes that norms, activations and the like move within the device; and what must come
from the host, which the transformer's computing hides as far as it can. The bytes were fitted to
an H100 (docs/performance.md); what a machine does otherwise stands in its measured corrections.
"""

from dataclasses import dataclass

from ovi.spec.flops import (
    decode_flops,
    encode_flops,
    forward_flops,
    sound_flops,
    text_flops,
    video_tokens,
)
from ovi.spec.memory import RenderShape, gpus_per_pass, transformer_blocks, weight_bytes
from ovi.spec.model_sizes import sizes_of
from ovi.spec.placement import HostMemory, Offload
from ovi.spec.rates import Rates
from ovi.spec.request import Guidance, Sampling, TransformerPrecision
from ovi.spec.tiles import plan_tiles

BLOCK_BYTES_PER_TOKEN = 230
"""Times the width in bytes: what norms, modulation and gates of one block move for a token."""

DECODE_BYTES_FP32, DECODE_BYTES_BF16 = 71_000, 51_000
"""What the decoder's norms and activations move for each pixel of each frame."""

TILED_DECODE = 1.2
"""How much longer decoding takes in tiles, which work on their borders too."""

SOUND_OPERATIONS_PER_BYTE = 0.5
"""Audio VAE and vocoder are bound by memory: narrow layers in float32."""

EXCHANGE_RATE = 175e9
"""Bytes a second that GPUs of one host exchange, measured between two H100s (NVLink)."""

TEXTS = 3
"""The prompt and two negatives."""

TEXT_LENGTH = 120
"""Tokens of an ordinary prompt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderSeconds:
    """How long one clip takes once the models are loaded, text not yet encoded."""

    text: float
    first_frame: float
    denoise: float
    sound: float
    picture: float
    streamed_bytes: int
    """that pass from the host to the device"""

    @property
    def total(self) -> float:
        """All stages; the MP4 is written while pictures are decoded."""
        return self.text + self.first_frame + self.denoise + self.sound + self.picture


def render_seconds(
    shape: RenderShape, sampling: Sampling, guidance: Guidance, rates: Rates
) -> RenderSeconds:
    """The seconds of one clip at these rates."""
    layers = sizes_of(shape.variant).transformer.num_layers
    skips = guidance.skip_layer is not None and 0 < guidance.skip_layer < layers
    passes = sampling.num_steps * (2 - (1 / layers if skips else 0))
    streamed = _streamed_bytes(shape)
    moved = _moved_bytes(shape)
    entering = rates.pageable
    if shape.placement.offload is Offload.BLOCKS:
        entering = _host_rate(shape, rates)
    forward = max(_shared_forward(shape, rates), streamed / _host_rate(shape, rates))
    if shape.placement.num_gpus % 2 == 0:
        passes = sampling.num_steps  # both at once, on half of the GPUs each
    is_fp32 = shape.precision.video_vae is TransformerPrecision.FP32
    convolution = rates.convolution_fp32 if is_fp32 else rates.convolution_bf16
    pixels = shape.variant.num_frames * shape.size.area
    width = sizes_of(shape.variant).video_vae.decoder_dim / 256
    traffic = (DECODE_BYTES_FP32 if is_fp32 else DECODE_BYTES_BF16) * width * pixels
    picture = decode_flops(shape.variant, shape.size) / convolution + traffic / rates.memory
    if len(plan_tiles(shape.size, shape.vae_tiling)) > 1:
        picture *= TILED_DECODE
    if shape.placement.num_gpus > 1:
        picture *= 0.013 + 0.987 / shape.placement.num_gpus  # attention sees whole frames
    encode = encode_flops(shape.variant, shape.size) / convolution if shape.has_first_frame else 0
    sound = sound_flops(shape.variant) / (SOUND_OPERATIONS_PER_BYTE * rates.memory)
    text = TEXTS * text_flops(shape.variant, TEXT_LENGTH) / rates.matmul
    return RenderSeconds(
        text=_corrected("text", shape, rates, text) + moved["text"] / rates.pageable,
        first_frame=encode,
        denoise=_corrected("denoise", shape, rates, passes * forward) + moved["denoise"] / entering,
        sound=_corrected("sound", shape, rates, sound),
        picture=_corrected("picture", shape, rates, picture) + moved["picture"] / rates.pageable,
        streamed_bytes=round(passes * streamed + sum(moved.values())),
    )


def forward_seconds(shape: RenderShape, rates: Rates) -> float:
    """One pass of the transformer when its weights are on the device."""
    flops = forward_flops(shape.variant, shape.size)
    sizes = sizes_of(shape.variant).transformer
    tokens = video_tokens(shape.variant, shape.size) + shape.variant.num_audio_latents
    number = 4 if shape.precision.transformer is TransformerPrecision.FP32 else 2
    traffic = float(BLOCK_BYTES_PER_TOKEN * number * sizes.dim * sizes.num_layers * tokens)
    if shape.precision.transformer in (TransformerPrecision.FP8, TransformerPrecision.INT8):
        traffic += 10 * sizes.block_parameters  # unpacked into two bytes for each use
    return (
        (flops.linear + flops.text) / rates.matmul
        + flops.attention / rates.attention
        + traffic / rates.memory
    )


def _shared_forward(shape: RenderShape, rates: Rates) -> float:
    """One pass on the GPUs that share it, with what they exchange and cannot hide."""
    whole = forward_seconds(shape, rates)
    parts = gpus_per_pass(shape.placement.num_gpus)
    if parts == 1:
        return whole
    sizes = sizes_of(shape.variant).transformer
    tokens = video_tokens(shape.variant, shape.size)
    exchanged = 2 * tokens / parts * sizes.dim * 2 * (parts - 1) / parts * sizes.num_layers
    return whole / parts + exchanged / EXCHANGE_RATE


def correction_key(stage: str, shape: RenderShape) -> str:
    """Under what name a machine's correction for a stage is kept."""
    numbers = {"picture": shape.precision.video_vae, "sound": TransformerPrecision.FP32}
    number = numbers.get(stage, shape.precision.transformer)
    return f"{stage} {'nano' if shape.variant.is_embedded else 'published'} {number}"


def _corrected(stage: str, shape: RenderShape, rates: Rates, seconds: float) -> float:
    return seconds * rates.corrections.get(correction_key(stage, shape), 1.0)


def _host_rate(shape: RenderShape, rates: Rates) -> float:
    is_pinned = shape.placement.host_memory is HostMemory.PINNED
    return rates.pinned if is_pinned else rates.pageable


def _streamed_bytes(shape: RenderShape) -> float:
    """Bytes of blocks that one pass brings to the device."""
    if shape.placement.offload is not Offload.BLOCKS or shape.on_cpu:
        return 0
    sizes = sizes_of(shape.variant).transformer
    blocks = transformer_blocks(sizes, shape.precision.transformer)
    passing = max(0, sizes.num_layers - shape.placement.resident_blocks)
    return blocks * passing / sizes.num_layers


def _moved_bytes(shape: RenderShape) -> dict[str, float]:
    """Bytes that come to the device for each stage, once a clip."""
    offload = shape.placement.offload
    if offload is Offload.NONE or shape.on_cpu:
        return dict.fromkeys(("text", "denoise", "picture"), 0.0)
    weights = weight_bytes(shape)
    resident = weights["transformer"] - _streamed_bytes(shape)
    return {
        "text": float(weights["text_encoder"]),
        "denoise": resident,
        "picture": float(weights["video_vae"]),
    }
