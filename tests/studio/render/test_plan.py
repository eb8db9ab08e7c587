"""What an order comes to, before anything is loaded. All of it runs on `nano`, without files."""

import hashlib
import json
import struct
import zlib
from pathlib import Path

import pytest

from ovi.errors import RequestError, WeightsError
from ovi.spec.geometry import FrameSize
from ovi.spec.placement import Offload
from ovi.spec.request import Guidance, Mode, NoiseSource, Precision, TransformerPrecision
from ovi_studio.actions.rendering import RenderOrder, plan_render
from ovi_studio.errors import PromptFileError, UsageError
from ovi_studio.render import input_files, settings
from ovi_studio.render.choices import Choices
from ovi_studio.report.plan import plan_document, plan_summary

PUBLISHED = Path(__file__).parents[2] / "fixtures" / "inference_fusion.yaml"


@pytest.fixture(autouse=True)
def _no_accelerator(monkeypatch):
    monkeypatch.setattr(settings, "detect_accelerator", lambda: "cpu")


def write_png(path, height, width):
    """A grey picture, written by hand so that no imaging library is needed."""

    def chunk(kind, data):
        checked = kind + data
        return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress((b"\0" + b"\x80" * width) * height)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


def write_set(folder, *rows, name="set.csv"):
    folder.mkdir(exist_ok=True)
    (folder / name).write_text("\n".join(rows) + "\n")
    return name


def plan(folder, *sources, config=None, needs_weights=True, **said):
    order = RenderOrder(sources, Choices(**said), config)
    return plan_render(order, folder, needs_weights=needs_weights)


def the_clip(*args, **said):
    (clip,) = plan(*args, **said).clips
    return clip


def test_a_bare_prompt_gets_the_published_defaults(tmp_path):
    made = plan(tmp_path, "a cat")
    (clip,) = made.clips
    request = clip.request
    assert (request.variant, request.mode, request.size) == ("nano", Mode.T2V, FrameSize(128, 128))
    assert (request.sampling.seed, request.sampling.num_steps) == (100, 20)
    assert request.guidance == Guidance(skip_layer=None), "nano has no layer 11"
    assert request.precision.transformer is TransformerPrecision.FP32
    assert clip.output == tmp_path / "renders" / f"prompt-1-s100-{clip.identity[:8]}.mp4"
    assert any("nano" in note for note in made.notes), "the default variant is said aloud"
    assert not (tmp_path / "renders").exists(), "planning writes nothing"


def test_repeats_take_the_next_seeds(tmp_path):
    clips = plan(tmp_path, "a cat", seed=7, repeats=3).clips
    assert [clip.request.sampling.seed for clip in clips] == [7, 8, 9]
    assert len({clip.output for clip in clips}) == 3


def test_an_accelerator_means_bf16_unless_the_cpu_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "detect_accelerator", lambda: "cuda")
    assert the_clip(tmp_path, "a").request.precision == Precision()
    on_cpu = the_clip(tmp_path, "a", device="cpu").request.precision
    assert on_cpu.transformer is on_cpu.text_encoder is TransformerPrecision.FP32


def test_the_command_line_wins_over_the_row_and_the_row_over_the_configuration(tmp_path):
    write_set(tmp_path, "text_prompt,seed,steps", "a cat,5,6")
    (tmp_path / "c.yaml").write_text("seed: 1\nsample_steps: 2\nshift: 3\ntext_prompt: set.csv\n")
    sampling = the_clip(tmp_path, config=Path("c.yaml"), seed=9).request.sampling
    assert (sampling.seed, sampling.num_steps, sampling.shift) == (9, 6, 3.0)


def test_a_row_may_choose_its_variant_and_gets_its_caption_form(tmp_path):
    write_set(tmp_path, "text_prompt,variant", "A cat. <AUDCAP>meow<ENDAUDCAP>,nano")
    assert the_clip(tmp_path, "set.csv").request.text == "A cat. Audio: meow"


def test_the_asked_size_is_fitted_and_said(tmp_path):
    made = plan(tmp_path, "a", variant="720x720_5s", size=FrameSize(720, 720), needs_weights=False)
    assert made.clips[0].request.size == FrameSize(704, 704)
    assert "720x720 becomes 704x704" in plan_summary(made)


def test_a_first_frame_is_found_beside_the_file_then_in_the_working_folder(tmp_path):
    write_png(tmp_path / "sets" / "a.png", 64, 128)
    write_png(tmp_path / "b.png", 128, 64)
    write_set(tmp_path / "sets", "text_prompt,image_path", "x,a.png", "y,b.png", "z,")
    clips = plan(tmp_path, "sets/set.csv").clips
    assert [clip.request.mode for clip in clips] == [Mode.I2V, Mode.I2V, Mode.T2V]
    assert clips[0].request.size == FrameSize(96, 192)
    assert clips[1].request.size == FrameSize(192, 96)
    frame = clips[0].request.first_frame
    assert frame.path == str(tmp_path / "sets" / "a.png")
    assert frame.sha256 == hashlib.sha256((tmp_path / "sets" / "a.png").read_bytes()).hexdigest()


def test_a_row_that_cannot_be_rendered_does_not_stop_the_others(tmp_path):
    (tmp_path / "broken.png").write_text("no picture")
    write_set(
        tmp_path, "text_prompt,image_path,steps", "fine,,", "x,none.png,", "y,broken.png,", ",,",
        "z,,many",
    )  # fmt: skip
    made = plan(tmp_path, "set.csv")
    assert [clip.source.row_id for clip in made.clips] == ["1"]
    messages = [rejection.message for rejection in made.rejections]
    assert [rejection.source.row_id for rejection in made.rejections] == ["2", "3", "4", "5"]
    assert str(tmp_path / "none.png") in messages[0]
    assert "broken.png" in messages[1]
    assert "empty" in messages[2]
    assert "'many' is not a whole number" in messages[3]
    assert "set.csv, line 3 (row 2)" in plan_summary(made)


def test_both_tried_paths_of_a_first_frame_are_named(tmp_path):
    write_set(tmp_path / "sets", "text_prompt,image_path", "x,none.png")
    with pytest.raises(UsageError) as raised:
        plan(tmp_path, "sets/set.csv")
    assert str(tmp_path / "sets" / "none.png") in str(raised.value)
    assert str(tmp_path / "none.png") in str(raised.value)


def test_mode_i2v_needs_a_first_frame_and_t2v_ignores_it(tmp_path):
    with pytest.raises(UsageError, match="mode i2v needs a first frame"):
        plan(tmp_path, "a", mode=Mode.I2V)
    write_set(tmp_path, "text_prompt,image_path", "x,not even looked at.png")
    made = plan(tmp_path, "set.csv", mode=Mode.T2V)
    assert made.clips[0].request.first_frame is None
    assert any("no effect" in note for note in made.notes)


def test_equal_rows_are_one_clip_and_it_is_said(tmp_path):
    write_set(tmp_path, "text_prompt,seed", "a cat,1", "a dog,1", "a cat,1", "a cat,2")
    made = plan(tmp_path, "set.csv")
    assert [clip.source.row_id for clip in made.clips] == ["1", "2", "4"]
    assert any("(row 3) is the same clip as" in note for note in made.notes)


def test_settings_that_no_row_can_have_are_said_once(tmp_path):
    write_set(tmp_path, "text_prompt", "a", "b")
    for said, message in (
        ({"solver": "ddim"}, "no solver 'ddim'"),
        ({"shift": 0.0}, "Shift 0.0"),
        ({"num_steps": 0}, "0 steps"),
        ({"seed": -1}, "Seed -1"),
        ({"variant": "720x720"}, "Did you mean 720x720_5s"),
        ({"device": "tpu"}, "no device"),
        ({"attention": "magic"}, "attention backend"),
        ({"repeats": 0}, "0 repeats"),
        ({"vae_precision": TransformerPrecision.FP8}, "video vae"),
        ({"video_guidance": float("nan")}, "video guidance"),
    ):
        with pytest.raises((RequestError, UsageError)) as raised:
            plan(tmp_path, "set.csv", **said)
        assert message in str(raised.value)
        assert "set.csv" not in str(raised.value)


def test_a_thousand_steps_are_fine(tmp_path):
    assert the_clip(tmp_path, "a", num_steps=1000).request.sampling.num_steps == 1000


def test_a_skip_layer_beyond_the_last_is_kept_and_said(tmp_path):
    made = plan(tmp_path, "a", slg_layer=99)
    assert made.clips[0].request.guidance.skip_layer == 99
    assert any("SLG layer 99 skips nothing" in note for note in made.notes)
    for none in (0, -1):
        assert the_clip(tmp_path, "a", slg_layer=none).request.guidance.skip_layer is None


def test_missing_weights_are_an_error_or_a_note(tmp_path):
    with pytest.raises(UsageError, match=r"Weight files of 720x720_5s are missing"):
        plan(tmp_path, "a", variant="720x720_5s")
    made = plan(tmp_path, "a", variant="720x720_5s", needs_weights=False)
    assert made.clips[0].identity is None
    assert made.clips[0].output.name == "prompt-1-s100-????????.mp4"
    assert any("Rendering would stop here" in note for note in made.notes)


def test_weights_are_looked_for_once(tmp_path, monkeypatch):
    asked = []

    def missing(*args):
        asked.append(args)
        raise WeightsError("none")

    monkeypatch.setattr(input_files, "weight_identities", missing)
    write_set(tmp_path, "text_prompt", "a", "b", "c")
    with pytest.raises(UsageError, match=r"set\.csv, line 2 \(row 1\) and 2 more: none"):
        plan(tmp_path, "set.csv")
    assert len(asked) == 1


def test_the_published_configuration_plans_the_published_clips(tmp_path):
    write_png(tmp_path / "example_prompts" / "a.png", 720, 1280)
    write_set(
        tmp_path / "example_prompts",
        "text_prompt,image_path", "A man. Audio: wind,example_prompts/a.png",
        name="gpt_examples_10s_i2v.csv",
    )  # fmt: skip
    made = plan(tmp_path, config=PUBLISHED, needs_weights=False)
    assert [clip.request.sampling.seed for clip in made.clips] == [103, 104]
    request = made.clips[0].request
    assert (request.variant, request.mode) == ("960x960_10s", Mode.I2V)
    assert request.size == FrameSize(704, 1280)
    assert request.guidance.skip_layer == 11
    assert request.guidance.audio_negative == "robotic, muffled, echo, distorted"
    assert made.clips[0].output.parent == tmp_path / "outputs"
    assert made.clips[0].ckpt_dir == tmp_path / "ckpts"


def test_an_order_without_prompts_is_an_error(tmp_path):
    with pytest.raises(UsageError, match="nothing to render"):
        plan(tmp_path)
    write_set(tmp_path, "prompt,seed", "a,1")
    with pytest.raises(PromptFileError, match="text_prompt"):
        plan(tmp_path, "set.csv")


def test_t2i2v_draws_at_the_image_models_size_and_the_clip_follows(tmp_path, monkeypatch):
    monkeypatch.setattr(input_files.importlib.util, "find_spec", lambda _: object())
    model = tmp_path / "model"
    model.mkdir()
    (model / "model_index.json").write_text("{}")
    text = "A cat <S>hi<E> sits. Audio: meow"
    made = plan(
        tmp_path, text, mode=Mode.T2I2V, variant="960x960_5s", size=FrameSize(704, 1280),
        picture_model="model", repeats=2, needs_weights=False,
    )  # fmt: skip
    first, second = (clip.request for clip in made.clips)
    assert first.picture.size == FrameSize(752, 1376)
    assert first.size == FrameSize(704, 1312)
    assert first.picture.prompt == "A cat  sits."
    assert (first.picture.seed, second.picture.seed) == (100, 101)
    assert made.clips[0].placement.offload is Offload.MODEL
    assert made.clips[0].picture_source == str(model)
    before = the_clip(tmp_path, text, mode=Mode.T2I2V, picture_model="model").identity
    (model / "model_index.json").write_text('{"other": 1}')
    assert the_clip(tmp_path, text, mode=Mode.T2I2V, picture_model="model").identity != before


def test_t2i2v_without_its_packages_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(input_files.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r'pip install "ovi-studio\[image\]"'):
        plan(tmp_path, "a", mode=Mode.T2I2V)


def test_noise_of_a_gpu_needs_one(tmp_path):
    with pytest.raises(UsageError, match="--noise cpu"):
        plan(tmp_path, "a", noise=NoiseSource.CUDA)


def test_the_document_is_plain_json_and_complete(tmp_path):
    document = json.loads(json.dumps(plan_document(plan(tmp_path, "a cat", repeats=2))))
    assert document["num_clips"] == 2
    clip = document["clips"][0]
    assert clip["size"] == {"height": 128, "width": 128}
    assert (clip["mode"], clip["seed"], clip["num_steps"]) == ("t2v", 100, 20)
    assert clip["duration_seconds"] == 1.875
    assert clip["request"]["text"] == "a cat"
    assert set(document) == {"plan_version", "num_clips", "clips", "rejected", "notes"}
