"""`python -m ovi.bench`: prints what a machine can do and what a render takes of it."""

import argparse
import json
import platform
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from ovi import __version__
from ovi.bench.ceilings import Ceiling, measure_ceilings
from ovi.bench.stages import PROMPT, measure_forward, measure_stages
from ovi.bench.timing import Measurement, measure
from ovi.errors import OviError, RequestError
from ovi.pipeline import OviPipeline
from ovi.runtime.devices import resolve_device
from ovi.runtime.models import load_models
from ovi.spec.geometry import FrameSize, fit_size
from ovi.spec.placement import ATTENTION_BACKENDS, Offload, Placement
from ovi.spec.request import ClipRequest, Precision, Sampling, TransformerPrecision
from ovi.spec.variants import VARIANTS, variant_named


def main(arguments: list[str] | None = None) -> int:
    """Runs the benchmark; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        report = _run(options)
    except OviError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    if options.json:
        sys.stdout.write(json.dumps(report, indent=2) + "\n")
    else:
        sys.stdout.write(_as_text(report))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ovi bench", description="Measure each stage of a render on this machine."
    )
    parser.add_argument("--variant", default="nano", choices=sorted(VARIANTS))
    parser.add_argument("--size", help="height x width, such as 704x1280")
    parser.add_argument("--steps", type=int, default=4, help="denoising steps (default 4)")
    parser.add_argument("--repeats", type=int, default=5, help="timed forward passes (default 5)")
    parser.add_argument("--forward-only", action="store_true", help="skip the other stages")
    parser.add_argument("--ckpt-dir", type=Path, help="real weights; without it they are random")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", choices=[p.value for p in TransformerPrecision])
    parser.add_argument("--vae-precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--offload", choices=[o.value for o in Offload], default="none")
    parser.add_argument("--attention", choices=ATTENTION_BACKENDS, default="auto")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    return parser


def _run(options: argparse.Namespace) -> dict[str, Any]:
    if options.repeats < 1:
        raise RequestError(f"{options.repeats} repeats measure nothing: use 1 or more.")
    variant = variant_named(options.variant)
    device = resolve_device(options.device)
    on_gpu = device.type == "cuda"
    precision = Precision(
        transformer=TransformerPrecision(options.precision or ("bf16" if on_gpu else "fp32")),
        text_encoder=TransformerPrecision("bf16" if on_gpu else "fp32"),
        video_vae=TransformerPrecision(options.vae_precision),
    )
    placement = Placement(
        device=options.device, offload=Offload(options.offload), attention=options.attention
    )
    side = round(variant.target_area**0.5)
    wanted = FrameSize.parse(options.size) if options.size else FrameSize(side, side)
    request = ClipRequest(
        text=PROMPT,
        variant=variant.name,
        size=fit_size(wanted.height, wanted.width, variant.target_area),
        sampling=Sampling(num_steps=options.steps),
        precision=precision,
    )

    load, models = measure(
        "load",
        lambda: load_models(
            variant,
            precision,
            placement,
            device,
            options.ckpt_dir,
            use_random_weights=options.ckpt_dir is None,
        ),
        device,
    )
    pipeline = OviPipeline(variant, models, placement)
    backbone = models.fusion.config.video
    rows, columns = request.size.latent_shape
    num_tokens = variant.num_video_latents * (rows // 2) * (columns // 2)
    ceilings = measure_ceilings(
        device,
        models.compute_dtype,
        num_tokens=num_tokens,
        num_heads=backbone.num_heads,
        head_dim=backbone.head_dim,
    )
    found = [load]
    if options.offload == "none":  # else the model is not on the device yet
        found.append(measure_forward(pipeline, request, repeats=options.repeats))
    if not options.forward_only:
        found += measure_stages(pipeline, request)
    return {
        "schema": 1,
        "machine": _machine(device),
        "settings": {
            "variant": variant.name,
            "size": str(request.size),
            "video_tokens": num_tokens,
            "audio_tokens": variant.num_audio_latents,
            "steps": options.steps,
            "precision": options.precision or str(precision.transformer),
            "vae_precision": options.vae_precision,
            "offload": options.offload,
            "attention": options.attention,
            "weights": "random" if models.has_random_weights else str(options.ckpt_dir),
        },
        "ceilings": [asdict(ceiling) for ceiling in ceilings],
        "stages": [asdict(measurement) for measurement in found],
    }


def _machine(device: torch.device) -> dict[str, Any]:
    return {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "threads": torch.get_num_threads(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "ovi": __version__,
    }


def _as_text(report: dict[str, Any]) -> str:
    lines = [
        " ".join(f"{key}={value}" for key, value in report[part].items())
        for part in ("machine", "settings")
    ]
    lines.append("")
    for ceiling in (Ceiling(**entry) for entry in report["ceilings"]):
        lines.append(f"{ceiling.name:<36} {ceiling.value:10.1f} {ceiling.unit}")
    lines.append("")
    for stage in (Measurement(**entry) for entry in report["stages"]):
        peak = stage.peak_memory_bytes
        memory = "" if peak is None else f"  peak {peak / 2**30:6.1f} GiB"
        lines.append(f"{stage.name:<36} {stage.seconds:10.3f} s{memory}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
