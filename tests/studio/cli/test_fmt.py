"""`ovi fmt` writes canonical form, touches no words, and no byte of what needs no change."""

import shutil
import subprocess

import pytest
from hypothesis import given, settings

from ovi.spec.variants import AudioForm
from ovi_studio.actions.authoring import formatted
from ovi_studio.prompt.parse import parse_prompt
from tests.studio.prompt.strategies import any_texts

from .projects import FIXTURES, clean_environment, files_in, modules_after, run

LOOSE = "A man   says\n<s> Hi. <E>  AUDIO : Rain."
TIDY = "A man says <S>Hi.<E> Audio: Rain."


@pytest.fixture
def project(tmp_path):
    (tmp_path / "ovi.toml").write_text("")
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "a.csv").write_bytes(
        b'\xef\xbb\xbfid;text_prompt;note\r\n1;"' + LOOSE.encode() + b'";" x "\r\n'
        b'two; Fine. Audio: x ;"y"\r\n\r\n3;Fine. Audio: x;z'
    )
    return tmp_path


AFTER = (
    b'\xef\xbb\xbfid;text_prompt;note\r\n1;"' + TIDY.encode() + b'";" x "\r\n'
    b'two;Fine. Audio: x;"y"\r\n\r\n3;Fine. Audio: x;z'
)


def test_only_prompts_that_need_it_change(project):
    ended = run("fmt", folder=project)
    assert ended.returncode == 0
    assert ended.stdout == ""
    assert "prompts/a.csv: 2 prompts formatted." in ended.stderr
    assert (project / "prompts" / "a.csv").read_bytes() == AFTER
    again = run("fmt", "a", folder=project)
    assert "Nothing to format." in again.stderr
    assert files_in(project / "prompts") == {"a.csv": AFTER}


def test_check_writes_nothing_and_tells_the_rows(project):
    before = files_in(project)
    ended = run("fmt", "--check", folder=project)
    assert ended.returncode == 1
    assert ended.stderr.splitlines() == [
        "prompts/a.csv:2: row 1", "prompts/a.csv:4: row two", "2 prompts would be formatted.",
    ]  # fmt: skip
    assert files_in(project) == before
    run("fmt", folder=project)
    assert run("fmt", "--check", folder=project).returncode == 0


def test_the_diff_is_one_that_patch_applies(project):
    ended = run("fmt", "--diff", folder=project, stdin=b"")
    assert ended.returncode == 1
    assert ended.stdout.startswith(b"--- prompts/a.csv\n+++ prompts/a.csv\n@@ -2,2 +2 @@\n")
    assert b"\n@@ -4 +3 @@\n" in ended.stdout
    if shutil.which("patch") is None:
        pytest.skip("no patch here to apply it with")
    subprocess.run(
        ["patch", "-p0", "--binary", "--quiet"], input=ended.stdout, cwd=project, check=True
    )
    assert (project / "prompts" / "a.csv").read_bytes() == AFTER


def test_one_row_can_be_formatted(project):
    run("fmt", "a:two", folder=project)
    assert (project / "prompts" / "a.csv").read_bytes() != AFTER
    run("fmt", "a:1", folder=project)
    assert (project / "prompts" / "a.csv").read_bytes() == AFTER


def test_prompts_and_standard_input_come_out_on_stdout(project):
    assert run("fmt", LOOSE, folder=project).stdout == f"{TIDY}\n"
    assert run("fmt", "-", folder=project, stdin=f"{LOOSE}\n").stdout == f"{TIDY}\n"
    ended = run("fmt", LOOSE, "--diff", folder=project)
    assert ended.stdout.splitlines()[:2] == ["--- prompt", "+++ prompt"]
    assert run("fmt", TIDY, "--check", folder=project).returncode == 0


def test_the_form_is_the_named_variants_else_the_captions_own(project):
    tagged = "A dog. <AUDCAP>Bark.<ENDAUDCAP>"
    prefixed = "A dog. Audio: Bark."
    assert run("fmt", tagged, folder=project).stdout == f"{tagged}\n"
    assert run("fmt", tagged, "--variant", "960x960_5s", folder=project).stdout == f"{prefixed}\n"
    ended = run("fmt", prefixed, folder=project, OVI_VARIANT="720x720_5s")
    assert ended.stdout == f"{tagged}\n"
    path = project / "prompts" / "b.csv"
    path.write_text(f"text_prompt,variant\n{prefixed},720x720_5s\n{prefixed},\n{tagged},\n")
    run("fmt", "b", folder=project)
    assert path.read_text() == (
        f"text_prompt,variant\n{tagged},720x720_5s\n{prefixed},\n{tagged},\n"
    )


@pytest.mark.parametrize("fixture", sorted(FIXTURES.iterdir()), ids=lambda path: path.name)
def test_odd_files_keep_every_byte_but_those_of_changed_prompts(tmp_path, fixture):
    path = tmp_path / fixture.name
    shutil.copy(fixture, path)
    run("fmt", path.name, folder=tmp_path)
    once = path.read_bytes()
    run("fmt", path.name, folder=tmp_path)
    assert path.read_bytes() == once
    if run("fmt", fixture, "--check", folder=tmp_path).returncode == 0:
        assert once == fixture.read_bytes()


def test_two_processes_that_format_and_add_lose_nothing(project):
    path = project / "prompts" / "c.csv"
    path.write_text("text_prompt\n" + f'"{LOOSE}"\n' * 200)
    from .command import COMMAND

    processes = [
        subprocess.Popen(
            [*COMMAND, *arguments], cwd=project, env=clean_environment(project),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        for arguments in (["fmt", "c"], ["add", "c", "A dog"], ["fmt", "c"], ["add", "c", "A cat"])
    ]  # fmt: skip
    assert [process.wait() for process in processes] == [0, 0, 0, 0]
    lines = path.read_text().splitlines()
    assert lines[:201] == ["text_prompt", *[f'"{TIDY}"'] * 200]
    assert {line.strip('"') for line in lines[201:]} == {"A dog", "A cat"}


def test_a_set_that_cannot_be_read_does_not_stop_the_others(project):
    (project / "prompts" / "0.csv").write_text("colour\nred\n")
    for arguments in (["--check"], ["--diff"], []):
        ended = run("fmt", *arguments, folder=project)
        assert ended.returncode == 2
        assert "0.csv has no column 'text_prompt'" in ended.stderr
    assert (project / "prompts" / "a.csv").read_bytes() == AFTER


def test_nothing_heavy_is_imported(project):
    code, modules = modules_after("fmt", "--check", folder=project)
    assert code == 1
    assert not modules & {"torch", "numpy", "pandas", "pydantic", "rich", "textual"}


def parts(prompt):
    def fold(text):
        return " ".join(text.split())

    return (
        [fold(speech.text) for speech in prompt.speeches],
        [fold(caption.text) for caption in prompt.captions],
        fold(prompt.scene_text),
    )


@settings(max_examples=300)
@given(any_texts)
def test_formatting_is_idempotent_and_keeps_every_part(text):
    for form in (None, *AudioForm):
        once = formatted(text, form)
        assert formatted(once, form) == once
        assert parts(parse_prompt(once)) == parts(parse_prompt(text))
