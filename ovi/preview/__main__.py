"""`python -m ovi.preview`: what `ovi preview calibrate` runs."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ovi.errors import OviError
from ovi.preview.calibrating import calibrate
from ovi.preview.latent_map import WEIGHTS
from ovi.preview.maps import map_path
from ovi.preview.material import drawn_samples, video_samples
from ovi.spec.request import Precision
from ovi.spec.variants import VARIANTS, Variant, variant_named
from ovi.weights.store import weight_identities

EMBEDDED_SIDE = 128
PUBLISHED_SIDE = 256
"""Pixels of the squares that videos are cut to: enough for every kind of edge to appear."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Calibrates a variant's preview; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        path = _calibrate(options, variant_named(options.variant))
    except OviError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(f"{path}\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ovi preview calibrate",
        description="Learn how a variant's latents look, for its live preview.",
    )
    parser.add_argument("--variant", default="nano", choices=sorted(VARIANTS))
    parser.add_argument("--clips", type=Path, help="folder of videos; default: drawn clips")
    parser.add_argument("--num-clips", type=int, default=48)
    parser.add_argument("--ckpt-dir", type=Path)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--output", type=Path, help="default: where workers look for it")
    return parser


def _calibrate(options: argparse.Namespace, variant: Variant) -> Path:
    identities = weight_identities(variant, Precision(), options.ckpt_dir)
    if options.clips is None:
        samples = drawn_samples(options.num_clips)
    else:
        side = EMBEDDED_SIDE if variant.is_embedded else PUBLISHED_SIDE
        samples = video_samples(options.clips, side, options.num_clips)
    path: Path = options.output or map_path(variant, options.ckpt_dir)

    is_terminal = sys.stderr.isatty()

    def tell(num_clips: int) -> None:
        text = f"{num_clips} of at most {options.num_clips} clips"
        sys.stderr.write(f"\r{text}" if is_terminal else f"{text}\n")
        sys.stderr.flush()

    weights = {name: identities[name] for name in WEIGHTS}
    found = calibrate(variant, samples, options.ckpt_dir, options.device, weights, tell)
    if is_terminal:
        sys.stderr.write("\n")
    found.save(path)
    return path


if __name__ == "__main__":
    sys.exit(main())
