"""Prompts of other programs are taken as far as they go; what is left out is named with why."""

import json
import random
import struct
import tracemalloc
import zlib
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovi_studio.errors import PromptFileError, StudioError, UsageError
from ovi_studio.project.comfyui import find_prompts
from ovi_studio.project.import_rows import MAX_PROMPT_CHARACTERS, MAX_REASONS
from ovi_studio.project.import_text import Split
from ovi_studio.project.importing import ImportOptions, read_import

ROOT = Path(__file__).parents[3]
KNOWN = frozenset({"seed", "variant", "video_negative", "image_path"})


@pytest.fixture
def take(tmp_path):
    """Imports a file: its rows, what was left out by reason, what it was taken for."""

    def take(name, data, split=Split.AUTO):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        imported = read_import(path, ImportOptions(tmp_path, KNOWN, split)).imported
        rows = [{k: v for k, v in row.items() if v} for row in imported.rows]
        left = {one.reason: (one.place, one.count) for one in imported.left_out}
        return rows, left, imported.what

    return take


def texts(rows):
    return [row["text_prompt"] for row in rows]


# plain text


def test_lines_are_prompts(take):
    rows, left, what = take("a.txt", "\ufeffA man\n\n  A dog  \r\n# a note\nA cat, last")
    assert texts(rows) == ["A man", "A dog", "A cat, last"]
    assert left == {"a comment": ("line 4", 1)}
    assert what == "text, one prompt a line"


def test_paragraphs_are_prompts_where_most_have_several_lines(take):
    text = "A man\nwalks.\n\n\nA dog\nbarks\nloudly.\n# note\n\nA cat.\n"
    rows, left, what = take("a.txt", text)
    assert texts(rows) == ["A man walks.", "A dog barks loudly.", "A cat."]
    assert (what, left) == ("text, one prompt a paragraph", {"a comment": ("line 8", 1)})
    assert len(take("a.txt", text, Split.LINES)[0]) == 6
    grouped = "A\nB\n\nC\n\nD\n"
    assert texts(take("a.txt", grouped)[0]) == ["A", "B", "C", "D"]
    assert texts(take("a.txt", grouped, Split.PARAGRAPHS)[0]) == ["A B", "C", "D"]
    assert texts(take("a.txt", "A\nB\n")[0]) == ["A", "B"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-8-sig"])
def test_encodings_are_recognised(take, encoding):
    assert texts(take("a.txt", "A man in Köln\nA dog\n".encode(encoding))[0]) == [
        "A man in Köln",
        "A dog",
    ]


def test_other_encodings_are_refused(take):
    for name in ("a.txt", "a.json", "a.jsonl"):
        with pytest.raises(UsageError, match="not UTF-8"):
            take(name, b'"caf\xe9"\n')


def test_repeated_prompts_are_taken_once(take):
    rows, left, _ = take("a.txt", "A man\nA dog\nA man\nA man\n")
    assert (texts(rows), left) == (
        ["A man", "A dog"],
        {"the same as an earlier row": ("line 3", 2)},
    )


def test_texts_too_long_to_be_prompts_are_left_out(take):
    long = "A " * MAX_PROMPT_CHARACTERS
    for split in (Split.LINES, Split.PARAGRAPHS):
        rows, left, _ = take("a.txt", f"A man\n\n{long}\n\nA dog\n", split)
        assert texts(rows) == ["A man", "A dog"]
        assert list(left.values()) == [("line 3", 1)]
    book = "word word word\n" * 20_000
    rows, left, _ = take("a.txt", f"A man\n\n{book}\nA dog\n", Split.PARAGRAPHS)
    assert texts(rows) == ["A man", "A dog"]
    rows, left, _ = take("a.csv", f"text_prompt\n{long}\nA man\n")
    assert (texts(rows), len(left)) == (["A man"], 1)


# tables


def test_the_published_sets_are_taken_whole(take):
    data = (ROOT / "prompts" / "nano.csv").read_bytes()
    rows, left, what = take("a.csv", data)
    assert (len(rows), what) == (data.count(b"\n") - 1, "CSV")
    assert not left


@pytest.mark.parametrize(("header", "columns"), [
    ("text_prompt,image_path,mood", ["text_prompt", "image_path", "mood"]),
    ("prompt,image,seed", ["text_prompt", "image_path", "seed"]),
    ("seed,Text_Prompt,Mood", ["seed", "text_prompt", "Mood"]),
    ("text_prompt,prompt,seed", ["text_prompt", "prompt", "seed"]),
    ("text,negative_prompt,noise_seed", ["text_prompt", "video_negative", "seed"]),
])  # fmt: skip
def test_columns_get_our_names(tmp_path, header, columns):
    path = tmp_path / "a.csv"
    path.write_text(f"{header}\na,b,c\n")
    rows = read_import(path, ImportOptions(tmp_path, KNOWN)).imported.rows
    assert list(rows.columns) == columns
    assert list(rows) == [dict(zip(columns, "abc", strict=True))]


def test_odd_rows_are_taken_as_far_as_they_go(take):
    rows, left, _ = take("a.csv", b"text_prompt,,seed,seed\nA,x,1,2,3\n\n ,,,\ncaf\xe9,,,\nB\n")
    assert rows == [{"text_prompt": "A", "seed": "1"}, {"text_prompt": "B"}]
    assert left == {
        "a column without a name of its own": ("column ''", 2),
        "cells beyond the last column": ("line 2", 1),
        "no prompt": ("line 4", 1),
        "holds bytes that are no text": ("line 5", 1),
    }


def test_tsv_and_semicolons_are_read(take):
    assert take("a.tsv", "text_prompt\tseed\nA, b; c\t1\n")[0] == [
        {"text_prompt": "A, b; c", "seed": "1"}
    ]
    assert take("a.csv", "text_prompt;seed\nA, b;1\n")[0] == [{"text_prompt": "A, b", "seed": "1"}]


def test_tables_without_prompts_are_refused(take):
    with pytest.raises(PromptFileError, match=r"no column of prompts\. It has: a, b"):
        take("a.csv", "a,b\n1,2\n")
    with pytest.raises(PromptFileError, match="is empty"):
        take("a.csv", "")
    with pytest.raises(PromptFileError, match="2,000 columns"):
        take("a.csv", "text_prompt," + ",".join(f"c{n}" for n in range(1999)) + "\n")


# JSON


@pytest.mark.parametrize("document", [
    ["A man", {"prompt": "A dog", "seed": 3}],
    {"prompts": ["A man", {"text": "A dog", "seed": 3}]},
    {"name": "x", "items": ["A man", {"positive": "A dog", "noise_seed": 3}]},
])  # fmt: skip
def test_lists_of_texts_and_objects_are_taken(take, document):
    rows, left, what = take("a.json", json.dumps(document))
    assert rows == [{"text_prompt": "A man"}, {"text_prompt": "A dog", "seed": "3"}]
    assert (left, what) == ({}, "JSON, one prompt an item")


def test_json_lines_are_taken_line_by_line(take):
    rows, left, _ = take(
        "a.jsonl",
        '"A man"\n\n{"prompt": "A dog", "image": "a.png", "score": 0.5, "tags": ["x"]}\n'
        '{"oops"\n[1]\n{"prompt": ""}\n'
        '{"text_prompt": "A cat", "text": "other", "variant": null}\n',
    )
    assert rows == [
        {"text_prompt": "A man"},
        {"text_prompt": "A dog", "image_path": "a.png"},
        {"text_prompt": "A cat"},
    ]
    assert left == {
        "the key score, which sets know nothing of": ("line 3", 1),
        "the key tags, which sets know nothing of": ("line 3", 1),
        "no JSON": ("line 4", 1),
        "neither a text nor an object with text_prompt or prompt or text": ("line 5", 1),
        "no prompt": ("line 6", 1),
    }


@pytest.mark.parametrize(("text", "said"), [
    ("[" * 200_000, "nested too deeply"),
    ('{"a":' * 100_000, "nested too deeply"),
    ("[" + "9" * 10_000 + "]", "not JSON"),
    ('{"a": 1,\n "b" 2}', "line 2: this is not JSON"),
    ("", "line 1: this is not JSON"),
    ("3", "holds no list of prompts"),
    ('{"colour": "red"}', "holds no list of prompts"),
    ("{}", "holds no list of prompts"),
])  # fmt: skip
def test_hostile_json_is_refused_with_a_sentence(take, text, said):
    with pytest.raises(UsageError, match=said):
        take("a.json", text)


def test_half_characters_are_left_out(take):
    rows, left, _ = take("a.json", '["\\ud83d", "\\ud83d\\ude00"]')
    assert (texts(rows), left) == (["😀"], {"holds what is no character": ("item 1", 1)})


def test_endless_reasons_are_told_as_one(take):
    lines = "\n".join(json.dumps({"prompt": f"p{n}", f"k{n}": 1}) for n in range(1000))
    rows, left, _ = take("a.jsonl", lines)
    assert len(rows) == 1000
    assert len(left) == MAX_REASONS + 1
    assert left["for other reasons"][1] == 1000 - MAX_REASONS


# ComfyUI


def link(node, slot=0):
    return [str(node), slot]


WORKFLOW = {
    "3": {"class_type": "KSampler", "inputs": {
        "seed": 42, "positive": link(9, 0), "negative": link(9, 1), "model": link(4)}},
    "9": {"class_type": "WanImageToVideo", "inputs": {
        "positive": link(6), "negative": link(7), "start_image": link(5)}},
    "5": {"class_type": "LoadImage", "inputs": {"image": "start.png"}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": link(8), "clip": link(4, 1)}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry", "clip": link(4, 1)}},
    "8": {"class_type": "PrimitiveString", "inputs": {"value": "A man says <S>Hi.<E>"}},
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "x"}},
}  # fmt: skip
PROMPT = {"text_prompt": "A man says <S>Hi.<E>", "video_negative": "blurry", "seed": "42"}


def test_the_prompt_of_a_workflow_is_followed_from_its_sampler(take):
    rows, left, what = take("a.json", json.dumps(WORKFLOW))
    assert rows == [PROMPT]
    assert left == {"a picture in ComfyUI's own input folder": ("start.png", 1)}
    assert what == "a ComfyUI workflow"
    assert take("a.json", json.dumps({"prompt": WORKFLOW, "client_id": "x"}))[0] == [PROMPT]


@pytest.mark.parametrize("kind", ["WanVideoTextEncode", "OviVideoGenerator"])
def test_a_node_may_hold_both_texts(kind):
    name = "text_prompt" if kind.startswith("Ovi") else "positive_prompt"
    nodes = {"1": {"class_type": kind, "inputs": {
        name: "A man", "negative_prompt": "blur", "seed": 1}}}  # fmt: skip
    (found,) = find_prompts(nodes)
    assert (found.text, found.negative, found.seed) == ("A man", "blur", "1")


def test_without_links_titles_tell_the_negative():
    nodes = {
        "1": {"class_type": "CLIPTextEncode", "inputs": {"text": "bad"},
              "_meta": {"title": "Negative Prompt"}},
        "2": {"class_type": "CLIPTextEncode", "inputs": {"text": "A man"}},
    }  # fmt: skip
    assert [found.text for found in find_prompts(nodes)] == ["A man"]


def test_a_negative_that_flows_through_other_nodes_stays_one():
    nodes = {
        "1": {"class_type": "Sampler", "inputs": {"positive": link(2), "negative": link(4)}},
        "2": {"class_type": "CLIPTextEncode", "inputs": {"text": "A man"}},
        "3": {"class_type": "CLIPTextEncode", "inputs": {"text": "bad"}},
        "4": {"class_type": "ControlNetApply", "inputs": {"conditioning": link(3)}},
    }
    (found,) = find_prompts(nodes)
    assert (found.text, found.negative) == ("A man", "bad")


EDITOR = {
    "nodes": [
        {"id": 1, "type": "KSampler", "widgets_values": [7, "fixed", 20], "inputs": [
            {"name": "positive", "link": 10}, {"name": "negative", "link": 11}]},
        {"id": 2, "type": "CLIPTextEncode", "widgets_values": ["A man"], "inputs": []},
        {"id": 3, "type": "CLIPTextEncode", "widgets_values": ["bad"]},
        {"id": 4, "type": "CLIPTextEncode", "widgets_values": ["muted"], "mode": 4},
        {"id": 5, "type": "Note", "widgets_values": ["Read me"]},
    ],
    "links": [[10, 2, 0, 1, 1, "CONDITIONING"], [11, 3, 0, 1, 2, "CONDITIONING"]],
}  # fmt: skip


def test_the_editors_format_is_read_too(take):
    rows, _, _ = take("a.json", json.dumps(EDITOR))
    assert rows == [{"text_prompt": "A man", "video_negative": "bad", "seed": "7"}]


def test_links_in_a_circle_end():
    nodes = {
        "1": {"class_type": "A", "inputs": {"positive": link(2), "text": link(2)}},
        "2": {"class_type": "B", "inputs": {"positive": link(1), "text": link(1)}},
        "3": {"class_type": "C", "inputs": {"text": link(3)}},
    }
    assert find_prompts(nodes) == []


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5)
    | st.tuples(st.sampled_from("1239"), st.integers(-2, 2)).map(list),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["text", "positive", "negative", "class_type", "inputs", "nodes", "links",
                         "id", "type", "widgets_values", "name", "link", "1", "2", "9", "seed"]),
        inner, max_size=4),
    max_leaves=25,
)  # fmt: skip


@given(json_values)
def test_no_document_breaks_the_search(document):
    for found in find_prompts(document):
        assert found.text.strip()
    for found in find_prompts({"1": {"class_type": "KSampler", "inputs": document}, "2": document}):
        assert found.text.strip()


# PNG


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + bytes(4)


def png(*chunks):
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", bytes(13)) + b"".join(chunks) + chunk(b"IEND", b"")


@pytest.mark.parametrize("text_chunk", [
    chunk(b"tEXt", b"prompt\0" + json.dumps(WORKFLOW).encode()),
    chunk(b"zTXt", b"prompt\0\0" + zlib.compress(json.dumps(WORKFLOW).encode())),
    chunk(b"iTXt", b"prompt\0\0\0en\0Prompt\0" + json.dumps(WORKFLOW).encode()),
    chunk(b"iTXt", b"prompt\0\1\0\0\0" + zlib.compress(json.dumps(WORKFLOW).encode())),
], ids=["tEXt", "zTXt", "iTXt", "packed iTXt"])  # fmt: skip
def test_pictures_carry_their_workflow(take, text_chunk):
    pixels = chunk(b"IDAT", bytes(1000))
    editor = chunk(b"tEXt", b"workflow\0" + json.dumps(EDITOR).encode())
    assert take("a.png", png(pixels, text_chunk, editor))[0] == [PROMPT]
    assert texts(take("a.png", png(editor))[0]) == ["A man"]


def test_pictures_of_other_programs_carry_parameters(take):
    text = "A man, smiling\nin rain\nNegative prompt: blur, noise\nSteps: 20, Seed: 12, Size: 1x1"
    rows, _, what = take("a.png", png(chunk(b"tEXt", b"parameters\0" + text.encode())))
    assert rows == [
        {"text_prompt": "A man, smiling\nin rain", "video_negative": "blur, noise", "seed": "12"}
    ]
    assert what == "a picture's parameters"
    assert take("a.png", png(chunk(b"tEXt", b"parameters\0A dog")))[0] == [{"text_prompt": "A dog"}]


@pytest.mark.parametrize(("data", "said"), [
    (b"GIF89a", "is not a PNG file"),
    (b"", "is not a PNG file"),
    (png(), "carries no prompt"),
    (png(chunk(b"tEXt", b"prompt\0{")), "not JSON"),
    (png(chunk(b"tEXt", b"prompt\0" + b"[" * 100_000)), "nested too deeply"),
    (png(chunk(b"zTXt", b"prompt\0\0junk")), "carries no prompt"),
    (png()[:30] + struct.pack(">I", 1 << 31) + b"tEXtprompt", "carries no prompt"),
])  # fmt: skip
def test_hostile_pictures_are_refused_with_a_sentence(take, data, said):
    with pytest.raises(UsageError, match=said):
        take("a.png", data)


def test_a_packed_text_that_explodes_costs_no_memory(take):
    packer = zlib.compressobj(9)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(300)) + packer.flush()
    tracemalloc.start()
    with pytest.raises(UsageError):
        take("a.png", png(chunk(b"zTXt", b"prompt\0\0" + bomb)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 250 << 20


# the published configuration, and everything else


def test_the_published_configuration_leads_to_its_prompts(take, tmp_path):
    (tmp_path / "sets").mkdir()
    (tmp_path / "sets" / "a.csv").write_text("text_prompt,image_path\nA man,x.png\n")
    text = "text_prompt: sets/a.csv\nseed: 7\nmodel_name: 960x960_5s\n"
    rows, left, what = take("deep/inner/a.yaml", text)
    assert (rows, what) == ([{"text_prompt": "A man", "image_path": "x.png"}], "CSV")
    ((reason, (names, count)),) = left.items()
    assert "--config" in reason
    assert (names, count) == ("model_name, seed", 2)
    rows, left, _ = take("a.yml", "text_prompt: A man walks\nimage_path: x.png\n")
    assert (rows, left) == ([{"text_prompt": "A man walks", "image_path": "x.png"}], {})


@pytest.mark.parametrize(("name", "text", "said"), [
    ("a.yaml", "seed: 1\n", "names no prompts"),
    ("a.yaml", "text_prompt: none.csv\n", "names none.csv, which is not in"),
    ("a.docx", "x", "no format that can be imported. Known: CSV and TSV"),
])  # fmt: skip
def test_what_cannot_be_imported_is_said(take, name, text, said):
    with pytest.raises(UsageError, match=said):
        take(name, text)


def test_missing_files_and_folders_are_refused(tmp_path):
    options = ImportOptions(tmp_path, KNOWN)
    for name in ("a.txt", "a.csv", "a.json", "a.png", "a.yaml", "a"):
        with pytest.raises(StudioError):
            read_import(tmp_path / name, options)
    with pytest.raises(UsageError, match="is a folder"):
        read_import(tmp_path, options)


def test_random_bytes_are_rows_or_an_error_of_ours(take):
    chooser = random.Random(1)
    for name in ("a.txt", "a.csv", "a.json", "a.jsonl", "a.png", "a.yaml", "a.tsv"):
        for _ in range(20):
            data = chooser.randbytes(chooser.randrange(200))
            with suppress(StudioError):
                take(name, (b"\x89PNG\r\n\x1a\n" if name == "a.png" else b"") + data)


def test_many_lines_are_held_compactly(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("".join(f"A man number {n} walks along the sea.\n" for n in range(100_000)))
    tracemalloc.start()
    rows = read_import(path, ImportOptions(tmp_path, KNOWN)).imported.rows
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(rows) == 100_000
    assert rows[99_999] == {"text_prompt": "A man number 99999 walks along the sea."}
    assert peak < 300 * 100_000, "a million rows are to fit into 300 MB"
