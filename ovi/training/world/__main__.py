"""`ovi train data`: writes clips of the nano world as MP4 files, with their captions in a CSV."""

import argparse
import csv
import sys
from dataclasses import asdict
from pathlib import Path

from ovi.errors import OviError, RequestError
from ovi.media import ClipWriter
from ovi.spec.geometry import FrameSize
from ovi.training.world.clips import draw_clips
from ovi.training.world.scene import FPS, NEW_SHAPES, NUM_FRAMES, SAMPLE_RATE, SHAPES, SIDE, Split
from ovi.training.world.sound_bank import load_sound_bank

CAPTIONS_FILE = "clips.csv"


def main(arguments: list[str] | None = None) -> int:
    """Writes the clips; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        if options.count < 1:
            raise RequestError(f"{options.count} clips are none: give --count 1 or more.")
        seeds = range(options.seed, options.seed + options.count)
        write_clips(options.out, seeds, Split(options.split), options.shape)
    except OviError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(f"Wrote {options.count} clips and {options.out / CAPTIONS_FILE}.\n")
    return 0


def write_clips(folder: Path, seeds: range, split: Split, shape: str | None = None) -> None:
    """Writes one clip a seed, and a CSV with columns text_prompt, clip and image_path.

    With a `shape` there are no faces, and every object has that shape. Names are the seeds. The
    first frame of each clip stands beside it, so that the CSV is also a prompt set for the
    first-frame mode. Raises MediaError.
    """
    from PIL import Image

    bank = load_sound_bank()
    rows = []
    face_share = 0.5 if shape is None else 0.0
    for seed in seeds:
        clips = draw_clips([seed], bank, split=split, face_share=face_share, shape=shape)
        frames = clips.frames[0].permute(0, 2, 3, 1).contiguous().numpy()
        path = folder / f"{seed:06d}.mp4"
        with ClipWriter(
            path,
            size=FrameSize(SIDE, SIDE),
            num_frames=NUM_FRAMES,
            fps=FPS,
            sample_rate=SAMPLE_RATE,
            waveform=clips.waveforms[0].numpy(),
            recipe={"nano_world": asdict(clips.scenes[0]), "caption": clips.captions[0]},
        ) as writer:
            writer.write(frames)
        picture = path.with_suffix(".png")
        Image.fromarray(frames[0]).save(picture)
        rows.append((clips.captions[0], path.name, picture.name))
    with (folder / CAPTIONS_FILE).open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("text_prompt", "clip", "image_path"))
        table.writerows(rows)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ovi train data",
        description="Write clips of the nano world, to look at and to learn from.",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for the clips")
    parser.add_argument("--count", type=int, default=16, help="clips (default 16)")
    parser.add_argument("--seed", type=int, default=0, help="of the first clip (default 0)")
    parser.add_argument(
        "--split",
        choices=[split.value for split in Split],
        default=Split.TRAIN.value,
        help="train: what models learn from; judge: what is kept from them",
    )
    parser.add_argument(
        "--shape",
        choices=(*SHAPES, *NEW_SHAPES),
        help=f"objects of one shape only; {', '.join(NEW_SHAPES)} is in no training data",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
