"""Clips and their captions: from a CSV, from texts beside them, and what is said when some lack."""

from pathlib import Path

import pytest

from ovi.spec.variants import AudioForm
from ovi.training.errors import TrainingError
from ovi.training.lora.captions import find_clips, in_form


def touch(folder: Path, *names: str) -> None:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).touch()


def test_texts_beside_clips(tmp_path: Path) -> None:
    touch(tmp_path, "b.mp4", "a.MOV", "notes.pdf")
    (tmp_path / "a.txt").write_text(" A dog. \n", "utf-8")
    (tmp_path / "b.txt").write_text("A cat.", "utf-8")
    assert [(c.path.name, c.caption) for c in find_clips(tmp_path)] == [
        ("a.MOV", "A dog."),
        ("b.mp4", "A cat."),
    ]


@pytest.mark.parametrize("columns", ["text_prompt,clip", "Caption,file_name", "prompt,video,x"])
def test_a_csv_names_the_clips_that_count(tmp_path: Path, columns: str) -> None:
    touch(tmp_path, "a.mp4", "b.mp4")
    (tmp_path / "clips.csv").write_text(f'{columns}\n"A dog, two\nlines.",b.mp4\n', "utf-8-sig")
    (clip,) = find_clips(tmp_path)
    assert (clip.path.name, clip.caption) == ("b.mp4", "A dog, two\nlines.")


def test_a_csv_from_elsewhere(tmp_path: Path) -> None:
    touch(tmp_path / "clips", "a.mp4")
    table = tmp_path / "mine.csv"
    table.write_text("clip,caption\na.mp4,A dog.\n", "utf-8")
    assert find_clips(tmp_path / "clips", table)[0].path == tmp_path / "clips" / "a.mp4"


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="There is no folder"):
        find_clips(tmp_path / "none")
    with pytest.raises(TrainingError, match="holds no clips"):
        find_clips(tmp_path)
    touch(tmp_path, "a.mp4", "b.mp4")
    (tmp_path / "a.txt").write_text("A dog.")
    with pytest.raises(TrainingError, match=r"1 clips .* no caption \(b.mp4\)"):
        find_clips(tmp_path)
    table = tmp_path / "clips.csv"
    table.write_text("clip,caption\nc.mp4,A cow.\n")
    with pytest.raises(TrainingError, match=r"names clips .* \(c.mp4\)"):
        find_clips(tmp_path)
    table.write_text("name,caption\na.mp4,A cow.\n")
    with pytest.raises(TrainingError, match="needs a column with the clips' names"):
        find_clips(tmp_path)
    table.write_text("clip,caption\na.mp4,\n")
    with pytest.raises(TrainingError, match="have no caption"):
        find_clips(tmp_path)


def test_sound_is_written_as_the_variant_reads_it() -> None:
    prefixed, tagged = "A dog. Audio: Barks.", "A dog. <AUDCAP>Barks.<ENDAUDCAP>"
    for caption in (prefixed, tagged, "A dog."):
        wanted_tagged = tagged if "Barks" in caption else caption
        wanted_prefixed = prefixed if "Barks" in caption else caption
        assert in_form(caption, AudioForm.TAGGED) == wanted_tagged
        assert in_form(caption, AudioForm.PREFIXED) == wanted_prefixed
