"""`ovi config` shows which settings hold and where they come from."""

import json
import re

import pytest

from .projects import clean_environment, modules_after, run


@pytest.fixture
def project(tmp_path):
    (tmp_path / "ovi.toml").write_text(
        'schema = 1\n[render]\nvariant = "960x960_5s"\nsteps = 30\n'
        '[llm.local]\nmodel = "m"\napi_key_env = "KEY"\n'
    )
    user = tmp_path / ".user" / "ovi"
    user.mkdir(parents=True)
    (user / "config.toml").write_text(
        '[render]\nseed = 5\nsteps = 10\n[llm.local]\napi_key = "hunter2"\n'
    )
    return tmp_path


def rows(text):
    lines = (re.split(r" {2,}", line) for line in text.splitlines())
    return {line[0]: line[1:] for line in lines}


def test_every_value_is_shown_with_its_origin(project):
    ended = run("config", "show", "--origin", folder=project, OVI_SHIFT="3")
    found = rows(ended.stdout)
    assert found["render.variant"] == ["960x960_5s", "project: ovi.toml, line 3", "OVI_VARIANT"]
    assert found["render.steps"] == ["30", "project: ovi.toml, line 4", "OVI_STEPS"]
    assert found["render.seed"] == ["5", "user: .user/ovi/config.toml, line 2", "OVI_SEED"]
    assert found["render.shift"] == ["3.0", "environment", "OVI_SHIFT"]
    assert found["render.solver"] == ["unipc", "default", "OVI_SOLVER"]
    assert "hunter2" not in ended.stdout
    assert "api_key = (hidden)" in ended.stdout
    plain = run("config", "show", folder=project).stdout
    assert rows(plain)["render.steps"] == ["30"]


def test_json_says_the_same(project):
    ended = run("config", "show", "--json", folder=project, OVI_LINT_IGNORE="P3,S1")
    document = json.loads(ended.stdout)
    found = {one.pop("key"): one for one in document["settings"]}
    assert found["render.steps"] == {
        "value": 30, "default": "50; 20 with nano", "layer": "project",
        "place": f"{project / 'ovi.toml'}, line 4", "variable": "OVI_STEPS",
    }  # fmt: skip
    assert found["lint.ignore"]["value"] == ["P3", "S1"]
    assert found["render.size"]["value"] is None
    assert document["llm"] == {"local": {"api_key": "(hidden)", "model": "m", "api_key_env": "KEY"}}
    assert "hunter2" not in ended.stdout


def test_the_files_are_named_also_when_they_are_broken(project):
    (project / "ovi.toml").write_text("[[[")
    lines = run("config", "path", folder=project).stdout.splitlines()
    assert lines == [
        f"project: {project / 'ovi.toml'}", f"user: {project / '.user/ovi/config.toml'}",
    ]  # fmt: skip
    found = json.loads(run("config", "path", "--json", folder=project).stdout)
    assert found == {
        "project": str(project / "ovi.toml"), "user": str(project / ".user/ovi/config.toml"),
    }  # fmt: skip


def test_files_that_are_not_there_are_said_to_be(tmp_path):
    lines = run("config", "path", folder=tmp_path).stdout.splitlines()
    assert lines[1] == f"user: {tmp_path / '.user/ovi/config.toml'} (not there)"


def test_misspelt_variables_are_mentioned(project):
    ended = run("config", "show", folder=project, OVI_VARIAN="x")
    assert "OVI_VARIAN is set and means nothing; did you mean OVI_VARIANT?" in ended.stderr
    assert ended.returncode == 0


def test_mistakes_are_one_sentence_and_exit_code_2(project):
    (project / "ovi.toml").write_text("[render]\nvarient = 'nano'\n")
    for command in (["config", "show"], ["show", "A dog barks"], ["sets"], ["fmt", "A dog barks"]):
        ended = run(*command, folder=project)
        assert ended.returncode == 2
        assert ended.stderr == (
            f"{project / 'ovi.toml'}, line 2: render.varient is no setting. Did you mean "
            "render.variant?\n"
        )


def test_the_configured_variant_and_rules_hold(project):
    ended = run("show", "A dog barks. <AUDCAP>x<ENDAUDCAP>", folder=project)
    assert ended.stdout.startswith("prompt, for 960x960_5s")
    assert "wrong-caption-form" in ended.stdout
    quiet = run(
        "show", "A dog. <AUDCAP>x<ENDAUDCAP>", folder=project, OVI_LINT_IGNORE="F101 A2 S2 P3"
    )
    assert "wrong-caption-form" not in quiet.stdout
    over = run("show", "A dog barks", "--variant", "nano", folder=project, OVI_VARIANT="720x720_5s")
    assert over.stdout.startswith("prompt, for nano")


def test_nothing_heavy_is_imported(project):
    code, modules = modules_after("config", "show", folder=project)
    assert code == 0
    assert not modules & {"torch", "numpy", "pandas", "pydantic", "rich", "textual", "yaml"}


def complete(project, words):
    ended = run(
        folder=project, _OVI_COMPLETE="complete_bash", COMP_WORDS=words,
        COMP_CWORD=str(len(words.split(" ")) - 1),
    )  # fmt: skip
    return ended.stdout.split()


def test_the_shell_completes_variants_sets_formats_and_columns(project):
    (project / "prompts" / "crowd").mkdir(parents=True)
    for name in ("people", "crowd/market"):
        (project / "prompts" / f"{name}.csv").write_text("text_prompt\nA\n")
    assert complete(project, "ovi show --variant 960") == ["960x960_5s", "960x960_10s"]
    assert complete(project, "ovi convert x --to n") == ["nano"]
    assert complete(project, "ovi fmt p") == ["people"]
    assert complete(project, "ovi edit c") == ["crowd/market"]
    assert complete(project, "ovi export people --to j") == ["json", "jsonl"]
    assert "seed=" in complete(project, "ovi add people x --set s")


def test_output_is_plain(project):
    environment = clean_environment(project)
    assert "NO_COLOR" not in environment
    for extra in ({}, {"NO_COLOR": "1"}, {"FORCE_COLOR": "1"}):
        for command in (["config", "show"], ["show", "A dog barks"], ["--help"]):
            assert "\x1b" not in run(*command, folder=project, **extra).stdout
