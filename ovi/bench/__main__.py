"""`python -m ovi.bench`: prints what a machine can do and what a render takes of it."""

import argparse
import json
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from ovi import __version__
from ovi.bench.ceilings import Ceiling, Ceilings, measure_ceilings
from ovi.bench.rates import rates_file, rates_from
from ovi.bench.settings import limit_memory, read_settings
from ovi.bench.stages import measure_forward, measure_stages
from ovi.bench.timing import Measurement, measure, used_bytes
from ovi.errors import OviError, RequestError
from ovi.pipeline import OviPipeline
from ovi.runtime.devices import resolve_device
from ovi.runtime.models import load_models
from ovi.spec.flops import video_tokens
from ovi.spec.memory import RenderShape, render_memory
from ovi.spec.placement import ATTENTION_BACKENDS, HostMemory, Offload
from ovi.spec.profiles import PROFILES
from ovi.spec.rates import Rates, read_rates, save_rates
from ovi.spec.request import ClipRequest, TransformerPrecision
from ovi.spec.variants import VARIANTS


def main(arguments: Sequence[str] | None = None) -> int:
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
        prog="ovi bench",
        description="Measure each stage of a render on this machine, and keep its rates for "
        "`ovi plan`.",
    )
    numbers = [number.value for number in TransformerPrecision]
    parser.add_argument("--variant", default="nano", choices=sorted(VARIANTS))
    parser.add_argument("--size", help="height x width, such as 704x1280")
    parser.add_argument("--profile", choices=list(PROFILES), help="its number formats and offload")
    parser.add_argument("--steps", type=int, default=4, help="denoising steps (default 4)")
    parser.add_argument("--repeats", type=int, default=5, help="timed forward passes (default 5)")
    parser.add_argument("--forward-only", action="store_true", help="skip the other stages")
    parser.add_argument("--no-mp4", action="store_true", help="do not encode the frames")
    parser.add_argument("--ckpt-dir", type=Path, help="real weights; without it they are random")
    parser.add_argument("--device", default=None, help="default: the profile's, else auto")
    parser.add_argument("--precision", choices=numbers)
    parser.add_argument("--text-precision", choices=numbers)
    parser.add_argument("--vae-precision", choices=["fp32", "bf16"])
    parser.add_argument("--tile-side", type=int, help="pixels; 0 decodes frames whole")
    parser.add_argument("--offload", choices=[o.value for o in Offload])
    parser.add_argument("--resident-blocks", type=int, help="with --offload blocks")
    parser.add_argument("--token-chunk", type=int, help="tokens at a time; default: all")
    parser.add_argument("--host-memory", choices=[h.value for h in HostMemory], default="pinned")
    parser.add_argument("--attention", choices=ATTENTION_BACKENDS, default="auto")
    parser.add_argument(
        "--memory-limit", type=float, metavar="GB", help="of the GPU, for the whole process"
    )
    parser.add_argument("--no-save", action="store_true", help="keep no rates for `ovi plan`")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    return parser


def _run(options: argparse.Namespace) -> dict[str, Any]:
    if options.repeats < 1:
        raise RequestError(f"{options.repeats} repeats measure nothing: use 1 or more.")
    if options.device is None:
        options.device = (options.profile and PROFILES[options.profile].device) or "auto"
    device = resolve_device(options.device)
    used_before = used_bytes(device)
    request, shape = read_settings(options, device)
    if options.memory_limit is not None:
        limit_memory(options.memory_limit, device, _context_bytes(device, used_before))
    ceilings = None
    if options.memory_limit is None:  # they would need too much of a small card
        model = torch.bfloat16 if device.type == "cuda" else torch.float32
        ceilings = measure_ceilings(device, model, num_heads=24, head_dim=128)
        _free_memory(device)
    stages = _measure_render(options, device, request, shape, used_before)
    saved = None
    if ceilings is not None and not options.no_save:
        saved = _save(device, ceilings, stages, shape, request)
    return {
        "schema": 2,
        "machine": _machine(device),
        "settings": _settings(options, request, shape),
        "ceilings": [] if ceilings is None else [asdict(limit) for limit in ceilings.listed],
        "stages": [asdict(measurement) for measurement in stages],
        "plan": _plan(shape),
        "rates_file": None if saved is None else str(saved),
    }


def _measure_render(
    options: argparse.Namespace,
    device: torch.device,
    request: ClipRequest,
    shape: RenderShape,
    used_before: int | None,
) -> list[Measurement]:
    variant, placement = shape.variant, shape.placement
    load, models = measure(
        "load",
        lambda: load_models(
            variant,
            request.precision,
            placement,
            device,
            options.ckpt_dir,
            use_random_weights=options.ckpt_dir is None,
        ),
        device,
        used_before=used_before,
    )
    pipeline = OviPipeline(variant, models, placement)
    found = [load]
    if placement.offload is Offload.NONE:  # else the model is not on the device yet
        found.append(
            measure_forward(pipeline, request, repeats=options.repeats, used_before=used_before)
        )
    if not options.forward_only:
        found += measure_stages(
            pipeline, request, used_before=used_before, writes_mp4=not options.no_mp4
        )
    return found


def _context_bytes(device: torch.device, used_before: int | None) -> int:
    """What the process takes of a GPU once CUDA is there and torch has taken nothing."""
    if device.type != "cuda":
        return 0
    torch.zeros(1, device=device)
    _free_memory(device)
    now = used_bytes(device)
    if now is None or used_before is None:
        return 0
    return now - used_before - torch.cuda.memory_reserved(device)


def _free_memory(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.empty_cache()


def _save(
    device: torch.device,
    ceilings: Ceilings,
    stages: Sequence[Measurement],
    shape: RenderShape,
    request: ClipRequest,
) -> Path | None:
    """Keeps the rates; None where they cannot be kept, which a benchmark can do without."""
    file, name = rates_file(), _device_name(device)
    before: Rates | None = read_rates(file).get(name)
    try:
        save_rates(rates_from(name, ceilings, stages, shape, request, before), file)
    except OSError:
        return None
    return file


def _plan(shape: RenderShape) -> dict[str, Any]:
    """What `ovi plan` says of the same render."""
    memory = render_memory(shape)
    return {
        "tensor_bytes": memory.tensor_bytes,
        "device_bytes": memory.device_bytes,
        "ram_bytes": memory.ram_bytes,
        "pinned_bytes": memory.pinned_bytes,
        "stages": {stage.stage: stage.device_bytes for stage in memory.stages},
    }


def _settings(
    options: argparse.Namespace, request: ClipRequest, shape: RenderShape
) -> dict[str, Any]:
    return {
        "variant": shape.variant.name,
        "size": str(shape.size),
        "video_tokens": video_tokens(shape.variant, shape.size),
        "audio_tokens": shape.variant.num_audio_latents,
        "steps": options.steps,
        "profile": options.profile,
        "precision": str(request.precision.transformer),
        "text_precision": str(request.precision.text_encoder),
        "vae_precision": str(request.precision.video_vae),
        "tile_side": 0 if request.vae_tiling is None else request.vae_tiling.side,
        "offload": str(shape.placement.offload),
        "resident_blocks": shape.placement.resident_blocks,
        "attention": options.attention,
        "weights": "random" if options.ckpt_dir is None else str(options.ckpt_dir),
        "memory_limit": options.memory_limit,
    }


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def _machine(device: torch.device) -> dict[str, Any]:
    return {
        "device": _device_name(device),
        "threads": torch.get_num_threads(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "ovi": __version__,
    }


def _as_text(report: dict[str, Any]) -> str:
    lines = [
        " ".join(f"{key}={value}" for key, value in report[part].items() if value is not None)
        for part in ("machine", "settings")
    ]
    lines.append("")
    for ceiling in (Ceiling(**entry) for entry in report["ceilings"]):
        lines.append(f"{ceiling.name:<36} {ceiling.value:10.4g} {ceiling.unit}")
    lines.append("")
    for stage in (Measurement(**entry) for entry in report["stages"]):
        lines.append(f"{stage.name:<36} {stage.seconds:10.3f} s{_memory_text(stage)}")
    if any(stage["peak_memory_bytes"] for stage in report["stages"]):
        plan = report["plan"]
        lines.append(
            f"{'planned: tensors, process':<36} {plan['tensor_bytes'] / 1e9:10.1f} GB"
            f"  process {plan['device_bytes'] / 1e9:6.1f} GB"
        )
    if report["rates_file"]:
        lines += ["", f"Kept for `ovi plan`: {report['rates_file']}"]
    return "\n".join(lines) + "\n"


def _memory_text(stage: Measurement) -> str:
    if stage.peak_memory_bytes is None:
        return ""
    process = stage.peak_device_bytes
    shown = "" if process is None else f"  process {process / 1e9:6.1f} GB"
    return f"  tensors {stage.peak_memory_bytes / 1e9:6.1f} GB{shown}"


if __name__ == "__main__":
    sys.exit(main())
