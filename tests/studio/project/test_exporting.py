"""Sets leave in the formats of others, and come back as they were."""

import csv
import io
import json

import pytest

from ovi.spec.variants import AudioForm
from ovi_studio.errors import PromptFileError
from ovi_studio.project.exporting import ExportFormat, export_rows
from ovi_studio.project.importing import ImportOptions, read_import
from ovi_studio.project.prompt_file import iter_rows, read_header

TEXTS = [
    'A "man",\nsays <S>Hi.<E>  Audio: rain; wind',
    "A dog\tbarks. <AUDCAP>Bark.<ENDAUDCAP>",
    "é日",
]


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "set.csv"
    with path.open("w", newline="", encoding="utf-16") as stream:
        writer = csv.writer(stream, delimiter=";")
        writer.writerow(["mood", "text_prompt", "image_path"])
        writer.writerows([["sad", TEXTS[0], "a.png"], ["", TEXTS[1], ""], ["x", TEXTS[2]]])
    return path


def export(path, to, **options):
    return "".join(export_rows(iter_rows(path), read_header(path).columns, to, **options))


def test_csv_and_tsv_hold_every_cell(path):
    for to, delimiter in ((ExportFormat.CSV, ","), (ExportFormat.TSV, "\t")):
        rows = list(csv.DictReader(io.StringIO(export(path, to), newline=""), delimiter=delimiter))
        assert [row["text_prompt"] for row in rows] == TEXTS
        assert [row["mood"] for row in rows] == ["sad", "", "x"]
        assert [row["image_path"] for row in rows] == ["a.png", "", ""]


def test_the_published_form_has_two_columns_and_one_caption_form(path):
    text = export(path, ExportFormat.PUBLISHED, form=AudioForm.TAGGED)
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert rows[0] == ["text_prompt", "image_path"]
    assert rows[1] == ['A "man",\nsays <S>Hi.<E>  <AUDCAP>rain; wind<ENDAUDCAP>', "a.png"]
    assert rows[2] == [TEXTS[1], ""]


def test_the_published_form_of_prompts_alone_has_one_column(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text_prompt,seed\nA man,1\n")
    assert export(path, ExportFormat.PUBLISHED) == "text_prompt\nA man\n"


def test_text_has_one_line_for_each_prompt(path):
    assert export(path, ExportFormat.TXT, form=AudioForm.PREFIXED).split("\n") == [
        'A "man", says <S>Hi.<E> Audio: rain; wind', "A dog barks. Audio: Bark.", "é日", "",
    ]  # fmt: skip


def test_json_holds_every_cell(path):
    rows = json.loads(export(path, ExportFormat.JSON))
    assert rows == [json.loads(line) for line in export(path, ExportFormat.JSONL).splitlines()]
    assert rows[0] == {"mood": "sad", "text_prompt": TEXTS[0], "image_path": "a.png"}
    empty = list(export_rows([], ["text_prompt"], ExportFormat.JSON))
    assert json.loads("".join(empty)) == []


@pytest.mark.parametrize("to", [ExportFormat.CSV, ExportFormat.TSV, ExportFormat.JSON,
                                ExportFormat.JSONL, ExportFormat.PUBLISHED])  # fmt: skip
def test_what_is_exported_can_be_imported_again(path, tmp_path, to):
    suffix = "csv" if to is ExportFormat.PUBLISHED else to
    copy = tmp_path / f"copy.{suffix}"
    copy.write_bytes(export(path, to).encode())
    known = frozenset({"mood", "image_path"})
    imported = read_import(copy, ImportOptions(tmp_path, known)).imported
    assert [row["text_prompt"] for row in imported.rows] == TEXTS
    assert [row.get("image_path", "") for row in imported.rows] == ["a.png", "", ""]
    if to is not ExportFormat.PUBLISHED:
        assert [row.get("mood", "") for row in imported.rows] == ["sad", "", "x"]


def test_pictures_are_renamed(path):
    rows = json.loads(export(path, ExportFormat.JSON, rename_image=lambda cell: f"x/{cell}"))
    assert rows[0]["image_path"] == "x/a.png"


def test_bytes_that_are_no_text_are_refused(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"text_prompt\nA man\ncaf\xe9\n")
    with pytest.raises(PromptFileError, match=r"Row 2 \(line 3\) holds bytes"):
        export(path, ExportFormat.TXT)
