"""Small real clips with real recipes, written by the engine's own writer in a tenth of a second."""

import shutil
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np

from ovi.media import ClipWriter
from ovi.spec.geometry import FrameSize
from ovi.spec.identity import clip_identity
from ovi.spec.placement import Placement
from ovi.spec.request import ClipRequest, Guidance, Sampling
from ovi_studio.project.new_project import create_project
from ovi_studio.render.job import ClipSource, RenderTask
from ovi_studio.render.naming import clip_name
from ovi_studio.render.record import recipe_for

WEIGHTS = {"fusion": "sha256:1234"}
NUM_FRAMES = 24
COLOURS = ((200, 60, 40), (40, 160, 80), (60, 90, 220), (220, 200, 60))

PEOPLE = (
    "id,text_prompt,seed,mood\n"
    '1,"A cat says <S>meow, now<E>. Audio: A cat.",7,calm\n'
    '2,"A dog barks. Audio: A dog.",,"wild, loud"\n'
)


def clip_task(folder: Path, row: str = "1", seed: int = 7, text: str = "", **changes) -> RenderTask:
    """A task of the set `people`. `changes` are fields of `Sampling`, `guidance` and `loras`."""
    loras = changes.pop("loras", ())
    guidance = changes.pop("guidance", Guidance(skip_layer=None))
    prompts = {
        "1": "A cat says <S>meow, now<E>. Audio: A cat.",
        "2": "A dog barks. Audio: A dog.",
    }
    request = ClipRequest(
        text=text or prompts.get(row, "A bird sings."),
        variant="nano",
        size=FrameSize(128, 128),
        loras=loras,
        sampling=replace(Sampling(seed=seed, num_steps=20), **changes),
        guidance=guidance,
    )
    identity = clip_identity(request, WEIGHTS)
    source = ClipSource("people", row)
    return RenderTask(
        identity=identity,
        request=request,
        placement=Placement(),
        weights=WEIGHTS,
        ckpt_dir=None,
        source=source,
        output=folder / clip_name(source, seed, identity),
    )


def write_clip(task: RenderTask, *, number: int = 0, recipe: dict | None = None) -> Path:
    """Writes the clip of a task: a bar that moves over a colour, under a tone."""
    made = recipe or recipe_for(
        task,
        versions={"ovi": "1", "python": "3", "torch": "2"},
        device="cpu",
        created=datetime(2026, 1, 2, 3, number % 60, tzinfo=UTC),
        latents_sha256="0" * 64,
        warnings=(),
    )
    frames = np.empty((NUM_FRAMES, 64, 64, 3), np.uint8)
    frames[:] = COLOURS[number % len(COLOURS)]
    for place, frame in enumerate(frames):
        frame[:, place * 2 : place * 2 + 8] = 255
    moments = np.arange(16_000) / 16_000
    tone = (0.6 * np.sin(2 * np.pi * 440 * moments) * (moments < 0.5)).astype(np.float32)
    with ClipWriter(
        task.output, size=FrameSize(64, 64), num_frames=NUM_FRAMES, fps=24, sample_rate=16_000,
        waveform=tone, recipe=made,
    ) as writer:  # fmt: skip
        writer.write(frames)
    return task.output


@cache
def _four_clips() -> Path:
    """A folder with four clips of two rows, made once a run."""
    folder = Path(mkdtemp(prefix="ovi-clips-"))
    for number, (row, seed) in enumerate((("1", 7), ("1", 8), ("2", 7), ("2", 9))):
        write_clip(clip_task(folder, row, seed), number=number)
    return folder


def make_project(root: Path) -> Path:
    """A project with the set `people` and four clips; the newest is row 2 with seed 9."""
    create_project(root)
    for path in (root / "prompts").iterdir():
        path.unlink()
    (root / "prompts" / "people.csv").write_text(PEOPLE, encoding="utf-8")
    shutil.copytree(_four_clips(), root / "renders", dirs_exist_ok=True)
    return root
