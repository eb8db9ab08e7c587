"""`python -m ovi.training.world`: clips, first frames and captions on disk."""

import csv
from pathlib import Path

import pytest

from ovi.media import read_recipe
from ovi.training.world.__main__ import main


def test_writes_clips_and_their_captions(tmp_path: Path) -> None:
    assert main(["--out", str(tmp_path), "--count", "2", "--seed", "5"]) == 0
    with (tmp_path / "clips.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["clip"] for row in rows] == ["000005.mp4", "000006.mp4"]
    for row in rows:
        assert read_recipe(tmp_path / row["clip"])["caption"] == row["text_prompt"]
        assert (tmp_path / row["image_path"]).stat().st_size > 100


def test_one_shape_alone_can_be_had(tmp_path: Path) -> None:
    assert main(["--out", str(tmp_path), "--count", "3", "--shape", "cross"]) == 0
    with (tmp_path / "clips.csv").open(encoding="utf-8") as file:
        assert all("cross" in row["text_prompt"] for row in csv.DictReader(file))


def test_no_clips_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--out", str(tmp_path), "--count", "0"]) == 2
    assert "--count 1" in capsys.readouterr().err
