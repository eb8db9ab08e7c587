"""What caches of the velocity save and what they cost: nano's clips with them beside those without.

`python -m tests.benchmarks.caches [--clips N] [--no-judge] [--json] SETTING...`, where a SETTING is
`guidance_from,guidance_every,step_threshold`, such as `0.5,4,0.05`. Prompts and seeds are those of
`ovi eval nano`. Printed for each: the transformer's passes and the processor time of denoising, as
shares of the exact clip's; PSNR of the decoded frames to the exact clip's, median and 5th
percentile over the clips; and the judge's marks, exact and cached, on the same clips.
"""

import argparse
import json
import time
from dataclasses import replace

import numpy as np
import torch

from ovi.pipeline import load_pipeline
from ovi.spec.geometry import FrameSize
from ovi.spec.placement import Placement
from ovi.spec.request import (
    Caching,
    ClipRequest,
    Guidance,
    Precision,
    TransformerPrecision,
    default_sampling,
)
from ovi.training.judge.exam import draw_exam
from ovi.training.judge.marking import mark_clip
from ovi.training.judge.sources import peak_signal_to_noise
from ovi.training.judge.speech import load_recogniser
from ovi.training.judge.statistics import summarise

FP32 = TransformerPrecision.FP32


class Counted:
    """The transformer, counting its passes."""

    def __init__(self, model):
        self.passes, self.forward = 0, model.forward
        model.forward = self.count

    def count(self, *args, **kwargs):
        self.passes += 1
        return self.forward(*args, **kwargs)


def render(pipeline, counted, question, caching):
    """Frames (F, H, W, 3), waveform, passes, and seconds of denoising."""
    request = ClipRequest(
        text=question.prompt,
        variant="nano",
        size=FrameSize(128, 128),
        sampling=replace(default_sampling("nano"), seed=question.seed, caching=caching),
        guidance=Guidance(skip_layer=None),
        precision=Precision(FP32, FP32),
    )
    times, before = [], counted.passes

    def on_progress(progress):
        if progress.stage == "denoise":
            times.append(time.thread_time())

    stream = pipeline.render(request, on_progress=on_progress)
    frames = np.concatenate(list(stream.frames))
    return frames, stream.waveform, counted.passes - before, times[-1] - times[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("settings", nargs="+")
    parser.add_argument("--clips", type=int, default=24)
    parser.add_argument("--no-judge", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    torch.set_grad_enabled(False)
    placement = Placement(device="cpu", num_threads=1)
    pipeline = load_pipeline("nano", Precision(FP32, FP32), placement, None)
    counted = Counted(pipeline.models.fusion)
    recogniser = None if options.no_judge else load_recogniser()
    cachings = {"exact": None}
    for setting in options.settings:
        start, every, threshold = setting.split(",")
        cachings[setting] = Caching(float(start), int(every), float(threshold))
    found = {name: {"psnr": [], "passes": [], "seconds": [], "marks": []} for name in cachings}
    for question in draw_exam(options.clips):
        exact = None
        for name, caching in cachings.items():
            frames, waveform, passes, seconds = render(pipeline, counted, question, caching)
            exact = frames if exact is None else exact
            kept = found[name]
            kept["psnr"].append(peak_signal_to_noise(frames, exact))
            kept["passes"].append(passes)
            kept["seconds"].append(seconds)
            if not options.no_judge:
                kept["marks"].append(mark_clip(frames, waveform, question.scene, recogniser))
    report = {name: summary_of(kept, found["exact"]) for name, kept in found.items()}
    print(json.dumps(report, indent=2) if options.json else as_text(report))


def summary_of(kept, exact):
    return {
        "passes": sum(kept["passes"]) / sum(exact["passes"]),
        "time": sum(kept["seconds"]) / sum(exact["seconds"]),
        "psnr_median": float(np.median(kept["psnr"])),
        "psnr_5th": float(np.percentile(kept["psnr"], 5)),
        "judge": summarise(kept["marks"]).as_json() if kept["marks"] else None,
    }


def as_text(report):
    lines = ["setting            passes   time   PSNR median   5th"]
    for name, found in report.items():
        lines.append(
            f"{name:<18} {found['passes']:6.2f} {found['time']:6.2f}   "
            f"{found['psnr_median']:8.1f} dB {found['psnr_5th']:5.1f} dB"
        )
    for name, found in report.items():
        if found["judge"] is not None:
            lines.append(f"{name}: {json.dumps(found['judge'])}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
