"""Published names of the video VAE's parameters to ours; shapes and values stay as they are."""

from collections.abc import Iterator, Mapping

from torch import Tensor

from ovi.models.video_vae.config import VideoVaeConfig

RESIDUAL_BLOCK = {
    "residual.0": "norm_in",
    "residual.2": "conv_in",
    "residual.3": "norm_out",
    "residual.6": "conv_out",
    "shortcut": "skip",
}
"""Modules inside a residual block, published name and ours, as in all tables here."""

ATTENTION = {"norm": "norm", "to_qkv": "query_key_value", "proj": "output"}
"""Modules inside the attention of the middle."""

RESAMPLING = {"resample.1": "space_conv", "time_conv": "time_conv"}
"""Modules inside a change of size."""

OUTER = {"conv1": "encoder.moments", "conv2": "decoder.latents"}
"""Modules that are published outside both halves."""

ENDS = {"conv1": "input", "head.0": "output_norm", "head.2": "output"}
"""Modules directly inside the encoder and the decoder."""


def from_published(state: Mapping[str, Tensor], config: VideoVaeConfig) -> dict[str, Tensor]:
    """Parameters of `VideoVae(config)` from those of Wan2.2_VAE.pth; works on meta tensors too.

    A key that is not a published one passes through unchanged, so that strict loading can name it;
    our own keys therefore do as well.
    """
    names = dict(_parameter_names(config))
    return {names.get(key, key): tensor for key, tensor in state.items()}


def _parameter_names(config: VideoVaeConfig) -> Iterator[tuple[str, str]]:
    """Published and own name of every parameter there can be."""
    for theirs, ours in _module_names(config):
        tensors = ("gamma",) if "norm" in ours.rpartition(".")[2] else ("weight", "bias")
        for tensor in tensors:
            yield f"{theirs}.{tensor}", f"{ours}.{tensor}"


def _module_names(config: VideoVaeConfig) -> Iterator[tuple[str, str]]:
    """Published and own name of every convolution and norm there can be."""
    yield from OUTER.items()
    halves = (
        ("encoder", "downsample", config.num_res_blocks),
        ("decoder", "upsample", config.num_res_blocks + 1),
    )
    for half, resampling, num_blocks in halves:
        groups = [
            (half, half, ENDS),
            (f"{half}.middle.0", f"{half}.middle.block_in", RESIDUAL_BLOCK),
            (f"{half}.middle.1", f"{half}.middle.attention", ATTENTION),
            (f"{half}.middle.2", f"{half}.middle.block_out", RESIDUAL_BLOCK),
        ]
        for stage in range(len(config.dim_mult)):
            theirs = f"{half}.{resampling}s.{stage}.{resampling}s"
            ours = f"{half}.stages.{stage}"
            groups += [
                (f"{theirs}.{block}", f"{ours}.blocks.{block}", RESIDUAL_BLOCK)
                for block in range(num_blocks)
            ]
            groups.append((f"{theirs}.{num_blocks}", f"{ours}.{resampling}", RESAMPLING))
        for theirs, ours, modules in groups:
            for their_name, our_name in modules.items():
                yield f"{theirs}.{their_name}", f"{ours}.{our_name}"
