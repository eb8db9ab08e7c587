"""Writes a complete checkpoint folder in the published layout, with models of toy size.

Keys come from the manifests of the real files, shapes from theirs scaled down, values from random
noise: what is tested is that real key names, file formats and folders are understood. The sizes go
into `ovi_config.json`, as they would for anyone's model that is not of the published size.
"""

import gzip
import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, processors
from torch import Tensor

from ovi.models.vocoder.activation import kaiser_sinc_filter
from ovi.weights.manifest import (
    FP8_FUSION_PATH,
    FUSION_PATHS,
    SHARED_COMPONENTS,
)
from ovi.weights.sizes import SIZES_FILE

MANIFESTS = Path(__file__).parents[1] / "fixtures" / "manifests"

PATHS = {component.name: component.path for component in SHARED_COMPONENTS}

NUM_LAYERS = 2
DIM, FFN_DIM, NUM_HEADS, TEXT_DIM = 16, 32, 1, 16
VOCAB_SIZE = 384
_BACKBONE = {
    "dim": DIM,
    "num_heads": NUM_HEADS,
    "num_layers": NUM_LAYERS,
    "ffn_dim": FFN_DIM,
    "text_dim": TEXT_DIM,
}

TOY_SIZES: dict[str, dict[str, Any]] = {
    "fusion": {"video": _BACKBONE, "audio": _BACKBONE},
    "video_vae": {"encoder_dim": 2, "decoder_dim": 2},
    "audio_vae": {"hidden_dim": 8},
    "vocoder": {"initial_channels": 64},
    "text_encoder": {
        "vocab_size": VOCAB_SIZE,
        "dim": TEXT_DIM,
        "attention_dim": TEXT_DIM,
        "ffn_dim": 32,
        "num_heads": NUM_HEADS,
        "num_layers": NUM_LAYERS,
    },
}
"""What `ovi_config.json` of the toy folder says."""

# Published size -> toy size, for each file; sizes that are not named stay.
_FUSION = {3072: DIM, 6 * 3072: 6 * DIM, 14336: FFN_DIM, 4096: TEXT_DIM, 8192: 256}
_TEXT_ENCODER = {4096: TEXT_DIM, 10240: 32, 64: NUM_HEADS, 256384: VOCAB_SIZE}


def write_toy_checkpoints(folder: Path) -> None:
    """Fills `folder` with every file of the three published variants, fp8 included."""
    for seed, path in enumerate(FUSION_PATHS.values()):
        fusion = toy_state("ovi_fusion_11b.json.gz", lambda _, size: _FUSION.get(size, size), seed)
        fusion = {key: tensor.bfloat16() for key, tensor in fusion.items()}
        _save_safetensors(fusion, folder / path)
        if seed == 0:
            _save_safetensors(as_fp8(fusion), folder / FP8_FUSION_PATH)
    _save_pickle(toy_state("wan2.2_vae.json", _video_vae_size), folder / PATHS["video_vae"])
    _save_pickle(
        toy_state("mmaudio_vae_v1-16.json", lambda _, size: _scaled(size, 384, 8)),
        folder / PATHS["audio_vae"],
    )
    vocoder = toy_state("bigvgan_16k_best_netG.json", lambda _, size: _scaled(size, 24, 1))
    _save_pickle({"generator": vocoder}, folder / PATHS["vocoder"])
    encoder = toy_state("umt5_xxl_encoder.json", lambda _, size: _TEXT_ENCODER.get(size, size))
    _save_pickle(
        {key: tensor.bfloat16() for key, tensor in encoder.items()}, folder / PATHS["text_encoder"]
    )
    write_toy_tokenizer(folder / PATHS["tokenizer"])
    (folder / SIZES_FILE).write_text(json.dumps(TOY_SIZES))


def toy_state(manifest: str, scale: Callable[[str, int], int], seed: int = 0) -> dict[str, Tensor]:
    """Float32 noise under the keys of a manifest's first layers; `scale` is (key, size) -> size."""
    path = MANIFESTS / manifest
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for key, entry in json.loads(text)["tensors"].items():
        layer = re.search(r"(?:^|_model\.)blocks\.(\d+)\.", key)
        if layer is None or int(layer[1]) < NUM_LAYERS:
            state[key] = noise_tensor(key, [scale(key, size) for size in entry["shape"]], generator)
    return state


def as_fp8(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors as the published fp8 file has them: cast, but for norms and biases."""
    return {
        key: tensor if "norm" in key or "bias" in key else tensor.to(torch.float8_e4m3fn)
        for key, tensor in state.items()
    }


def write_toy_tokenizer(folder: Path) -> None:
    """A tokenizer of single bytes in the format of the published one."""
    vocabulary = {"<pad>": 0, "</s>": 1, "<unk>": 2}
    vocabulary |= {f"<0x{byte:02X}>": byte + 3 for byte in range(256)}
    tokenizer = Tokenizer(
        models.BPE(vocab=vocabulary, merges=[], unk_token="<unk>", byte_fallback=True)
    )
    tokenizer.add_special_tokens(["<pad>", "</s>", "<unk>"])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 1)]
    )
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))


def _video_vae_size(key: str, size: int) -> int:
    return _scaled(size, 160 if key.startswith("encoder") else 256, 2)


def _scaled(size: int, published: int, toy: int) -> int:
    """Multiples of the published width become multiples of the toy's; other sizes stay."""
    return size if size % published else size // published * toy


def noise_tensor(key: str, shape: list[int], generator: torch.Generator) -> Tensor:
    """Values that keep activations near unit size, whatever the tensor is for."""
    if key.endswith("filter"):
        return kaiser_sinc_filter()
    if key.endswith(("bias", "alpha", "beta", "gain", "mean")):
        return torch.zeros(shape)
    if key.endswith("weight_g"):
        return torch.full(shape, 0.5)
    if key.endswith(("gamma", "std")) or len(shape) == 1:
        return torch.ones(shape)
    fan_in = math.prod(shape[1:])
    noise = torch.randn(shape, generator=generator, device=generator.device)
    return noise / math.sqrt(fan_in)


def _save_safetensors(state: dict[str, Tensor], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(state, path)


def _save_pickle(content: dict[str, Any], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(content, path)
