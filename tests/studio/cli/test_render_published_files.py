"""Published weight files and the published configuration, from the command to the clip.

The files are of toy size, but have the published layout, formats and key names.
"""

import hashlib
import json
import re
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from ovi.media import read_recipe
from ovi.pipeline import load_pipeline
from ovi.spec.geometry import FrameSize
from ovi.spec.placement import Placement
from ovi.spec.request import ClipRequest, Precision, Sampling, TransformerPrecision
from ovi.spec.variants import variant_named
from ovi.weights.manifest import FP8_FUSION_PATH, components_of
from tests.engine.toy_checkpoints import write_toy_checkpoints

from .command import ROOT, ovi

PUBLISHED_YAML = (ROOT / "tests" / "fixtures" / "inference_fusion.yaml").read_text("utf-8")
PUBLISHED_SET = Path("example_prompts") / "gpt_examples_10s_i2v.csv"
"""What the published configuration renders, relative to the working directory."""

PROMPT = "A cat looks up. It says, <S>Hello.<E> Audio: A small voice, rain."

STAGES = ("load", "text", "denoise", "audio", "video", "write")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A working directory as the published program has it: ./ckpts and a set of prompts."""
    folder = tmp_path_factory.mktemp("project")
    write_toy_checkpoints(folder / "ckpts")
    (folder / PUBLISHED_SET).parent.mkdir()
    (folder / PUBLISHED_SET).write_text(
        f'text_prompt,image_path\n"{PROMPT}",pngs/wide.png\n"{PROMPT}",pngs/tall.png\n'
    )
    (folder / "pngs").mkdir()
    Image.new("RGB", (1280, 704), (80, 120, 160)).save(folder / "pngs" / "wide.png")
    Image.new("RGB", (300, 400), (80, 120, 160)).save(folder / "pngs" / "tall.png")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))  # keeps hashes of weight files
        yield folder


def write_config(folder, **values):
    """The published configuration with other values for some of its keys."""
    text = PUBLISHED_YAML
    for key, value in values.items():
        text, count = re.subn(rf"(?m)^{key}:.*$", f"{key}: {json.dumps(value)}", text)
        assert count == 1, key
    path = folder / "config.yaml"
    path.write_text(text)
    return path


def plan(folder, config):
    ended = ovi("render", "--config", config, "--dry-run", "--json", folder=folder)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


@pytest.fixture(scope="module")
def rendered(project):
    """How the command ended that rendered a clip of the 720x720_5s model."""
    config = write_config(
        project,
        model_name="720x720_5s",
        mode="t2v",
        video_frame_height_width=[720, 720],
        text_prompt=PROMPT,
        each_example_n_times=1,
        sample_steps=1,
    )
    ended = ovi(
        "render", "--config", config, "--device", "cpu", "--progress", "json", folder=project
    )
    assert ended.returncode == 0, ended.stderr
    return ended


@pytest.fixture(scope="module")
def clip(project, rendered):
    """The one clip that came out."""
    assert rendered is not None
    (clip,) = (project / "outputs").glob("*.mp4")
    return clip


def test_the_clip_has_the_published_length_size_and_sound(clip):
    with av.open(str(clip)) as media:
        video, audio = media.streams.video[0], media.streams.audio[0]
        assert (video.codec_context.name, video.pix_fmt) == ("h264", "yuv420p")
        assert (video.height, video.width, float(video.average_rate)) == (704, 704, 24.0)
        assert (audio.codec_context.name, audio.rate, audio.channels) == ("aac", 16_000, 1)
        frames = [frame.to_ndarray(format="gray") for frame in media.decode(video=0)]
    assert len(frames) == 121
    assert frames[0].std() > 1
    assert not np.array_equal(frames[0], frames[60])
    with av.open(str(clip)) as media:
        sound = np.concatenate([frame.to_ndarray()[0] for frame in media.decode(audio=0)])
    assert abs(len(sound) - 157 * 512) <= 1024, "the encoder works in blocks of 1024"
    assert sound.std() > 0


def test_the_recipe_is_in_the_clip_and_beside_it(clip, project):
    recipe = read_recipe(clip)
    assert recipe == json.loads(clip.with_suffix(".json").read_text())
    assert recipe["request"]["text"] == (
        "A cat looks up. It says, <S>Hello.<E> <AUDCAP>A small voice, rain.<ENDAUDCAP>"
    )
    assert recipe["request"]["sampling"] == {
        "seed": 103, "num_steps": 1, "shift": 5.0, "solver": "unipc", "caching": None,
    }  # fmt: skip
    assert recipe["warnings"] == [], "nothing random, nothing cut off"
    files = {
        component.name: project / "ckpts" / component.path
        for component in components_of(variant_named("720x720_5s"), Precision())
        if component.name != "tokenizer"
    }
    for name, file in files.items():
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        assert recipe["weights"][name] == f"sha256:{digest}"


def test_the_real_size_is_told_first_and_every_stage_after_it(rendered):
    assert rendered.stderr.index("720x720 becomes 704x704") >= 0
    events = [json.loads(line) for line in rendered.stdout.splitlines()]
    assert events[0]["event"] == "plan"
    assert events[0]["clips"][0]["size"] == {"height": 704, "width": 704}
    stages = [event["stage"] for event in events if event["event"] == "progress"]
    seen = list(dict.fromkeys(stages))
    assert seen == [stage for stage in STAGES if stage in seen], "a short one may be missed"
    assert {"denoise", "video"} <= set(seen)


def test_the_published_configuration_plans_as_it_is(project):
    """Two rows, each with two seeds, at the sizes of their first frames."""
    config = project / "inference_fusion.yaml"
    config.write_text(PUBLISHED_YAML)
    document = plan(project, config)
    clips = document["clips"]
    assert document["num_clips"] == 4
    assert [(clip["row"], clip["seed"]) for clip in clips] == [
        ("1", 103), ("1", 104), ("2", 103), ("2", 104),
    ]  # fmt: skip
    assert {(clip["variant"], clip["mode"], clip["num_steps"]) for clip in clips} == {
        ("960x960_10s", "i2v", 50)
    }
    assert [clip["num_frames"] for clip in clips] == [241] * 4
    assert clips[0]["size"] == {"height": 704, "width": 1280}
    assert clips[2]["size"] == {"height": 1120, "width": 832}
    assert clips[0]["request"]["text"] == PROMPT, "this model takes the prefixed form"
    names = [Path(clip["output"]).name for clip in clips]
    assert names[0] == f"gpt_examples_10s_i2v-1-s103-{clips[0]['identity'][:8]}.mp4"
    assert len(set(names)) == 4
    assert {Path(clip["output"]).parent for clip in clips} == {project / "outputs"}
    assert not (project / "outputs" / names[0]).exists()


def test_the_published_configuration_names_what_it_lacks(tmp_path):
    (tmp_path / "inference_fusion.yaml").write_text(PUBLISHED_YAML)
    ended = ovi("render", "--config", "inference_fusion.yaml", folder=tmp_path)
    assert ended.returncode == 2
    assert f"There is no file {PUBLISHED_SET}" in ended.stderr


def test_fp8_of_the_configuration_is_another_clip(project):
    same = {"model_name": "720x720_5s", "mode": "t2v", "text_prompt": PROMPT}
    plain = plan(project, write_config(project, **same))["clips"][0]
    small = plan(project, write_config(project, **same, fp8=True))["clips"][0]
    assert small["request"]["precision"]["transformer"] == "fp8"
    assert small["identity"] != plain["identity"]


@pytest.mark.parametrize("missing", [(), (FP8_FUSION_PATH,)], ids=["fp8 file", "cast"])
def test_fp8_renders_the_whole_clip(tmp_path, missing):
    write_toy_checkpoints(tmp_path)
    for path in missing:
        (tmp_path / path).unlink()
    latents = set()
    for transformer in (TransformerPrecision.FP8, TransformerPrecision.BF16):
        precision = Precision(transformer=transformer)
        pipeline = load_pipeline("720x720_5s", precision, Placement(device="cpu"), tmp_path)
        request = ClipRequest(
            text="A cat.",
            variant="720x720_5s",
            size=FrameSize(32, 64),
            sampling=Sampling(num_steps=1),
            precision=precision,
        )
        stream = pipeline.render(request)
        frames = np.concatenate(list(stream.frames))
        assert frames.shape == (121, 32, 64, 3)
        assert frames.std() > 1
        assert stream.waveform.shape == (157 * 512,)
        assert stream.warnings == ()
        latents.add(stream.latents_sha256)
    assert len(latents) == 2
