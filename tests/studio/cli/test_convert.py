"""`ovi convert` writes the other caption form, and nothing else differs."""

import pytest

from .projects import FIXTURES, files_in, run

PREFIXED = b'text_prompt;seed\r\n"A ""man""  says <S>Hi.<E> Audio: Rain; wind";7\r\nA dog.;"8"\r\n'
TAGGED = PREFIXED.replace(b"Audio: Rain; wind", b"<AUDCAP>Rain; wind<ENDAUDCAP>")


@pytest.fixture
def project(tmp_path):
    (tmp_path / "ovi.toml").write_text("")
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "a.csv").write_bytes(PREFIXED)
    return tmp_path


def test_a_set_is_converted_there_and_back(project):
    path = project / "prompts" / "a.csv"
    ended = run("convert", "a", "--to", "720x720_5s", "--in-place", folder=project)
    assert (ended.returncode, ended.stdout) == (0, "")
    assert "a.csv: 1 converted." in ended.stderr
    assert path.read_bytes() == TAGGED
    run("convert", "a", "--to", "720x720_5s", "--in-place", folder=project)
    assert path.read_bytes() == TAGGED
    run("convert", "a", "--to", "nano", "-i", folder=project)
    assert path.read_bytes() == PREFIXED
    assert list(files_in(project / "prompts")) == ["a.csv"]


def test_it_goes_to_stdout_or_to_a_new_file(project):
    ended = run("convert", "a", "--to", "720x720_5s", folder=project, stdin=b"")
    assert (ended.returncode, ended.stdout) == (0, TAGGED)
    arguments = ("convert", "a", "--to", "720x720_5s", "--output", "out/b.csv")
    assert run(*arguments, folder=project).returncode == 0
    assert (project / "out" / "b.csv").read_bytes() == TAGGED
    (project / "out" / "b.csv").write_bytes(b"mine")
    refused = run(*arguments, folder=project)
    assert (refused.returncode, (project / "out" / "b.csv").read_bytes()) == (2, b"mine")
    assert "--force" in refused.stderr
    assert run(*arguments, "--force", folder=project).returncode == 0
    assert (project / "out" / "b.csv").read_bytes() == TAGGED
    assert (project / "prompts" / "a.csv").read_bytes() == PREFIXED


def test_prompts_come_out_on_stdout(project):
    ended = run("convert", "A  dog. Audio: Bark.", "--to", "720x720_5s", folder=project)
    assert ended.stdout == "A  dog. <AUDCAP>Bark.<ENDAUDCAP>\n"
    ended = run("convert", "-", "--to", "nano", folder=project, stdin=ended.stdout)
    assert ended.stdout == "A  dog. Audio: Bark.\n"


def test_what_cannot_be_told_apart_is_left_and_named(project):
    text = "A dog. <AUDCAP>Bark. <S>Hi.<E>"
    path = project / "prompts" / "b.csv"
    path.write_text(f"text_prompt\nA dog. Audio: x\n{text}\n")
    before = path.read_text()
    ended = run("convert", "b", "--to", "nano", "-i", folder=project)
    assert ended.returncode == 1
    assert "prompts/b.csv:3: row 2: left as it is" in ended.stderr
    assert path.read_text() == before
    assert run("convert", text, "--to", "nano", folder=project).returncode == 1


def test_rows_of_other_variants_are_told(project):
    path = project / "prompts" / "b.csv"
    path.write_text("text_prompt,variant\nA dog. Audio: x,960x960_5s\n")
    ended = run("convert", "b", "--to", "720x720_5s", "-i", folder=project)
    assert "1 row names a variant" in ended.stderr


@pytest.mark.parametrize("fixture", sorted(FIXTURES.iterdir()), ids=lambda path: path.name)
def test_what_has_the_form_already_comes_out_byte_for_byte(tmp_path, fixture):
    ended = run("convert", fixture, "--to", "nano", folder=tmp_path, stdin=b"")
    assert ended.stdout == fixture.read_bytes()


@pytest.mark.parametrize(("arguments", "said"), [
    (["a"], "--to"),
    (["a", "--to", "big"], "no variant 'big'"),
    (["a", "--to", "nano", "-i", "-o", "x.csv"], "exclude each other"),
    (["a", "prompts/b.csv", "--to", "nano"], "use --in-place"),
    (["a", "A dog barks", "--to", "nano"], "use --in-place"),
    (["a:1", "--to", "nano"], "A single row makes no file"),
    (["A dog", "--to", "nano", "-o", "x.csv"], "takes a set"),
    (["a", "--to", "nano", "-o", "prompts"], "is a folder"),
])  # fmt: skip
def test_wrong_use_is_a_sentence_and_writes_nothing(project, arguments, said):
    (project / "prompts" / "b.csv").write_text("text_prompt\nA\n")
    before = files_in(project)
    ended = run("convert", *arguments, folder=project)
    assert ended.returncode == 2
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
    assert files_in(project) == before
