import json

import pytest

from ovi_studio.errors import UsageError
from ovi_studio.expand.errors import ExpansionError
from ovi_studio.project.prompt_file import read_prompt_set
from tests.studio.expand.commands import run


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ovi.toml").touch()
    templates = tmp_path / "templates"
    templates.mkdir()
    (templates / "hello.jinja").write_text(
        "{#\nA greeting.\nwho: who greets (default A man)\nline: the words\n#}\n"
        "{{ who }} says, <S>{{ line }}<E>\nAudio: a voice"
    )
    return tmp_path


@pytest.mark.parametrize(
    ("variant", "text"),
    [
        (["--variant", "720x720_5s"], "A man says, <S>Hi, you.<E> <AUDCAP>a voice<ENDAUDCAP>"),
        (["--variant", "960x960_10s"], "A man says, <S>Hi, you.<E> Audio: a voice"),
        ([], "A man says, <S>Hi, you.<E> Audio: a voice"),
    ],
)
def test_a_template_is_filled_in_the_variants_form(capsys, variant, text):
    assert run("new", "prompt", "--template", "hello", "--set", "line=Hi, you.", *variant) == 0
    assert capsys.readouterr().out == f"{text}\n"


def test_a_prompt_is_added_to_a_set(folder, capsys):
    target = folder / "prompts" / "my.csv"
    arguments = ["new", "-t", "hello", "--into", target, "--set"]
    assert run(*arguments, 'line=Say "hi"') == 0
    assert run(*arguments, "line=Bye") == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert "as row 2." in said.err
    assert [row.text for row in read_prompt_set(target)] == [
        'A man says, <S>Say "hi"<E> Audio: a voice',
        "A man says, <S>Bye<E> Audio: a voice",
    ]


def test_other_bytes_of_the_set_stay(folder):
    target = folder / "my.csv"
    target.write_bytes(b'\xef\xbb\xbf"note";"text_prompt";variant\r\nx;"a ""b""";\r\n')
    run("new", "-t", "hello", "--set", "line=Bye", "--into", "my.csv", "--variant", "nano")
    assert target.read_bytes() == (
        b'\xef\xbb\xbf"note";"text_prompt";variant\r\nx;"a ""b""";\r\n'
        b';"A man says, <S>Bye<E> Audio: a voice";nano\r\n'
    )


def test_templates_are_listed_with_their_blanks(folder, capsys):
    (folder / "templates" / "broken.jinja").write_text("no header")
    (folder / "templates" / "news.jinja").write_text("{# Mine. #} A fox.")
    assert run("new", "--list") == 0
    said = capsys.readouterr()
    assert (
        "hello: A greeting.\n  who: who greets (default: A man)\n  line: the words (has to be"
        in (said.out)
    )
    assert "news: Mine." in said.out
    assert "two-speakers: " in said.out
    assert "music: what plays meanwhile (optional)" in said.out
    assert "broken.jinja has no header" in said.err
    run("new", "--list", "--json")
    listed = {one["name"]: one for one in json.loads(capsys.readouterr().out)["templates"]}
    assert listed["news"]["path"] == str(folder / "templates" / "news.jinja")
    assert listed["hello"]["blanks"] == [
        {"name": "who", "description": "who greets", "default": "A man"},
        {"name": "line", "description": "the words", "default": None},
    ]


def test_json_says_where_it_went(folder, capsys):
    run("new", "-t", "hello", "--set", "line=x", "--into", "my.csv", "--json")
    assert json.loads(capsys.readouterr().out) == {
        "template": "hello",
        "text_prompt": "A man says, <S>x<E> Audio: a voice",
        "file": str(folder / "my.csv"),
        "row": 1,
    }


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ([], UsageError, "ovi new --list"),
        (["clip", "-t", "hello"], UsageError, "no 'clip' to make"),
        (["-t", "helo"], ExpansionError, "Did you mean hello"),
        (["-t", "hello"], ExpansionError, "--set line="),
        (["-t", "hello", "--set", "lines=x"], ExpansionError, "Did you mean line"),
        (["-t", "hello", "--set", "line"], UsageError, "--set name=value"),
        (["-t", "hello", "--set", "line=x", "--variant", "no"], UsageError, "no variant 'no'"),
    ],
)
def test_mistakes_are_named(arguments, error, says):
    with pytest.raises(error, match=says):
        run("new", *arguments)
