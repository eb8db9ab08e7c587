"""Writes a checkpoint folder of the published layout and the published sizes, filled with noise.

`python -m tests.engine.full_size_checkpoints FOLDER` needs 43 GB of disk, as much memory, and draws
on the GPU if there is one. The three variants share one transformer file, since their sizes are
equal. For trying the real loader and `ovi bench --ckpt-dir FOLDER` where the real files are not.
"""

import gzip
import json
import os
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from ovi.weights.manifest import FUSION_PATHS
from tests.engine.toy_checkpoints import MANIFESTS, PATHS, noise_tensor, write_toy_tokenizer


def full_state(manifest: str, dtype: torch.dtype) -> dict[str, Tensor]:
    """Noise under every key of a manifest, at its size, on the CPU."""
    path = MANIFESTS / manifest
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    generator = torch.Generator("cuda" if torch.cuda.is_available() else "cpu").manual_seed(0)
    return {
        key: noise_tensor(key, entry["shape"], generator).to(dtype).cpu()
        for key, entry in json.loads(text)["tensors"].items()
    }


def main(folder: Path) -> None:
    """Fills `folder`."""
    for path in (*FUSION_PATHS.values(), *PATHS.values()):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
    first, *others = (folder / path for path in FUSION_PATHS.values())
    save_file(full_state("ovi_fusion_11b.json.gz", torch.bfloat16), first)
    for other in others:
        os.link(first, other)
    torch.save(full_state("umt5_xxl_encoder.json", torch.bfloat16), folder / PATHS["text_encoder"])
    torch.save(full_state("wan2.2_vae.json", torch.float32), folder / PATHS["video_vae"])
    torch.save(full_state("mmaudio_vae_v1-16.json", torch.float32), folder / PATHS["audio_vae"])
    vocoder = full_state("bigvgan_16k_best_netG.json", torch.float32)
    torch.save({"generator": vocoder}, folder / PATHS["vocoder"])
    write_toy_tokenizer(folder / PATHS["tokenizer"])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
