"""`ovi eval nano`: makes held-out clips, judges them beside the true ones, and reports."""

import argparse
import json
import random
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ovi.errors import OviError, RequestError
from ovi.media import ClipWriter
from ovi.pipeline import OviPipeline, load_pipeline
from ovi.runtime.devices import resolve_device
from ovi.spec.geometry import FrameSize
from ovi.spec.placement import Placement
from ovi.spec.request import (
    Guidance,
    LoraFile,
    Precision,
    TransformerPrecision,
    default_sampling,
)
from ovi.training.judge.exam import Question, draw_exam
from ovi.training.judge.marking import Marks, mark_clip
from ovi.training.judge.report import as_table, write_into_page
from ovi.training.judge.sheet import draw_sheet
from ovi.training.judge.sources import JudgedClip, Source, by_model, through_vaes, true_clip
from ovi.training.judge.speech import HOW_TO_INSTALL, Recogniser, load_recogniser
from ovi.training.judge.statistics import Summary, summarise
from ovi.training.world.scene import FPS, NEW_SHAPES, SAMPLE_RATE, SHAPES
from ovi.training.world.wordings import Wordings
from ovi.weights.hashes import hash_files

FEWEST_CLIPS = 10
VARIANT = "nano"


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """One source's clips and marks; clips only as far as they are shown."""

    marks: tuple[Marks, ...]
    shown: tuple[tuple[Question, JudgedClip, Marks], ...]


def main(arguments: list[str] | None = None) -> int:
    """Runs the judge; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        if options.clips < FEWEST_CLIPS:
            raise RequestError(f"{options.clips} clips say nothing: judge {FEWEST_CLIPS} or more.")
        recogniser = load_recogniser()
        if recogniser is None:
            sys.stderr.write(f"{HOW_TO_INSTALL}\n")
        judged = _judge_all(options, recogniser)
        summaries = {name: summarise(found.marks) for name, found in judged.items()}
        _write_results(options, judged, summaries)
    except OviError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    if options.json:
        document = {name: found.as_json() for name, found in summaries.items()}
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
    else:
        sys.stdout.write(as_table(summaries))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ovi eval nano", description="Judge what nano makes of prompts it has never seen."
    )
    parser.add_argument("--clips", type=int, default=240, help="prompts (default 240)")
    parser.add_argument("--i2v", type=int, default=40, help="of them also from a first frame")
    parser.add_argument("--shape", choices=(*SHAPES, *NEW_SHAPES), help="objects of one shape only")
    parser.add_argument("--seen-wordings", action="store_true", help="word prompts as in training")
    parser.add_argument("--truth-only", action="store_true", help="judge the true clips alone")
    parser.add_argument("--vaes", action="store_true", help="also the true clips through the VAEs")
    parser.add_argument("--ckpt-dir", type=Path, help="folder of weights; else those shipped")
    parser.add_argument(
        "--lora", type=Path, action="append", default=[], help="LoRA file; may be given again"
    )
    parser.add_argument("--device", default="auto")
    parser.add_argument("--steps", type=int, help="denoising steps; else nano's own")
    parser.add_argument("--video-guidance", type=float, default=Guidance().video_scale)
    parser.add_argument("--audio-guidance", type=float, default=Guidance().audio_scale)
    parser.add_argument("--out", type=Path, help="folder for judge.json, judge.md and the clips")
    parser.add_argument("--keep", type=int, default=0, help="clips to keep there as MP4")
    parser.add_argument("--sheet", type=Path, help="PNG file for a contact sheet")
    parser.add_argument("--sheet-rows", type=int, default=24, help="clips on it (default 24)")
    parser.add_argument("--page", type=Path, help="Markdown page to write the table into")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    return parser


def _judge_all(options: argparse.Namespace, recogniser: Recogniser | None) -> dict[str, Judged]:
    """The marks of every source asked for; the last one is the model's, if it is asked for."""
    wordings = Wordings.SEEN if options.seen_wordings else Wordings.UNSEEN
    exam = draw_exam(options.clips, wordings=wordings, shape=options.shape)
    num_shown = max(options.sheet_rows if options.sheet else 0, options.keep)
    judged = {"true clips": _judge(exam, true_clip, recogniser, num_shown, "true clips")}
    if options.truth_only:
        return judged
    pipeline, precision = _pipeline(options)
    if options.vaes:
        name = "true clips through the VAEs"
        judged[name] = _judge(exam, through_vaes(pipeline), recogniser, num_shown, name)
    sampling = default_sampling(VARIANT)
    if options.steps is not None:
        sampling = replace(sampling, num_steps=options.steps)
    guidance = replace(
        Guidance(), video_scale=options.video_guidance, audio_scale=options.audio_guidance
    )
    hashes = hash_files(options.lora)
    loras = [LoraFile(str(path), hashes[path]) for path in options.lora]
    if options.i2v:
        name = f"{VARIANT}, given the first frame"
        source = by_model(
            pipeline, sampling, guidance, precision, from_first_frame=True, loras=loras
        )
        judged[name] = _judge(_spread(exam, options.i2v), source, recogniser, 0, name)
    source = by_model(pipeline, sampling, guidance, precision, loras=loras)
    judged[VARIANT] = _judge(exam, source, recogniser, num_shown, VARIANT)
    return judged


def _pipeline(options: argparse.Namespace) -> tuple[OviPipeline, Precision]:
    on_gpu = resolve_device(options.device).type == "cuda"
    number = TransformerPrecision.BF16 if on_gpu else TransformerPrecision.FP32
    precision = Precision(
        transformer=number, text_encoder=number, video_vae=TransformerPrecision.FP32
    )
    placement = Placement(device=options.device)
    return load_pipeline(VARIANT, precision, placement, options.ckpt_dir), precision


def _judge(
    exam: tuple[Question, ...],
    source: Source,
    recogniser: Recogniser | None,
    num_shown: int,
    name: str,
) -> Judged:
    is_shown = set(_spread(exam, num_shown))
    all_marks, shown = [], []
    for index, question in enumerate(exam):
        clip = source(question)
        marks = mark_clip(clip.frames, clip.waveform, question.scene, recogniser)
        if clip.psnr is not None:
            measured = {**marks.measured, "first frame kept (PSNR, dB)": clip.psnr}
            marks = replace(marks, measured=measured)
        all_marks.append(marks)
        if question in is_shown:
            shown.append((question, clip, marks))
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{name}: {index + 1} of {len(exam)} ")
    if sys.stderr.isatty():
        sys.stderr.write("\n")
    return Judged(tuple(all_marks), tuple(shown))


def _spread(exam: tuple[Question, ...], count: int) -> tuple[Question, ...]:
    """`count` questions, drawn from the whole exam and in its order; always the same ones."""
    # Not every n-th: motions come in turn, so that some would never be met.
    chosen = random.Random(count).sample(range(len(exam)), min(count, len(exam)))
    return tuple(exam[index] for index in sorted(chosen))


def _write_results(
    options: argparse.Namespace, judged: Mapping[str, Judged], summaries: Mapping[str, Summary]
) -> None:
    shown = list(judged.values())[-1].shown
    if options.sheet is not None:
        options.sheet.parent.mkdir(parents=True, exist_ok=True)
        draw_sheet(shown[: options.sheet_rows]).save(options.sheet)
    if options.page is not None:
        write_into_page(options.page, as_table(summaries))
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "judge.md").write_text(as_table(summaries), encoding="utf-8")
        document: dict[str, Any] = {
            name: {**summaries[name].as_json(), "marks": [asdict(mark) for mark in found.marks]}
            for name, found in judged.items()
        }
        (options.out / "judge.json").write_text(json.dumps(document, indent=1), encoding="utf-8")
        for question, clip, _ in shown[: options.keep]:
            _write_clip(options.out / f"{question.seed}.mp4", question, clip)


def _write_clip(path: Path, question: Question, clip: JudgedClip) -> None:
    num_frames, height, width, _ = clip.frames.shape
    with ClipWriter(
        path,
        size=FrameSize(height, width),
        num_frames=num_frames,
        fps=FPS,
        sample_rate=SAMPLE_RATE,
        waveform=clip.waveform,
        recipe={"judge": question.prompt, "seed": question.seed},
    ) as writer:
        writer.write(clip.frames)


if __name__ == "__main__":
    sys.exit(main())
