"""How much memory a render takes, stage by stage: on the device and in RAM, in bytes.

Weights are counted from their number and format. What a model holds beside them while it works was
found by running it at full size without memory (torch's meta device), which
`tests/engine/spec/test_memory.py` repeats: a change of a model that needs more is seen there.
Measured beside the plan in docs/profiles.md.
"""

from dataclasses import dataclass

from ovi.spec.flops import video_tokens
from ovi.spec.geometry import FrameSize
from ovi.spec.model_sizes import TextEncoderSizes, TransformerSizes, sizes_of
from ovi.spec.placement import HostMemory, Offload, Placement
from ovi.spec.request import Precision, TransformerPrecision, VaeTiling
from ovi.spec.tiles import plan_tiles
from ovi.spec.variants import VIDEO_LATENT_CHANNELS, Variant

CONTEXT_BYTES = 770_000_000
"""What CUDA and its libraries keep of a device for a process, as nvidia-smi shows it; measured."""

WHOLE_SLACK, CHUNKED_SLACK = 0.4, 0.05
"""What torch's allocator holds over what the transformer works with, as a share of it, for all
tokens at once and in chunks; measured on an H100 with expandable segments."""

DECODER_SLACK, TILED_SLACK = 0.47, 0.22
"""The same for the video decoder, whole and in tiles. Where memory is short, less is held."""

PROCESS_RAM = 1_700_000_000
"""A worker before it has weights (0.6 GB), frames that wait for the encoder, and the encoder."""

NUM_SLOTS = 2
"""Blocks on the device beside the resident ones, see `ovi/runtime/streaming.py`."""

CPU_PROCESS_RAM = 600_000_000
"""The same where the processor renders."""

STAGING_RAM = 256_000_000
"""Where mapped weights pass through on their way to the device."""

TEXT_TOKENS = 512
"""The longest text there is."""

_BYTES = {
    TransformerPrecision.FP32: 4,
    TransformerPrecision.BF16: 2,
    TransformerPrecision.FP8: 1,
    TransformerPrecision.INT8: 1,
}
_EIGHT_BITS = (TransformerPrecision.FP8, TransformerPrecision.INT8)


@dataclass(frozen=True, slots=True, kw_only=True)
class StageMemory:
    """What one stage has on the device."""

    stage: str
    """text, first frame, denoise, sound, picture"""
    weights_bytes: int
    working_bytes: int
    """activations, and what streams through"""
    slack_bytes: int = 0
    """what torch's allocator holds beside"""

    @property
    def device_bytes(self) -> int:
        """All of it, by tensors alone."""
        return self.weights_bytes + self.working_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderMemory:
    """What a render takes."""

    stages: tuple[StageMemory, ...]
    ram_bytes: int
    """that nobody else can use meanwhile"""
    pinned_bytes: int
    """of these, page-locked"""
    mapped_bytes: int
    """of weight files that are read again and again: fast where RAM is left for the system to
    keep them in, else as fast as the disk"""

    @property
    def tensor_bytes(self) -> int:
        """The most that tensors take on the device."""
        return max(stage.device_bytes for stage in self.stages)

    @property
    def device_bytes(self) -> int:
        """The most that the process takes of the device, as nvidia-smi shows it."""
        return max(self.device_bytes_of(stage.stage) for stage in self.stages)

    def device_bytes_of(self, name: str) -> int:
        """The same of one stage by its name."""
        stage = next(stage for stage in self.stages if stage.stage == name)
        return CONTEXT_BYTES + stage.device_bytes + stage.slack_bytes

    @property
    def fullest_stage(self) -> str:
        """The stage that takes it."""
        return max((stage.stage for stage in self.stages), key=self.device_bytes_of)


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderShape:
    """What memory and time of one render depend on."""

    variant: Variant
    size: FrameSize
    precision: Precision
    vae_tiling: VaeTiling | None
    placement: Placement
    has_first_frame: bool = False
    on_cpu: bool = False
    """the device is the processor: its memory is the RAM"""
    saved: frozenset[str] = frozenset()
    """models whose files hold their weights in eight bits already: transformer, text_encoder"""


def render_memory(shape: RenderShape) -> RenderMemory:
    """The memory of one render."""
    stages = _stages(shape)
    weights = weight_bytes(shape)
    placement = shape.placement
    if placement.offload is Offload.NONE and not shape.on_cpu:
        return RenderMemory(stages=stages, ram_bytes=PROCESS_RAM, pinned_bytes=0, mapped_bytes=0)
    is_streamed = placement.offload is Offload.BLOCKS and not shape.on_cpu
    waiting = dict(weights)
    pinned = 0
    if is_streamed and placement.host_memory is HostMemory.PINNED:
        pinned = waiting.pop("transformer")
    mapped = sum(size for name, size in waiting.items() if _is_mapped(name, shape))
    held = sum(waiting.values()) - mapped
    staging = STAGING_RAM if is_streamed else 0
    working = max(stage.working_bytes for stage in stages) if shape.on_cpu else 0
    process = CPU_PROCESS_RAM if shape.on_cpu else PROCESS_RAM
    return RenderMemory(
        stages=stages,
        ram_bytes=process + pinned + held + staging + working,
        pinned_bytes=pinned,
        mapped_bytes=mapped,
    )


def _is_mapped(model: str, shape: RenderShape) -> bool:
    """True if the waiting weights of a model are its file, byte for byte, and take no RAM."""
    if shape.variant.is_embedded:
        return False
    file_formats = {
        "transformer": (shape.precision.transformer, TransformerPrecision.BF16),
        "text_encoder": (shape.precision.text_encoder, TransformerPrecision.BF16),
        "video_vae": (shape.precision.video_vae, TransformerPrecision.FP32),
    }
    held, stored = file_formats.get(model, (None, None))
    return model == "other" or model in shape.saved or held is stored


def weight_bytes(shape: RenderShape) -> dict[str, int]:
    """Bytes of the weights as they are held: transformer, text_encoder, video_vae, other."""
    sizes, precision = sizes_of(shape.variant), shape.precision
    transformer, text = sizes.transformer, sizes.text_encoder
    rest = transformer.parameters - transformer.block_parameters
    wide = _wide_bytes(precision.transformer)
    return {
        "transformer": rest * wide + transformer_blocks(transformer, precision.transformer),
        "text_encoder": (text.parameters - text.layer_parameters)
        * _wide_bytes(precision.text_encoder)
        + _held(text.layer_parameters, text.layer_rows, precision.text_encoder),
        "video_vae": sizes.video_vae.parameters * _BYTES[precision.video_vae],
        "other": 4 * (sizes.audio_vae_parameters + sizes.vocoder_parameters),
    }


def transformer_blocks(sizes: TransformerSizes, precision: TransformerPrecision) -> int:
    """Bytes of all fusion blocks as they are held."""
    return _held(sizes.block_parameters, sizes.block_rows, precision)


def _held(parameters: int, rows: int, precision: TransformerPrecision) -> int:
    scales = 4 * rows if precision in _EIGHT_BITS else 0
    return parameters * _BYTES[precision] + scales


def _wide_bytes(precision: TransformerPrecision) -> int:
    """Bytes of a number that is not held in eight bits."""
    return 4 if precision is TransformerPrecision.FP32 else 2


def _stages(shape: RenderShape) -> tuple[StageMemory, ...]:
    weights = weight_bytes(shape)
    offload = shape.placement.offload
    everything = sum(weights.values())

    # Sharded, the other models make room for the transformer's shares.
    stays = offload is Offload.NONE and not shape.placement.is_sharded

    def stage(name: str, own_weights: int, working: int) -> StageMemory:
        kept = everything if stays else own_weights
        is_chunked = shape.placement.token_chunk is not None
        slack = {
            "denoise": CHUNKED_SLACK if is_chunked else WHOLE_SLACK,
            "picture": DECODER_SLACK if shape.vae_tiling is None else TILED_SLACK,
        }.get(name, 0.0)
        return StageMemory(
            stage=name,
            weights_bytes=kept,
            working_bytes=working,
            slack_bytes=round(slack * working),
        )

    latents = _latent_bytes(shape)
    found = [
        stage("text", _text_weights(shape, weights), _text_working(shape)),
        stage("denoise", _transformer_weights(shape, weights), _denoise_working(shape) + latents),
        stage(
            "sound",
            _largest_of_sound(shape),
            540_000 * shape.variant.num_audio_latents + latents // 5,
        ),
        stage("picture", weights["video_vae"], _picture_working(shape) + latents // 5),
    ]
    if shape.has_first_frame:
        found.append(stage("first frame", weights["video_vae"], _encode_working(shape)))
    return tuple(found)


def _largest_of_sound(shape: RenderShape) -> int:
    """Audio VAE and vocoder come to the device one after the other."""
    sizes = sizes_of(shape.variant)
    return 4 * max(sizes.audio_vae_parameters, sizes.vocoder_parameters)


def _text_weights(shape: RenderShape, weights: dict[str, int]) -> int:
    """Resident weights of the text encoder; streamed, the token embedding stays in host memory."""
    if shape.placement.offload is not Offload.BLOCKS:
        return weights["text_encoder"]
    sizes = sizes_of(shape.variant).text_encoder
    held = _held(sizes.layer_parameters, sizes.layer_rows, shape.precision.text_encoder)
    return NUM_SLOTS * held // sizes.num_layers


def _transformer_weights(shape: RenderShape, weights: dict[str, int]) -> int:
    sizes, placement = sizes_of(shape.variant).transformer, shape.placement
    blocks = transformer_blocks(sizes, shape.precision.transformer)
    if placement.is_sharded:
        gathered = NUM_SLOTS * blocks // sizes.num_layers
        return weights["transformer"] - blocks + blocks // placement.num_gpus + gathered
    if placement.offload is not Offload.BLOCKS:
        return weights["transformer"]
    present = min(shape.placement.resident_blocks + NUM_SLOTS, sizes.num_layers)
    return weights["transformer"] - blocks + present * blocks // sizes.num_layers


def gpus_per_pass(num_gpus: int) -> int:
    """GPUs that share one pass of the transformer: of an even number, half take either pass."""
    return num_gpus // 2 if num_gpus % 2 == 0 else num_gpus


def _text_working(shape: RenderShape) -> int:
    """Of the text encoder on the longest text; attention is computed by its definition."""
    sizes = sizes_of(shape.variant).text_encoder
    heads = 12 * sizes.num_heads * TEXT_TOKENS**2
    return heads + TEXT_TOKENS * 10 * sizes.dim + _dequantized(shape.precision.text_encoder, sizes)


def _dequantized(
    precision: TransformerPrecision, sizes: TransformerSizes | TextEncoderSizes
) -> int:
    """The largest weight once more, as it is computed with."""
    return 2 * sizes.dim * sizes.ffn_dim if precision in _EIGHT_BITS else 0


def _denoise_working(shape: RenderShape) -> int:
    """Activations of one pass of the transformer."""
    sizes = sizes_of(shape.variant).transformer
    tokens = video_tokens(shape.variant, shape.size)
    number = _wide_bytes(shape.precision.transformer)
    chunk = shape.placement.token_chunk
    exchanged = 0
    if shape.placement.num_gpus > 1:
        # Each has its share of the tokens, buffers for eight exchanges of them, and the keys and
        # values of the text for the whole clip.
        tokens = -(-tokens // gpus_per_pass(shape.placement.num_gpus))
        passes = 1 if shape.placement.num_gpus % 2 == 0 else 2
        keys_values = 4 * sizes.num_layers * sizes.text_len * sizes.dim * number
        exchanged = 8 * tokens * sizes.dim * number + passes * keys_values
    # The audio embedding takes one of its weights in float32.
    hidden = -(-(8 * sizes.dim // 3) // 256) * 256
    embedding = 4 * 7 * sizes.dim * hidden if number != 4 else 0
    if chunk is None:
        # The feed-forward network: hidden vectors before and after GELU, beside three of tokens.
        working = tokens * number * (3 * sizes.dim + 2 * sizes.ffn_dim) + tokens * 1408
        working += shape.variant.num_audio_latents * 19_500 + 8_000_000
    else:
        # At the attention five vectors of every token; before it, while a chunk is normalised and
        # projected, fewer of all and many of the chunk.
        width, chunk = number * sizes.dim, min(chunk, tokens)
        working = round(width * max(5 * tokens + 10.6 * chunk, 3.7 * tokens + 15.8 * chunk))
    working += exchanged
    return max(working, embedding) + _dequantized(shape.precision.transformer, sizes)


def _latent_bytes(shape: RenderShape) -> int:
    """Noise, velocities of both passes and the solver's history, float32."""
    rows, columns = shape.size.latent_shape
    return 10 * 4 * VIDEO_LATENT_CHANNELS * shape.variant.num_video_latents * rows * columns


def _picture_working(shape: RenderShape) -> int:
    """The decoder: what it remembers of earlier frames, and a piece of the picture at work.

    Each tile remembers 17 pixels of its neighbours (on average over the layers) and works on 23.
    """
    number = _BYTES[shape.precision.video_vae]
    width = sizes_of(shape.variant).video_vae.decoder_dim / 256
    tiles = plan_tiles(shape.size, shape.vae_tiling)
    rows, columns = len({tile.top for tile in tiles}), len({tile.left for tile in tiles})
    height = shape.size.height + 2 * 17 * (rows - 1)
    breadth = shape.size.width + 2 * 17 * (columns - 1)
    at_work = max(
        (tile.height + 23 * min(rows - 1, 2)) * (tile.width + 23 * min(columns - 1, 2))
        for tile in tiles
    )
    share = 1.0 if shape.placement.num_gpus == 1 else 0.013 + 0.987 / shape.placement.num_gpus
    return round(share * width * number * (1835 * height * breadth + 2048 * at_work))


def _encode_working(shape: RenderShape) -> int:
    """The encoder on one frame."""
    width = sizes_of(shape.variant).video_vae.encoder_dim / 160
    return round(699 * _BYTES[shape.precision.video_vae] * shape.size.area * width)
