"""What the judge says of many clips: shares, intervals, tables, sheets and files."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ovi.errors import RequestError
from ovi.pipeline import load_pipeline
from ovi.spec.placement import Placement
from ovi.spec.request import Guidance, Precision, Sampling, TransformerPrecision
from ovi.training.judge import __main__ as command
from ovi.training.judge.exam import draw_exam
from ovi.training.judge.marking import Marks
from ovi.training.judge.report import BEGIN, END, as_table, write_into_page
from ovi.training.judge.sources import by_model, peak_signal_to_noise, through_vaes
from ovi.training.judge.statistics import Share, summarise
from ovi.training.world.scene import MOTIONS, ShapeScene, is_held_out


def test_wilsons_interval() -> None:
    low, high = Share(8, 10).interval
    assert low == pytest.approx(0.4902, abs=1e-4)
    assert high == pytest.approx(0.9433, abs=1e-4)
    assert Share(10, 10).interval[1] == pytest.approx(1.0)
    assert Share(0, 0).interval == (0.0, 1.0)


def _object(seed: int, colour_right: bool, offsets: tuple[float, ...] = ()) -> Marks:
    right = {"shape": True, "colour": colour_right, "background": True, "motion": True}
    return Marks(seed, "object", "bounce", right, offsets_ms=offsets, num_events=2)


def test_marks_are_summed_up() -> None:
    mouth = {"mouth behind speech (ms)": 5.0}
    face = Marks(3, "face", "", {"words": False}, mouth, words_said=3, words_right=2)
    found = summarise([_object(1, True, (10.0, -50.0)), _object(2, False, (20.0,)), face])
    assert found.shares["object: colour"] == Share(1, 2)
    assert found.shares["object: shape, colour and background together"] == Share(1, 2)
    assert found.shares["motion bounce"] == Share(2, 2)
    assert found.shares["events with a sound within 250 ms"] == Share(3, 4)
    assert found.shares["events with a sound within one frame"] == Share(2, 4)
    assert found.shares["face: single words"] == Share(2, 3)
    assert found.medians["sound behind event (ms)"] == 10.0
    assert found.medians["sound and event apart (ms)"] == 20.0
    assert found.medians["mouth behind speech (ms)"] == 5.0


def test_the_table_sets_sources_side_by_side() -> None:
    table = as_table(
        {"true": summarise([_object(1, True)]), "nano": summarise([_object(1, False)])}
    )
    assert "| object: colour | 100.0 (21 to 100; 1) | 0.0 (0 to 79; 1) |" in table


def test_the_table_goes_between_the_marks_of_a_page(tmp_path: Path) -> None:
    page = tmp_path / "nano.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    write_into_page(page, "new\n")
    assert page.read_text() == f"before\n{BEGIN}\nnew\n{END}\nafter\n"
    page.write_text("no marks")
    with pytest.raises(RequestError, match="add them"):
        write_into_page(page, "new\n")
    assert page.read_text() == "no marks"


def test_the_exam_is_held_out_and_asks_for_every_motion() -> None:
    exam = draw_exam(50)
    assert exam == draw_exam(50)
    assert all(is_held_out(question.scene) for question in exam)
    motions = [q.scene.motion for q in exam if isinstance(q.scene, ShapeScene)]
    assert all(motions.count(motion) == 3 for motion in MOTIONS)
    assert len(exam) - len(motions) == 20
    assert len({question.prompt for question in exam}) == 50
    crosses = draw_exam(20, shape="cross")
    assert all("cross" in question.prompt for question in crosses)


def test_the_command_judges_the_true_clips(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, sheet = tmp_path / "out", tmp_path / "sheet.png"
    arguments = ["--truth-only", "--clips", "10", "--json", "--out", str(out), "--keep", "1"]
    assert command.main([*arguments, "--sheet", str(sheet), "--sheet-rows", "3"]) == 0
    printed = json.loads(capsys.readouterr().out)["true clips"]
    assert printed["clips"] == 10
    assert all(share["share"] == 1 for share in printed["shares"].values())
    stored = json.loads((out / "judge.json").read_text())["true clips"]
    assert len(stored["marks"]) == 10
    assert len(list(out.glob("*.mp4"))) == 1
    with Image.open(sheet) as picture:
        assert picture.height > 3 * 96


def test_a_missing_recogniser_is_said_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "load_recogniser", lambda: None)
    assert command.main(["--truth-only", "--clips", "10", "--json"]) == 0
    said = capsys.readouterr()
    assert "pip install pocketsphinx" in said.err
    assert "face: words" not in json.loads(said.out)["true clips"]["shares"]


def test_too_few_clips_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--clips", "3"]) == 2
    assert "10 or more" in capsys.readouterr().err


def test_psnr() -> None:
    grey = np.full((4, 4, 3), 100, np.uint8)
    assert peak_signal_to_noise(grey, grey) == 99.0
    assert peak_signal_to_noise(grey, grey + 10) == pytest.approx(28.13, abs=0.01)


def test_clips_come_from_the_model_and_through_the_vaes() -> None:
    fp32 = TransformerPrecision.FP32
    precision = Precision(transformer=fp32, text_encoder=fp32)
    pipeline = load_pipeline("nano", precision, Placement(device="cpu"), None)
    question = draw_exam(10)[0]
    source = by_model(pipeline, Sampling(num_steps=1), Guidance(), precision, from_first_frame=True)
    made, repeated = source(question), source(question)
    assert made.frames.shape == (45, 128, 128, 3)
    assert made.waveform.shape == (30208,)
    assert np.array_equal(made.frames, repeated.frames)
    assert made.psnr is not None
    assert 0 < made.psnr < 99
    decoded = through_vaes(pipeline)(question)
    assert decoded.frames.shape == made.frames.shape
    assert decoded.waveform.shape == made.waveform.shape
    assert decoded.psnr is None
