"""How near previews come to the clip, step by step, and what they cost a step.

`python -m tests.benchmarks.preview [--clips N] [--json]`: nano on one core, its own sampling,
prompts and seeds that neither its training nor the preview's map has seen. Times are processor
time of the thread, so that what else the machine does does not count.

Three comparisons, all of pictures from 0 to 1 over a whole clip, in dB (PSNR), mean over the clips:
`small` the preview against the decoded clip brought to the preview's size (each picture the mean of
the frames it stands for, each pixel the mean of those it covers); `large` the preview brought to
the clip's size (each picture held for its frames, bilinear) against the decoded clip; `flat` the
decoded clip's own mean colour against the decoded clip, which is what a preview that shows nothing
comes to. `file` is `small` for the WebP as it is written. `sound` is the share of the mel
spectrogram's variance that the preview explains.
"""

import argparse
import io
import json
import statistics
import time
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F

from ovi.pipeline import load_pipeline
from ovi.preview import watch_preview
from ovi.preview.fitting import shrink_frames
from ovi.preview.maps import calibrated_map
from ovi.spec.geometry import FrameSize
from ovi.spec.placement import Placement
from ovi.spec.request import (
    ClipRequest,
    Guidance,
    Precision,
    TransformerPrecision,
    default_sampling,
)
from ovi.spec.variants import NANO
from ovi.training.judge.exam import draw_exam
from ovi.weights.store import weight_identities
from ovi_studio.render.preview_writer import animation_of, sound_picture

FP32 = TransformerPrecision.FP32
PRECISION = Precision(FP32, FP32)
SIZE = FrameSize(128, 128)


def psnr(one, other):
    """dB over all pixels of a clip, brightness 0 to 1."""
    return float(-10 * torch.log10((one - other).square().mean()))


def brought_to_clip(pictures):
    """A preview (F, 3, h, w) as frames (T, 3, 128, 128)."""
    held = torch.cat([pictures[:1], pictures[1:].repeat_interleave(4, dim=0)])
    return F.interpolate(held, size=(SIZE.height, SIZE.width), mode="bilinear").clamp(0, 1)


def read_back(content, num_frames):
    """The pictures (F, 3, h, w) of an animation, whose equal neighbours are one."""
    from PIL import Image

    picture, frames = Image.open(io.BytesIO(content)), []
    for index in range(picture.n_frames):
        picture.seek(index)
        frame = torch.from_numpy(np.asarray(picture.convert("RGB")).copy()).permute(2, 0, 1) / 255
        frames += [frame] * max(1, round(picture.info["duration"] / 167))
    return torch.stack(frames)[:num_frames]


def measure_clip(pipeline, latent_map, question):
    """The estimates of one clip, seconds of its steps, and how near its previews came."""
    told, times = [], []
    request = ClipRequest(
        text=question.prompt,
        variant="nano",
        size=SIZE,
        sampling=replace(default_sampling("nano"), seed=question.seed),
        guidance=Guidance(skip_layer=None),
        precision=PRECISION,
    )

    def on_progress(progress):
        if progress.stage == "denoise":
            times.append(time.thread_time())

    stream = pipeline.render(
        request, on_progress=on_progress, on_estimate=lambda *step: told.append(step)
    )
    frames = torch.from_numpy(np.concatenate(list(stream.frames))).permute(3, 0, 1, 2) / 255
    wanted, true = shrink_frames(frames, latent_map.pixels_per_latent), frames.transpose(0, 1)
    audio = told[-1][2].audio
    with torch.inference_mode():
        mel = pipeline.models.audio_vae.decode_normalised(audio.transpose(1, 2))[0]
        drawn = [latent_map.frames_of(step[2].video[0]) for step in told]
        heard = [latent_map.mel_of(step[2].audio[0]) for step in told]
    bytes_of_last = (drawn[-1].permute(0, 2, 3, 1) * 255).round().to(torch.uint8).numpy()
    flat = true.mean((0, 2, 3), keepdim=True).expand_as(true)
    return (
        told,
        list(np.diff(times)),
        {
            "small": [psnr(pictures, wanted) for pictures in drawn],
            "large": [psnr(brought_to_clip(pictures), true) for pictures in drawn],
            "sound": [float(1 - (one - mel).square().mean() / mel.var()) for one in heard],
            "flat": psnr(flat, true),
            "file": psnr(read_back(animation_of(bytes_of_last), len(wanted)), wanted),
        },
    )


def measure_cost(told, weights):
    """Milliseconds of processor time: what a preview costs the render's thread, and its own."""
    lead, write = [], []

    def on_drawing(drawing):
        started = time.thread_time()
        animation_of(drawing.frames)
        sound_picture(drawing.mel)
        write.append(time.thread_time() - started)

    watch = watch_preview("nano", None, weights, on_drawing, 0.0)
    with torch.inference_mode():
        for index, num_steps, estimate in told:
            started = time.thread_time()
            watch(index, num_steps, estimate)
            lead.append(time.thread_time() - started)
            while watch._waiting is not None:
                time.sleep(0.001)
            time.sleep(0.05)  # the thread is done, and does not share the core with the next one
    watch.close()
    return 1000 * statistics.median(lead[1:]), 1000 * statistics.median(write[1:])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=12)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    weights = weight_identities(NANO, PRECISION, None)
    latent_map = calibrated_map(NANO, None, weights)
    assert latent_map is not None, "nano's map is missing: ovi preview calibrate --variant nano"
    pipeline = load_pipeline("nano", PRECISION, Placement(device="cpu", num_threads=1), None)
    curves, steps = [], []
    for question in draw_exam(options.clips):
        told, times, curve = measure_clip(pipeline, latent_map, question)
        curves.append(curve)
        steps += times
    lead, write = measure_cost(told, weights)
    step = 1000 * statistics.median(steps)
    means = {name: np.mean([curve[name] for curve in curves], axis=0) for name in curves[0]}
    report = {
        "clips": options.clips,
        "curves": {name: np.round(values, 2).tolist() for name, values in means.items()},
        "milliseconds": {"step": step, "render thread": lead, "preview thread": write},
    }
    print(json.dumps(report, indent=2) if options.json else as_text(report))


def as_text(report):
    curves = report["curves"]
    lines = ["step   small dB   large dB   sound"]
    for index, values in enumerate(
        zip(curves["small"], curves["large"], curves["sound"], strict=True)
    ):
        lines.append(f"{index + 1:4}   {values[0]:8.1f}   {values[1]:8.1f}   {values[2]:5.2f}")
    lines.append(
        f"a flat picture: {curves['flat']:.1f} dB large; the WebP: {curves['file']:.1f} dB"
    )
    took = report["milliseconds"]
    lines.append(
        f"a step {took['step']:.0f} ms; a preview {took['render thread']:.1f} ms of the render's "
        f"thread ({100 * took['render thread'] / took['step']:.1f} % of a step), "
        f"{took['preview thread']:.1f} ms of its own; {report['clips']} clips"
    )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
