"""`ovi show` tells how a prompt is understood."""

import json

import pytest

from .projects import modules_after, run

PROMPT = (
    "A man in a long coat stands in the rain and says, <S>We have to go now.<E> He turns away. "
    "Audio: Rain on stone, a low male voice."
)
HEAVY = {"torch", "numpy", "pandas", "pydantic", "rich", "textual"}


@pytest.fixture
def project(tmp_path):
    (tmp_path / "ovi.toml").write_text('schema = 1\n[render]\nvariant = "960x960_5s"\n')
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "a.csv").write_text(
        'text_prompt,variant,size,mode,image_path\n'
        f'"{PROMPT}",,512x1024,,\n'
        f'"{PROMPT}",720x720_5s,,t2v,\n'
        '"A dog. <S>Open",nano,,i2v,none.png\n'
    )  # fmt: skip
    return tmp_path


def shown(folder, *arguments, **options):
    ended = run("show", *arguments, folder=folder, **options)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_a_row_is_shown_with_structure_timing_tokens_size_and_findings(project):
    lines = shown(project, "a:1").splitlines()
    assert lines[0] == "a row 1 (line 2), for 960x960_5s, mode t2v"
    assert [line.split()[0] for line in lines[1:5]] == ["scene", "speech", "scene", "audio"]
    assert lines[2].startswith("speech    0.0 to ")
    assert lines[2].endswith(" s  We have to go now.")
    assert lines[4] == "audio     Rain on stone, a low male voice."
    text = "\n".join(lines)
    assert " of 5.0 s at the fastest pace" in text
    assert "of 512 (estimate, on the high side)" in text
    assert "size      672x1344, fitted from 512x1024" in text
    assert "prompt-length" in text
    assert "\x1b" not in text


def test_json_says_the_same_with_spans(project):
    (view,) = json.loads(shown(project, "a:2", "--json"))["prompts"]
    assert (view["set"], view["row"], view["line"], view["variant"]) == ("a", "2", 3, "720x720_5s")
    assert view["text"] == PROMPT
    pieces = [PROMPT[s["span"]["start"] : s["span"]["end"]] for s in view["segments"]]
    assert "".join(pieces) == PROMPT
    assert [s["kind"] for s in view["segments"]] == ["scene", "speech", "scene", "caption"]
    (speech,) = view["speeches"]
    assert speech["text"] == "We have to go now."
    assert 0 < speech["seconds"] == speech["end_seconds"] == view["speech_seconds"]
    assert speech["seconds"] < speech["relaxed_seconds"]
    assert view["audio"]["text"] == "Rain on stone, a low male voice."
    assert view["clip_seconds"] == 5.042
    assert view["tokens"]["limit"] == 512
    assert view["size"] == {"height": 704, "width": 704}
    assert view["asked_size"] == {"height": 720, "width": 720}
    assert "wrong-caption-form" in [finding["name"] for finding in view["findings"]]


def test_several_lines_end_one_after_the_other(project):
    text = "A man says <S>One two three.<E> and <S>Four five six seven.<E> Audio: wind"
    (view,) = json.loads(shown(project, text, "--json"))["prompts"]
    first, second = view["speeches"]
    assert second["end_seconds"] == pytest.approx(first["seconds"] + second["seconds"], abs=0.02)
    assert view["line"] is None


def test_speech_that_does_not_fit_sticks_out_of_the_bar(project):
    text = shown(project, f"A man says <S>{'word ' * 60}<E>")
    assert "#]>>" in text
    assert "-" not in text.partition("[")[2].partition("]")[0]


def test_nano_reads_bytes(project):
    (view,) = json.loads(shown(project, "A dög. Audio: x", "--variant", "nano", "--json"))[
        "prompts"
    ]
    assert view["tokens"] == {"count": 17, "is_exact": True, "limit": 256}


def test_an_open_speech_and_a_missing_picture_are_told(project):
    text = shown(project, "a:3")
    assert "Open (left open)" in text
    assert "none.png is not there" in text
    assert "S101 unclosed-speech" in text


def test_a_picture_decides_the_size(project):
    pillow = pytest.importorskip("PIL.Image", reason="reading a picture's size needs Pillow")
    pillow.new("RGB", (640, 320)).save(project / "prompts" / "a.png")
    (project / "prompts" / "b.csv").write_text("text_prompt,image_path\nA dog runs,a.png\n")
    (view,) = json.loads(shown(project, "b", "--json"))["prompts"]
    assert view["mode"] == "i2v"
    assert view["asked_size"] == {"height": 320, "width": 640}
    assert view["size"]["width"] == 2 * view["size"]["height"]


def test_prompts_come_from_everywhere(project):
    text = shown(project, "-", stdin="A cat walks.\n")
    assert text.startswith("prompt, for 960x960_5s, mode t2v\nscene     A cat walks.\n")
    every = json.loads(shown(project, "--json"))["prompts"]
    assert [view["row"] for view in every] == ["1", "2", "3"]
    assert len(json.loads(shown(project, "prompts", "A dog barks", "--json"))["prompts"]) == 4


def test_control_sequences_are_not_passed_on(project):
    text = shown(project, "A man \x1b[31mred\x1b[0m <S>\x07Hi\x9b<E> Audio: x\u202e")
    assert r"\x1b[31m" in text
    assert not any(ord(c) < 32 and c != "\n" for c in text)
    assert "\u202e" not in text
    assert "\x9b" not in text


def test_bytes_that_are_no_text_are_shown_escaped(project):
    (project / "prompts" / "c.csv").write_bytes(b"text_prompt\ncaf\xe9 terrace\n")
    assert r"caf\udce9 terrace" in shown(project, "c")
    assert json.loads(shown(project, "c", "--json"))["prompts"][0]["text"] == "caf\udce9 terrace"


@pytest.mark.parametrize(("arguments", "said"), [
    (["b"], "There is no set 'b'"),
    (["a:9"], "has no row '9'"),
    ([""], "The prompt is empty"),
    (["a:1", "--variant", "960"], "no variant '960'"),
])  # fmt: skip
def test_wrong_use_is_a_sentence(project, arguments, said):
    ended = run("show", *arguments, folder=project)
    assert ended.returncode == 2
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


def test_nothing_heavy_is_imported(project):
    code, modules = modules_after("show", "a:1", folder=project)
    assert code == 0
    assert not modules & HEAVY
