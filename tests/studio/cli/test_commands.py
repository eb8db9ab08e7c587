"""Commands that render nothing: usage errors, plans, tables, and what they import."""

import json
import subprocess
import sys

import pytest

from .command import COMMAND, environment, ovi

HEAVY = ("torch", "numpy", "pandas", "pydantic", "rich", "textual", "yaml", "sqlite3", "asyncio")


def modules_after(folder, *arguments):
    script = (
        "import sys\n"
        "from ovi_studio.cli.main import main\n"
        "code = main(sys.argv[1:])\n"
        "sys.stderr.write('\\nMODULES ' + ' '.join(sorted(sys.modules)) + '\\n')\n"
        "sys.exit(code)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, *arguments], cwd=folder, env=environment(), text=True,
        capture_output=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    return ended.stderr.partition("\nMODULES ")[2].split()


@pytest.mark.parametrize("arguments", [["--help"], ["render", "--help"], ["version"], ["variants"]])
def test_light_commands_import_nothing_heavy(tmp_path, arguments):
    loaded = set(modules_after(tmp_path, *arguments))
    assert loaded.isdisjoint(HEAVY)
    assert "ovi_studio.cli.main" in loaded


def test_a_plan_needs_no_tensors(tmp_path):
    loaded = set(modules_after(tmp_path, "render", "a cat", "--dry-run"))
    assert loaded.isdisjoint({"torch", "numpy", "pandas", "pydantic", "rich", "textual"})


def test_variants_are_listed_with_their_facts(tmp_path):
    ended = ovi("variants", folder=tmp_path)
    rows = [line.split() for line in ended.stdout.splitlines()]
    assert rows[0][:4] == ["variant", "frames", "seconds", "size"]
    assert rows[2][:4] == ["720x720_5s", "121", "5.04", "704x704"]
    document = json.loads(ovi("variants", "--json", folder=tmp_path).stdout)
    assert [variant["name"] for variant in document["variants"]][-1] == "960x960_10s"


def test_versions_are_told(tmp_path):
    lines = ovi("version", folder=tmp_path).stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["ovi", "python", "torch"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["render"], "nothing to render"),
        (["render", "none.csv"], "There is no file none.csv"),
        (["render", "a", "--solver", "ddim"], "no solver 'ddim'. Known: unipc, dpm++, euler."),
        (["render", "a", "--steps", "many"], "--steps"),
        (["render", "a", "--stepz", "5"], "--stepz"),
        (["render", "a", "--mode", "v2v"], "no mode 'v2v'"),
        (["render", "a", "--size", "720"], "'720' is not a size"),
        (["render", "a", "--shift", "0"], "Shift 0.0"),
        (["render", "a", "--variant", "big"], "no variant 'big'"),
        (["render", "a", "--variant", "720x720_5s"], "Weight files of 720x720_5s are missing"),
        (["render", "a", "--image", "none.png"], "none.png"),
        (["render", "a", "--json"], "--dry-run"),
        (["render", "--config", "none.yaml"], "no configuration file"),
        (["reproduce", "none.mp4"], "There is no file"),
        (["frobnicate"], "frobnicate"),
    ],
)
def test_wrong_use_is_a_sentence_and_exit_code_2(tmp_path, arguments, said):
    ended = ovi(*arguments, folder=tmp_path)
    assert ended.returncode == 2
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""
    assert list(tmp_path.iterdir()) == [], "nothing is left behind"


def test_a_dry_run_shows_the_plan_and_writes_nothing(tmp_path):
    ended = ovi("render", "a cat", "--seed", "3", "--repeats", "2", "--dry-run", folder=tmp_path)
    assert ended.returncode == 0
    lines = ended.stdout.splitlines()
    assert [line.split()[-1] for line in lines] == ["3", "4"]
    assert lines[0].startswith("renders/prompt-1-s3-")
    assert "2 clips of 1.88 s, 128x128, 20 steps: nano, t2v." in ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_is_one_json_document_and_names_bad_rows(tmp_path):
    (tmp_path / "set.csv").write_text("text_prompt,seed\na cat,1\na dog,x\n")
    ended = ovi("render", "set.csv", "--dry-run", "--json", folder=tmp_path)
    assert ended.returncode == 1
    document = json.loads(ended.stdout)
    assert [clip["seed"] for clip in document["clips"]] == [1]
    assert document["rejected"][0]["row"] == "2"
    assert "set.csv, line 3 (row 2): column seed: 'x' is not a whole number" in ended.stderr


def test_an_output_folder_that_cannot_be_written_is_found_out_first(tmp_path):
    (tmp_path / "renders").write_text("a file")
    ended = ovi("render", "a cat", folder=tmp_path)
    assert ended.returncode == 2
    assert "renders" in ended.stderr
    assert not (tmp_path / ".ovi").exists()


def test_an_empty_queue_is_no_error_and_makes_no_folder(tmp_path):
    ended = ovi("queue", "list", folder=tmp_path)
    assert (ended.returncode, ended.stdout) == (0, "")
    assert json.loads(ovi("queue", "list", "--json", folder=tmp_path).stdout) == {"jobs": []}
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_goes_away_is_no_reason_to_complain(tmp_path):
    process = subprocess.Popen(
        [*COMMAND, "variants"], cwd=tmp_path, env=environment(), stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )  # fmt: skip
    process.stdout.close()
    process.wait()
    assert process.stderr.read() == b""
    process.stderr.close()
