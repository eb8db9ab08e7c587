"""`ovi lint` and `ovi rule` as a user runs them."""

import json
import re
import signal
import subprocess
import sys
import time

import pytest

from tests.studio.cli.command import COMMAND, ROOT, environment, ovi

CLEAN = "A pale face looks at us and says <S>hello yellow<E>. Audio: A clear woman's voice."
BROKEN = CLEAN.replace("<E>", "</S>")
UNCLOSED = CLEAN.replace("<E>.", ".")
NOTED = CLEAN.replace("A clear", "A  clear")

HEAVY = (
    "torch", "numpy", "pandas", "pydantic", "rich", "textual", "PIL", "jinja2", "yaml", "asyncio",
    "tokenizers", "sqlite3",
)  # fmt: skip
"""Modules that checking prompts must do without."""


def write_set(path, *prompts, header="text_prompt"):
    cells = ('"' + prompt.replace('"', '""') + '"' for prompt in prompts)
    path.write_text("\n".join([header, *cells, ""]), encoding="utf-8")
    return path


@pytest.mark.parametrize(("prompt", "code"), [(CLEAN, 0), (NOTED, 0), (BROKEN, 1)])
def test_exit_code_tells_findings_from_information(tmp_path, prompt, code):
    assert ovi("lint", prompt, folder=tmp_path).returncode == code
    assert ovi("lint", prompt, "--exit-zero", folder=tmp_path).returncode == 0


def test_text_names_place_code_and_fix_and_underlines(tmp_path):
    write_set(tmp_path / "a.csv", CLEAN, BROKEN)
    result = ovi("lint", "a.csv", folder=tmp_path)
    head, line, carets, fix, empty = result.stdout.split("\n")[:5]
    assert head.startswith("a.csv:3:50: P101 wrong-closer (error): ")
    place = line.index("</S>")
    assert carets == " " * place + "^^^^"
    assert (fix.strip(), empty) == ("fix: Write <E>", "")
    assert "1 error" in result.stderr
    assert "nano" in result.stderr
    assert "\x1b" not in result.stdout


def test_quiet_leaves_out_all_talk(tmp_path):
    result = ovi("lint", BROKEN, "--quiet", folder=tmp_path)
    assert "P101" in result.stdout
    assert result.stderr == ""


def test_what_a_prompt_holds_cannot_control_the_terminal(tmp_path):
    prompt = CLEAN.replace("face", "fa\x1b[2J\x07ce <b\u009b31m>")
    result = ovi("lint", prompt, folder=tmp_path)
    assert not set("\x1b\x07\u009b") & set(result.stdout)


def test_json_document_is_as_documented(tmp_path):
    write_set(tmp_path / "a.csv", BROKEN)
    for option in (["--json"], ["--format", "json"]):
        document = json.loads(ovi("lint", "a.csv", *option, folder=tmp_path).stdout)
        assert document == {
            "diagnostics": [{
                "code": "P101", "name": "wrong-closer", "severity": "error",
                "message": "The model does not know </S>: close with <E>.",
                "file": "a.csv", "line": 2, "row": "1", "column": 50,
                "span": {"start": 48, "end": 52},
                "fix": {"title": "Write <E>", "safe": True, "edits": [
                    {"start": 48, "end": 52, "replacement": "<E>", "cell": "text_prompt"}
                ]},
            }],
            "summary": {
                "files": 1, "prompts": 1, "errors": 1, "warnings": 0, "infos": 0, "fixable": 1,
                "unsafely_fixable": 0, "fixed": 0,
            },
        }  # fmt: skip


def test_json_holds_every_script_and_bytes_that_are_no_text(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"text_prompt\ncaf\xe9 \xe6\x97\xa5 <S>a</S>\n")
    result = subprocess.run(
        [*COMMAND, "lint", "a.csv", "--json"], cwd=tmp_path, env=environment(),
        capture_output=True, check=False,
    )  # fmt: skip
    codes = {found["code"] for found in json.loads(result.stdout.decode())["diagnostics"]}
    assert {"C103", "P101"} <= codes


def test_github_annotations_escape_what_would_end_them(tmp_path):
    name = "a,b%c.csv"
    write_set(tmp_path / name, BROKEN)
    (line,) = ovi("lint", name, "--format", "github", folder=tmp_path).stdout.splitlines()
    assert line.startswith("::error file=a%2Cb%25c.csv,line=2,col=50,title=P101 wrong-closer::")


def test_sarif_names_rule_and_region(tmp_path):
    write_set(tmp_path / "a.csv", BROKEN)
    document = json.loads(ovi("lint", "a.csv", "--format", "sarif", folder=tmp_path).stdout)
    (run,) = document["runs"]
    (result,) = run["results"]
    assert document["version"] == "2.1.0"
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == "P101"
    location = result["locations"][0]["physicalLocation"]
    assert location["artifactLocation"]["uri"] == "a.csv"
    assert location["region"] == {"startLine": 2, "startColumn": 50}


def test_fix_mends_a_set_in_place_and_touches_nothing_else(tmp_path):
    path = tmp_path / "a.csv"
    before = f'\ufefftext_prompt;note\r\n"{BROKEN}";"x"\r\nA {CLEAN};  y \r\n'
    path.write_bytes(before.encode())
    result = ovi("lint", "a.csv", "--fix", folder=tmp_path)
    assert path.read_bytes() == before.replace("</S>", "<E>").encode()
    assert result.returncode == 0
    assert "Fixed 1 finding." in result.stderr
    again = path.read_bytes()
    assert ovi("lint", "a.csv", "--fix", folder=tmp_path).returncode == 0
    assert path.read_bytes() == again


def test_unsafe_fixes_have_to_be_asked_for(tmp_path):
    path = write_set(tmp_path / "a.csv", UNCLOSED)
    before = path.read_bytes()
    result = ovi("lint", "a.csv", "--fix", folder=tmp_path)
    assert (path.read_bytes(), result.returncode) == (before, 1)
    assert "--unsafe-fixes" in result.stderr
    assert ovi("lint", "a.csv", "--fix", "--unsafe-fixes", folder=tmp_path).returncode == 0
    assert b"yellow.<E> Audio" in path.read_bytes()


def test_diff_writes_nothing_and_applies_with_patch(tmp_path):
    path = write_set(tmp_path / "a.csv", CLEAN, BROKEN)
    before = path.read_bytes()
    result = ovi("lint", "a.csv", "--diff", folder=tmp_path)
    assert (path.read_bytes(), result.returncode) == (before, 1)
    removed, added = [x for x in result.stdout.splitlines() if x[0] in "+-" and "face" in x]
    assert removed[1:].replace("</S>", "<E>") == added[1:]
    assert ovi("lint", "a.csv", "--diff", "--ignore", "P", folder=tmp_path).returncode == 0


def test_a_fixed_prompt_goes_to_stdout_and_the_rest_to_stderr(tmp_path):
    prompt = BROKEN.replace("hello", "hello 7")
    result = ovi("lint", prompt, "--fix", folder=tmp_path)
    assert result.stdout == prompt.replace("</S>", "<E>") + "\n"
    assert "S204" in result.stderr
    assert result.returncode == 1


@pytest.mark.parametrize(("given", "name"), [(BROKEN, "-"), (f"text_prompt\n{BROKEN}", "-")])
def test_standard_input_is_a_prompt_or_a_set(tmp_path, given, name):
    def run(*options):
        return subprocess.run(
            [*COMMAND, "lint", "-", *options], input=f"{given}\n", cwd=tmp_path, text=True,
            env=environment(), capture_output=True, check=False,
        )  # fmt: skip

    (found,) = json.loads(run("--json").stdout)["diagnostics"]
    assert (found["code"], found["file"]) == ("P101", name)
    assert found["line"] == given.count("\n") + 1
    assert run("--fix").stdout == given.replace("</S>", "<E>") + "\n"
    assert run("--diff").returncode == 1


def test_folders_projects_and_rows(tmp_path):
    (tmp_path / "ovi.toml").write_text('[render]\nvariant = "960x960_10s"\n')
    prompts = tmp_path / "prompts"
    (prompts / "more").mkdir(parents=True)
    write_set(prompts / "a.csv", CLEAN, BROKEN)
    write_set(prompts / "more" / "b.tsv", BROKEN)

    def files(*sources, folder=tmp_path):
        result = ovi("lint", *sources, "--json", "--select", "P101", folder=folder)
        return [(d["file"], d["row"]) for d in json.loads(result.stdout)["diagnostics"]]

    both = [("prompts/a.csv", "2"), ("prompts/more/b.tsv", "1")]
    assert files() == files("prompts") == both
    assert files("a:1") == []
    assert files("a:2") == [("prompts/a.csv", "2")]
    assert [row for _, row in files(folder=prompts)] == ["2", "1"]
    result = ovi("lint", "a", folder=tmp_path)
    assert "960x960_10s" in result.stdout  # its limits are the configured variant's
    assert "Checked for" not in result.stderr


@pytest.mark.parametrize("arguments", [
    ["no-such-file.csv"], ["--mode", "x", CLEAN], ["--variant", "x", CLEAN], [""],
    ["--select", "Z", CLEAN], ["--format", "x", CLEAN], ["--watch", "--fix", CLEAN], ["--nothing"],
])  # fmt: skip
def test_wrong_use_exits_with_2(tmp_path, arguments):
    result = ovi("lint", *arguments, folder=tmp_path)
    assert result.returncode == 2
    assert result.stderr.strip()
    assert "Traceback" not in result.stderr


def test_selection_on_the_command_line_wins_over_the_configuration(tmp_path):
    (tmp_path / "ovi.toml").write_text('[lint]\nselect = ["P2"]\nignore = ["white-space"]\n')

    def codes(*options):
        result = ovi("lint", f"{BROKEN}  x", "--json", *options, folder=tmp_path)
        return {found["code"] for found in json.loads(result.stdout)["diagnostics"]}

    assert codes() == set()
    assert codes("--select", "P") == {"P101"}
    assert codes("--ignore", "P202") == {"P201"}
    assert codes("--select", "P1,P201", "--select", "A", "--ignore", "P202") == {"P101", "P201"}


def test_an_empty_project_says_what_to_do(tmp_path):
    result = ovi("lint", folder=tmp_path)
    assert result.returncode == 2
    assert "Name a prompt or a set" in result.stderr


def test_without_pillow_pictures_are_left_out_with_one_note(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no picture")
    write_set(tmp_path / "a.csv", CLEAN)
    row = f'"{CLEAN}",a.png'
    (tmp_path / "a.csv").write_text(f"text_prompt,image_path\n{row}\n{row},\n")
    assert "I102" in ovi("lint", "a.csv", folder=tmp_path).stdout
    hidden = "import sys; sys.modules['PIL'] = None; from ovi_studio.cli.main import main; "
    result = subprocess.run(
        [sys.executable, "-c", f"{hidden} sys.exit(main(['lint', 'a.csv', '--select', 'I']))"],
        cwd=tmp_path, env=environment(), text=True, capture_output=True, check=False,
    )  # fmt: skip
    assert (result.returncode, result.stdout) == (0, "")
    assert result.stderr.count("pip install pillow") == 1


def test_watch_checks_again_when_a_file_changes_and_ends_with_ctrl_c(tmp_path):
    path = write_set(tmp_path / "a.csv", BROKEN)
    process = subprocess.Popen(
        [*COMMAND, "lint", "a.csv", "--watch"], cwd=tmp_path, env=environment(), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        # A suite started in the background ignores Ctrl-C, and its children would too.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    try:
        assert "P101" in process.stdout.readline()
        time.sleep(0.5)
        write_set(path, UNCLOSED)
        lines = iter(process.stdout.readline, "")
        assert any("S101" in line for line in lines)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Traceback" not in errors


def test_checking_loads_nothing_heavy(tmp_path):
    write_set(tmp_path / "a.csv", CLEAN, BROKEN, UNCLOSED)
    code = (
        "import sys; from ovi_studio.cli.main import main; main(['lint', 'a.csv', '--diff']);"
        "main(['lint', 'a.csv', '--json']); main(['rule', 'S101']);"
        f"sys.exit(' '.join(m for m in {HEAVY!r} if m in sys.modules) or 0)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment(), text=True,
        capture_output=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr


def test_rule_explains_by_code_and_name(tmp_path):
    by_code = ovi("rule", "s101", folder=tmp_path)
    assert by_code.returncode == 0
    assert by_code.stdout == ovi("rule", "unclosed-speech", folder=tmp_path).stdout
    assert by_code.stdout.startswith("S101 unclosed-speech (error)\n")
    assert "Use instead" in by_code.stdout
    document = json.loads(ovi("rule", "S101", "--json", folder=tmp_path).stdout)
    assert (document["code"], document["fix"]) == ("S101", "unsafe")
    assert ovi("rule", "S999", folder=tmp_path).returncode == 2


def test_rules_are_listed(tmp_path):
    lines = ovi("rule", folder=tmp_path).stdout.splitlines()
    documents = json.loads(ovi("rule", "--json", folder=tmp_path).stdout)["rules"]
    assert [line.split()[0] for line in lines] == [rule["code"] for rule in documents]
    assert all(re.match(r"[A-Z]\d{3}  [a-z-]+ +(error|warning|info) +\S", line) for line in lines)


def test_manual_is_up_to_date(tmp_path):
    """Write it anew with `ovi rule --manual > docs/lint.md`."""
    manual = (ROOT / "docs" / "lint.md").read_text(encoding="utf-8")
    assert ovi("rule", "--manual", folder=tmp_path).stdout == manual
