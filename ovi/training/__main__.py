"""`python -m ovi.training`: trains one stage in a run folder, and goes on where it stopped."""

import argparse
import logging
import sys
from dataclasses import replace
from pathlib import Path

import torch

from ovi.errors import OviError
from ovi.training.config import CONFIG_DIR, RunConfig, read_config
from ovi.training.processes import joined_processes
from ovi.training.stages import STAGES
from ovi.training.trainer import CHECKPOINT, Trainer
from ovi.training.travel import pack_state, unpack_state
from ovi.weights.manifest import NANO_DIR


def main(arguments: list[str] | None = None) -> int:
    """Runs the training; returns the exit code."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING)
    try:
        if options.stage == "pack":
            pack_state(options.run / CHECKPOINT, options.packed)
        elif options.stage == "unpack":
            unpack_state(options.packed, options.run / CHECKPOINT)
        else:
            _train(options)
    except OviError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped; the same command goes on from the last checkpoint.\n")
        return 130
    return 0


def _train(options: argparse.Namespace) -> None:
    config = _config(options)
    with joined_processes(options.device) as processes:
        torch.manual_seed(config.seed)
        torch.set_float32_matmul_precision("high")
        stage = STAGES[config.stage](config)
        if options.start_from is not None:
            shipped = options.start_from == "nano"
            stage.start_from(NANO_DIR if shipped else Path(options.start_from))
        trainer = Trainer(stage, config, options.run, processes, options.workers)
        if trainer.resume() and processes.is_first:
            sys.stderr.write(f"Going on after step {trainer.state.step}.\n")
        trainer.run()


def _config(options: argparse.Namespace) -> RunConfig:
    """The configuration with what the command line changes."""
    config = read_config(options.config or options.stage)
    settings = dict(config.settings)
    for name in ("video_vae", "audio_vae", "latents"):
        value = getattr(options, name)
        if value is not None:
            settings[name] = str(value)
    changes = {
        name: getattr(options, name)
        for name in ("seed", "num_steps", "minutes", "batch_size", "accumulate")
        if getattr(options, name) is not None
    }
    if options.plain:
        changes |= {"compile": False, "cuda_graphs": False}
    return replace(config, settings=settings, **changes)


def _parser() -> argparse.ArgumentParser:
    shipped = ", ".join(sorted(path.stem for path in CONFIG_DIR.glob("*.toml")))
    parser = argparse.ArgumentParser(prog="ovi train", description=__doc__)
    commands = parser.add_subparsers(dest="stage", required=True, metavar="COMMAND")
    for stage in STAGES:
        command = commands.add_parser(stage, help=f"train stage {stage}")
        command.add_argument("--run", type=Path, required=True, help="the run's folder")
        command.add_argument("--config", help=f"a .toml file, or {shipped} (default: the stage's)")
        command.add_argument("--seed", type=int)
        command.add_argument("--num-steps", type=int, help="steps of the whole run")
        command.add_argument("--minutes", type=float, help="wall time of the whole run")
        command.add_argument("--batch-size", type=int)
        command.add_argument("--accumulate", type=int, help="forward passes for each step")
        command.add_argument("--video-vae", type=Path, help="trained weights, for stage fusion")
        command.add_argument("--audio-vae", type=Path, help="for stages vocoder and fusion")
        command.add_argument("--latents", type=Path, help="cache of latents, for stage fusion")
        command.add_argument(
            "--start-from",
            help="folder of weight files to begin with, or nano for the shipped ones",
        )
        command.add_argument(
            "--plain", action="store_true", help="neither compile nor record CUDA graphs"
        )
        command.add_argument("--device", default="auto", help="auto, cpu or cuda")
        command.add_argument("--workers", type=int, default=0, help="processes that prepare data")
    for name, text in (
        ("pack", "make a run's state small, to carry it to another machine"),
        ("unpack", "make a run's folder from a packed state"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("--run", type=Path, required=True, help="the run's folder")
        command.add_argument("--packed", type=Path, required=True, help="folder of the small files")
    return parser


if __name__ == "__main__":
    sys.exit(main())
