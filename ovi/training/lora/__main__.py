"""`ovi train lora`: teaches a transformer something new from a folder of clips."""

import argparse
import gc
import logging
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import torch
from safetensors.torch import load_file, save_file

from ovi.errors import OviError
from ovi.models.fusion.model import FusionModel
from ovi.runtime.components import load_components
from ovi.spec.geometry import FrameSize, fit_size
from ovi.spec.placement import Placement
from ovi.spec.request import Precision, TransformerPrecision
from ovi.spec.variants import VARIANTS, Variant, variant_named
from ovi.training.config import RunConfig, read_config
from ovi.training.errors import TrainingError
from ovi.training.lora.adapters import Layers
from ovi.training.lora.captions import CaptionedClip, find_clips, in_form, some_of
from ovi.training.lora.clip_reading import look_at
from ovi.training.lora.encoding import (
    ClipToEncode,
    Encoders,
    encode_clips,
)
from ovi.training.processes import joined_processes
from ovi.training.stages.lora import LoraStage
from ovi.training.trainer import Trainer
from ovi.weights.store import locate_files

CACHE = "cache"
"""The folder inside a run's own that keeps latents and text embeddings."""


def main(arguments: list[str] | None = None) -> int:
    """Runs the training; returns the exit code."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING)
    try:
        _train(options)
    except OviError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped; the same command goes on from the last checkpoint.\n")
        return 130
    return 0


def _train(options: argparse.Namespace) -> None:
    variant = variant_named(options.variant)
    config = _config(options, variant)
    output = options.output or Path(f"{options.clips.resolve().name}.safetensors")
    if output.suffix != ".safetensors":
        raise TrainingError(f"{output} is to be a .safetensors file: give it that ending.")
    run = options.run or output.with_name(f"{output.stem}-run")
    clips = _usable_clips(options.clips, options.captions, variant, options.size)
    kept = _usable_clips(options.keep, None, variant, options.size) if options.keep else []
    with joined_processes(options.device) as processes:
        precision = _precision(options.precision, processes.device)
        locate_files(variant, precision, options.ckpt_dir)  # says what is missing, if anything
        torch.manual_seed(config.seed)
        encoders = Encoders(variant, precision, options.ckpt_dir, processes.device)
        encoded, no_text = encode_clips([*clips, *kept], encoders, run / CACHE)
        gc.collect()  # of the encoders, before the transformer comes
        fusion = load_base(variant, precision, processes.device, options.ckpt_dir)
        stage = LoraStage(config, fusion, encoded[: len(clips)], no_text, encoded[len(clips) :])
        trainer = Trainer(stage, config, run, processes, num_workers=0)
        if trainer.resume() and processes.is_first:
            sys.stderr.write(f"Going on after step {trainer.state.step}.\n")
        trainer.run()
        if processes.is_first:
            _publish(run / "weights" / "lora.safetensors", output, config, variant)


def load_base(
    variant: Variant,
    precision: Precision,
    device: torch.device,
    ckpt_dir: Path | None,
    *,
    use_random_weights: bool = False,
) -> FusionModel:
    """The frozen transformer, on the device, with an attention that has gradients."""
    placement = Placement(device=str(device), attention="sdpa")
    components = load_components(
        ["fusion"],
        variant,
        precision,
        placement,
        device,
        ckpt_dir,
        use_random_weights=use_random_weights,
    )
    return cast("FusionModel", components.modules["fusion"].requires_grad_(False))


def _usable_clips(
    folder: Path, captions: Path | None, variant: Variant, size: str | None
) -> list[ClipToEncode]:
    """The clips of a folder that can be learned from; tells about the others."""
    usable, short, silent = [], [], []
    for clip in find_clips(folder, captions):
        facts = look_at(clip.path, variant)
        if not facts.is_long_enough(variant):
            short.append(clip.path.name)
            continue
        if not facts.has_sound:
            silent.append(clip.path.name)
        asked = facts.size if size is None else FrameSize.parse(size)
        fitted = fit_size(asked.height, asked.width, variant.target_area)
        caption = in_form(clip.caption, variant.audio_form)
        usable.append(ClipToEncode(CaptionedClip(clip.path, caption), fitted))
    length = f"{variant.video_seconds:.2f} s"
    if not usable:
        raise TrainingError(
            f"All {len(short)} clips of {folder} are shorter than {variant.name} makes them "
            f"({length}). Give longer ones."
        )
    if short:
        sys.stderr.write(
            f"{len(short)} clips are left out, being shorter than {length}: {some_of(short)}.\n"
        )
    if silent:
        sys.stderr.write(
            f"{len(silent)} clips are without sound, so only their picture counts: "
            f"{some_of(silent)}.\n"
        )
    return usable


def _publish(trained: Path, output: Path, config: RunConfig, variant: Variant) -> None:
    """Puts the LoRA file where it was wanted, with a note on what made it."""
    settings = config.settings
    made = [variant.name, settings.get("layers", Layers.BOTH), f"rank {settings.get('rank')}"]
    # One entry only: the order of several differs from file to file, and equal runs must give
    # equal files.
    note = {"made_by": f"ovi train lora ({', '.join(made)}, seed {config.seed})"}
    output.parent.mkdir(parents=True, exist_ok=True)
    partial = output.with_suffix(".partial")
    save_file(load_file(trained), partial, metadata=note)
    partial.chmod(0o644)
    partial.replace(output)
    sys.stderr.write(f"\nWrote {output}: ovi render --lora {output} --variant {variant.name}\n")


def _precision(name: str | None, device: torch.device) -> Precision:
    """Number formats of the frozen models: of the transformer, and what goes with it."""
    default = TransformerPrecision.FP32 if device.type == "cpu" else TransformerPrecision.BF16
    transformer = default if name is None else TransformerPrecision(name)
    text = default if transformer is TransformerPrecision.FP8 else transformer
    return Precision(transformer, text, TransformerPrecision.FP32)


def _config(options: argparse.Namespace, variant: Variant) -> RunConfig:
    """The configuration with what the command line changes."""
    config = read_config(options.config)
    if config.stage != "lora":
        raise TrainingError(f"{options.config} configures stage {config.stage}, not lora.")
    settings: dict[str, Any] = {"checkpoint_blocks": not variant.is_embedded, **config.settings}
    settings |= _said(options, ("rank", "layers", "shift", "keep_share"))
    optimizer = replace(config.optimizer, **_said(options, ("learning_rate",)))
    names = ("seed", "num_steps", "minutes", "batch_size", "accumulate", "save_every_seconds")
    changes = _said(options, names)
    return replace(config, settings=settings, optimizer=optimizer, **changes)


def _said(options: argparse.Namespace, names: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(options, name) for name in names if getattr(options, name) is not None}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ovi train lora", description=__doc__)
    add = parser.add_argument
    add("--clips", type=Path, required=True, help="folder of clips to learn from")
    add("--captions", type=Path, help="CSV with columns clip and text_prompt; else .txt files")
    add("--keep", type=Path, help="folder of clips of what the model knows, so that it stays")
    add("--variant", default="nano", choices=list(VARIANTS), help="default: nano")
    add("--output", type=Path, help="the LoRA file (default: the folder's name, .safetensors)")
    add("--run", type=Path, help="folder of the run's state (default: beside the output)")
    add("--rank", type=int, help="default: 16")
    add("--layers", choices=list(Layers), help="default: both")
    add("--steps", dest="num_steps", type=int, help="default: 1000")
    add("--minutes", type=float, help="wall time of the whole run")
    add("--batch-size", type=int, help="clips in a pass (default 1)")
    add("--accumulate", type=int, help="passes for each step (default 1)")
    add("--learning-rate", type=float, help="default: 1e-4")
    add("--shift", type=float, help="above 1 more steps are at strong noise (default 5)")
    add("--keep-share", type=float, help="of the clips in a batch, with --keep (default 0.5)")
    add("--size", metavar="HxW", help="of all clips, fitted to the variant; default: each its own")
    add("--seed", type=int)
    add("--config", default="lora", help="a .toml file (default: the shipped lora.toml)")
    add("--precision", choices=["fp32", "bf16", "fp8", "int8"], help="of the frozen weights")
    add("--ckpt-dir", type=Path, help="folder of the published weights (default ./ckpts)")
    add("--device", default="auto", help="auto, cpu or cuda")
    add("--save-every-seconds", type=float, help="between two checkpoints (default 120)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
