"""What training a LoRA on the published sizes takes: memory, time a step, and that the loss falls.

    python -m tests.benchmarks.lora_11b OUT.json [--precision bf16|fp8|int8] [--variant V]

Random weights of the full size, rank 16 in all layers of both towers, 20 steps on one clip of
720x720_5s: 31 x 44 x 44 video latents and 157 audio latents. The clip is one colour and one tone
with a slow change over it, as latents; noise and timesteps are drawn anew in each step. The loss is
measured on the same four draws before and after. `--variant nano --device cpu` tries the script.
"""

import argparse
import json
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor

from ovi.spec.geometry import FrameSize, fit_size
from ovi.spec.request import Precision, TransformerPrecision
from ovi.spec.variants import Variant, variant_named
from ovi.training.config import OptimizerConfig, RunConfig
from ovi.training.draws import Draw
from ovi.training.lora.__main__ import load_base
from ovi.training.lora.encoding import EncodedClip
from ovi.training.processes import Processes
from ovi.training.stages.lora import LoraStage
from ovi.training.trainer import Trainer

NUM_STEPS = 20
NUM_TOKENS = 120
"""Of the caption."""
PROBES = 4
GIGABYTE = 1e9


def main() -> int:
    """Writes the figures; 1 where the loss has not halved."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--variant", default="720x720_5s")
    parser.add_argument("--precision", default="bf16", choices=["fp32", "bf16", "fp8", "int8"])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    options = parser.parse_args()
    device, variant = torch.device(options.device), variant_named(options.variant)
    torch.manual_seed(0)
    started = time.monotonic()
    precision = Precision(transformer=TransformerPrecision(options.precision))
    fusion = load_base(variant, precision, device, None, use_random_weights=True)
    loaded = time.monotonic() - started
    text_dim = fusion.config.video.text_dim
    config = RunConfig(
        stage="lora",
        num_steps=NUM_STEPS,
        batch_size=1,
        precision="fp32",
        ema_decay=0.0,
        log_every=1,
        save_every_seconds=1e9,
        optimizer=OptimizerConfig(
            learning_rate=options.learning_rate,
            warmup_steps=2,
            final_share=1.0,
            weight_decay=0.0,
        ),
        settings={"rank": 16, "text_dropout": 0.0, "clean_frame_share": 0.0},
    )
    stage = LoraStage(config, fusion, [one_clip(variant, text_dim)], torch.zeros(1, text_dim))
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(stage, config, Path(folder), Processes(0, 1, device), 0)
        before = probe(stage)
        trainer.run()
        after = probe(stage)
        rows = (Path(folder) / "metrics.csv").read_text().splitlines()
        size = (Path(folder) / "weights" / "lora.safetensors").stat().st_size
    names = rows[0].split(",")
    steps = [dict(zip(names, map(float, row.split(",")), strict=True)) for row in rows[1:]]
    seconds = [b["seconds"] - a["seconds"] for a, b in pairwise(steps[4:])]
    on_gpu = device.type == "cuda"
    figures = {
        "variant": variant.name,
        "precision": options.precision,
        "device": torch.cuda.get_device_name(device) if on_gpu else "cpu",
        "trained_parameters": sum(p.numel() for p in stage.parameters()),
        "file_mb": round(size / 1e6, 1),
        "load_seconds": round(loaded, 1),
        "seconds_a_step": round(sum(seconds) / len(seconds), 3),
        "peak_gb": round(torch.cuda.max_memory_allocated(device) / GIGABYTE, 2) if on_gpu else None,
        "loss_before": before,
        "loss_after": after,
        "losses": [step["loss"] for step in steps],
    }
    options.out.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
    sys.stdout.write(json.dumps(figures) + "\n")
    return 0 if after < before / 2 else 1


def one_clip(variant: Variant, text_dim: int) -> EncodedClip:
    """One colour and one tone, each with a slow change over the clip."""
    generator = torch.Generator().manual_seed(0)
    side = int(variant.target_area**0.5)
    size: FrameSize = fit_size(side, side, variant.target_area)
    rows, columns = size.latent_shape
    frames, length = variant.num_video_latents, variant.num_audio_latents

    def course(count: int) -> Tensor:
        return torch.linspace(0.8, 1.2, count)

    colour, tone = (torch.randn(n, generator=generator) for n in (48, 20))
    video = colour[:, None, None, None] * course(frames)[:, None, None] * course(rows)[:, None]
    audio = tone * course(length)[:, None]
    return EncodedClip(
        video.expand(-1, -1, -1, columns).contiguous(),
        audio,
        True,
        torch.randn(NUM_TOKENS, text_dim, generator=generator),
    )


@torch.no_grad()
def probe(stage: LoraStage) -> float:
    """The mean loss of draws that training does not see."""
    losses = [stage(stage.inputs(1, Draw(99, number)))["loss"] for number in range(PROBES)]
    return float(torch.stack(losses).mean())


if __name__ == "__main__":
    sys.exit(main())
