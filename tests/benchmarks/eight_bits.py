"""Error and time of eight-bit weights at full size: `python -m tests.benchmarks.eight_bits`.

The published transformer and text encoder with normal random weights on the GPU, at 720x720_5s and
three texts of 200 tokens. The relative error is that of root mean squares against bfloat16.
"""

import statistics
import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from ovi.models.fusion.attention import set_attention
from ovi.models.fusion.config import OVI_11B
from ovi.models.fusion.model import FusionModel
from ovi.models.text_encoder.config import UMT5_XXL
from ovi.models.text_encoder.model import TextEncoder
from ovi.ops.attention import attention_backend
from ovi.runtime.quantize import FP8, EightBitLinear, store_fp8, store_int8
from ovi.runtime.random_weights import fill_random_fast

CUDA = torch.device("cuda")
REPEATS = 5
HEAD_WIDTH = UMT5_XXL.attention_dim // UMT5_XXL.num_heads


def store_plain_fp8(model: nn.Module) -> nn.Module:
    """As the published fp8 file holds the blocks."""
    for module in list(model.modules()):
        for name, layer in list(module.named_children()):
            if type(layer) is nn.Linear and "blocks" in _path(model, module):
                new = EightBitLinear(layer.in_features, layer.out_features, FP8)
                new.bias = layer.bias
                new.hold("weight", layer.weight.detach().clamp(-448, 448).to(torch.float8_e4m3fn))
                setattr(module, name, new)
    return model


STORES: dict[str, Callable[[nn.Module], nn.Module]] = {
    "bf16": lambda model: model,
    "fp8 plain cast": store_plain_fp8,
    "fp8": store_fp8,
    "int8": store_int8,
}


def random_model(build: Callable[[], nn.Module]) -> nn.Module:
    """The same weights each time."""
    with torch.device("meta"):
        model = build()
    model = model.to(torch.bfloat16).to_empty(device=CUDA)
    fill_random_fast(model, 0)
    for key, parameter in model.named_parameters():
        if key.endswith("attention.query.weight"):  # of the text encoder, whose logits are not
            parameter.mul_(HEAD_WIDTH**-0.5)  # divided by anything: trained queries are small
    return model.requires_grad_(False).eval()


def measure(name: str, build: Callable[[], nn.Module], run: Callable[[nn.Module], Tensor]) -> None:
    """Prints one line for each way of storing."""
    reference: Tensor | None = None
    for storage, store in STORES.items():
        if name == "text encoder" and storage == "fp8 plain cast":
            continue
        start = time.perf_counter()
        model = random_model(build)
        torch.cuda.synchronize()
        built = time.perf_counter()
        model = store(model)
        torch.cuda.synchronize()
        stored = time.perf_counter() - built
        held = sum(tensor.nbytes for tensor in (*model.parameters(), *model.buffers()))
        result = run(model)
        times = []
        for _ in range(REPEATS):
            torch.cuda.synchronize()
            start = time.perf_counter()
            run(model)
            torch.cuda.synchronize()
            times.append(time.perf_counter() - start)
        reference = result if reference is None else reference
        error = float((result - reference).norm() / reference.norm())
        sys.stdout.write(
            f"{name:12} {storage:14} {held / 1e9:6.2f} GB, stored in {stored:5.2f} s, "
            f"{1e3 * statistics.median(times):7.1f} ms, error {100 * error:.2f} %\n"
        )
        sys.stdout.flush()
        del model
        torch.cuda.empty_cache()


@torch.inference_mode()
def main() -> None:
    """Measures on the GPU."""
    generator = torch.Generator(CUDA).manual_seed(1)

    def noise(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, device=CUDA, dtype=torch.bfloat16)

    attend = attention_backend("auto", CUDA, torch.bfloat16)
    video, audio = noise(1, 48, 31, 44, 44), noise(1, 157, 20)
    text, timestep = noise(1, 80, OVI_11B.video.text_dim), torch.full((1,), 500, device=CUDA)

    def forward(model: nn.Module) -> Tensor:
        set_attention(model, attend)
        outputs = model(video, audio, timestep, text, text)
        return torch.cat([part.float().flatten() / part.float().std() for part in outputs])

    measure("transformer", lambda: FusionModel(OVI_11B), forward)
    ids = torch.randint(0, UMT5_XXL.vocab_size, (3, 200), generator=generator, device=CUDA)
    mask = torch.ones_like(ids)
    measure("text encoder", lambda: TextEncoder(UMT5_XXL), lambda model: model(ids, mask).float())


def _path(model: nn.Module, wanted: nn.Module) -> list[str]:
    return next(name.split(".") for name, module in model.named_modules() if module is wanted)


if __name__ == "__main__":
    main()
