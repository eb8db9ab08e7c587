"""A fusion transformer of six tiny blocks, and what a few passes through it give."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from ovi.models.fusion import BackboneConfig, FusionConfig, FusionModel
from ovi.runtime.quantize import store_fp8, store_int8
from ovi.runtime.random_weights import fill_random

NUM_BLOCKS = 6

VIDEO = BackboneConfig(
    dim=24,
    num_heads=2,
    num_layers=NUM_BLOCKS,
    ffn_dim=40,
    in_channels=4,
    out_channels=4,
    text_dim=10,
    text_len=6,
    patch_size=(1, 2, 2),
    freq_dim=16,
)
AUDIO = replace(VIDEO, in_channels=5, out_channels=5, patch_size=(1,), rope_time_scale=0.2)

STORES: dict[str, Callable[[FusionModel], FusionModel]] = {
    "fp32": lambda model: model,
    "bf16": lambda model: model.bfloat16(),
    "fp8": lambda model: store_fp8(model.bfloat16()),
    "int8": lambda model: store_int8(model.bfloat16()),
}
"""Ways to hold the weights."""

SKIPS = (None, 3, None, 1)
"""What four passes leave out: two steps of guidance, the second with another block."""


def tiny_fusion(storage: str = "fp32") -> FusionModel:
    """The same model each time."""
    model = FusionModel(FusionConfig(video=VIDEO, audio=AUDIO))
    fill_random(model, seed=0)
    return STORES[storage](model).requires_grad_(False).eval()


def passes(
    model: FusionModel,
    skips: Sequence[int | None] = SKIPS,
    device: torch.device | str = "cpu",
    *,
    first_frame_is_clean: bool = True,
) -> list[Tensor]:
    """The velocities of passes that leave blocks out, on the CPU: 18 video and 7 audio tokens."""
    generator = torch.Generator().manual_seed(1)
    bias = model.video_model.patch_embedding.bias
    assert bias is not None

    def randn(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator).to(device, bias.dtype)

    video, audio, text = randn(1, 4, 3, 4, 6), randn(1, 7, 5), randn(1, 4, 10)
    results: list[Tensor] = []
    with torch.inference_mode():
        for index, skip in enumerate(skips):
            timestep = torch.tensor([900.0 - 100 * index], device=device)
            results += model(
                video,
                audio,
                timestep,
                text,
                text,
                skip_layer=skip,
                first_frame_is_clean=first_frame_is_clean,
            )
    return [result.cpu() for result in results]


def assert_identical(got: Sequence[Tensor], wanted: Sequence[Tensor]) -> None:
    """Bit for bit."""
    assert len(got) == len(wanted)
    assert all(map(torch.equal, got, wanted))
