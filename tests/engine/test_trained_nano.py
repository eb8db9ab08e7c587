"""`nano` as it ships shows and sounds like what two of its own prompts say: its weights are whole.

How good it is, `ovi eval nano` measures; this only tells trained weights from broken or lost ones.
"""

import csv
from pathlib import Path

import numpy as np
import pytest

from ovi.pipeline import OviPipeline, load_pipeline
from ovi.spec.geometry import FrameSize
from ovi.spec.placement import Placement
from ovi.spec.request import ClipRequest, Precision, Sampling, TransformerPrecision
from ovi.training.judge.faces import see_face
from ovi.training.judge.hearing import Waveform, hear
from ovi.training.judge.marking import LEAST_LIKENESS, LONGEST_OFFSET, correlation
from ovi.training.judge.motions import LEAST_TRAVEL, contacts
from ovi.training.judge.objects import see_object
from ovi.training.judge.wall import Pixels, name_background

PROMPTS = Path(__file__).parents[2] / "prompts" / "nano.csv"
FP32 = TransformerPrecision.FP32
PRECISION = Precision(transformer=FP32, text_encoder=FP32, video_vae=FP32)
NUM_STEPS = 8
"""Of the usual 20; shows the same."""


@pytest.fixture(scope="module")
def pipeline() -> OviPipeline:
    return load_pipeline("nano", PRECISION, Placement(device="cpu"), None)


def render(pipeline: OviPipeline, beginning: str) -> tuple[Pixels, Waveform]:
    """Frames float32 (F, H, W, 3) and samples of the shipped prompt that begins so."""
    with PROMPTS.open(encoding="utf-8", newline="") as file:
        (row,) = (row for row in csv.DictReader(file) if row["text_prompt"].startswith(beginning))
    clip = pipeline.render(
        ClipRequest(
            text=row["text_prompt"],
            variant="nano",
            size=FrameSize(128, 128),
            sampling=Sampling(seed=int(row["seed"]), num_steps=NUM_STEPS),
            precision=PRECISION,
        )
    )
    assert clip.warnings == ()
    return np.concatenate(list(clip.frames)).astype(np.float32), clip.waveform


def test_a_red_circle_bounces_and_is_heard_when_it_does(pipeline: OviPipeline) -> None:
    frames, waveform = render(pipeline, "A red circle bounces")
    assert name_background(frames) == "dark blue"
    assert see_face(frames, "dark blue") is None
    seen = see_object(frames)
    assert seen is not None
    assert (seen.shape, seen.colour) == ("circle", "red")
    assert np.nanmax(seen.y) - np.nanmin(seen.y) > LEAST_TRAVEL > np.nanstd(seen.x)
    heard = hear(waveform)
    assert heard.kind == "thud"
    hits = contacts(seen)
    assert len(hits) >= 2
    assert all(np.abs(heard.onsets - hit).min() < LONGEST_OFFSET for hit in hits)


def test_a_woman_has_the_looks_asked_for_and_moves_her_mouth_as_she_speaks(
    pipeline: OviPipeline,
) -> None:
    frames, waveform = render(pipeline, "A pale woman with long black hair")
    face = see_face(frames, "grey")
    assert face is not None
    assert (face.skin, face.hair, face.hair_of, face.hat) == ("pale", "black", "woman", None)
    assert correlation(face.mouth, hear(waveform).loudness) >= LEAST_LIKENESS
