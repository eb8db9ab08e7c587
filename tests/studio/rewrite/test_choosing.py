"""Which rows, which server: row ids and ranges, connections with what they lack, setting one up."""

import pytest

from ovi_studio.actions.connections import add_connection, list_connections, server_problem
from ovi_studio.actions.rewriting import plan_rewrite
from ovi_studio.actions.settings import load_settings
from ovi_studio.errors import UsageError
from ovi_studio.project.layout import find_layout
from ovi_studio.rewrite.connection import read_connection
from ovi_studio.rewrite.row_choice import chosen_rows

from ..cli.projects import run as ovi
from .fake_server import serving
from .projects import VARIABLE, make_project, order
from .tasks import row_of


@pytest.fixture
def project(tmp_path):
    return make_project(tmp_path / "p", "http://127.0.0.1:9/v1", rows=6)


def choices(folder, environment):
    return {choice.name: choice for choice in list_connections(load_settings(folder), environment)}


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        ((), ["1", "2", "x", "3-4", "10"]),
        (("2", "x"), ["2", "x"]),
        (("10", "1"), ["1", "10"]),
        (("2-9",), ["2"]),
        (("3-4",), ["3-4"]),
        (("1-10", "1"), ["1", "2", "10"]),
    ],
)
def test_rows_are_named_by_id_or_range(wanted, ids):
    rows = [row_of("A dog. Audio: wind.", row_id) for row_id in ("1", "2", "x", "3-4", "10")]
    assert [row.id for row in chosen_rows(rows, wanted, "rain")] == ids


@pytest.mark.parametrize("word", ["7", "20-30", "y", "2-", "-"])
def test_a_row_that_is_not_there_is_an_error(word):
    rows = [row_of("A dog. Audio: wind.", "1")]
    with pytest.raises(UsageError, match=r"rain has no row .* It has 1 to 1"):
        chosen_rows(rows, (word,), "rain")


def test_a_plan_holds_the_rows_that_are_named(project):
    plan = plan_rewrite(order(rows=("2", "4-5")), project)
    assert [task.row.id for task in plan.tasks] == ["2", "4", "5"]


def test_a_missing_key_is_said_with_the_command(project):
    choice = choices(project, {})["test"]
    assert VARIABLE in choice.problem
    assert choice.remedy == f"export {VARIABLE}=..."
    assert choices(project, {VARIABLE: "sk-1"})["test"].problem == ""


def test_a_table_that_cannot_be_read_is_listed_with_the_reason(project):
    (project / "ovi.toml").write_text('[llm.bad]\nmodel = "x"\ncolour = "red"\n')
    choice = choices(project, {})["bad"]
    assert choice.connection is None
    assert "colour is no setting" in choice.problem


def test_the_environment_is_a_connection_too(project):
    (project / "ovi.toml").write_text("")
    assert choices(project, {}) == {}
    choice = choices(project, {"OPENAI_API_KEY": "sk-1"})["environment"]
    assert choice.remedy == "export OPENAI_MODEL=NAME"


def test_only_servers_on_this_machine_are_looked_at():
    away = read_connection("a", {"base_url": "http://192.0.2.1:9/v1", "model": "m"})
    assert server_problem(away) == ("", "")
    with serving() as fake:
        assert server_problem(read_connection("b", {"base_url": fake.url})) == ("", "")
    problem, _ = server_problem(read_connection("b", {"base_url": fake.url}))
    assert fake.url in problem
    gone = read_connection("o", {"base_url": "http://localhost:11434/v1"})
    assert server_problem(gone) in (("", ""), (
        "No server listens at http://localhost:11434/v1.", "ollama serve",
    ))  # fmt: skip


def test_a_server_is_added_and_the_rest_of_the_file_stays(project):
    layout = find_layout(project)
    path = project / "ovi.toml"
    before = path.read_text() + "# no newline at the end"
    path.write_text(before)
    add_connection("ollama", {"model": 'a "quoted" model'}, layout)
    assert path.read_text().startswith(before + "\n")
    assert choices(project, {})["ollama"].connection.model == 'a "quoted" model'
    for name, settings, said in (
        ("ollama", {}, "has \\[llm.ollama\\] already"),
        ("a b", {"model": "m"}, "no name for a connection"),
        ("mine", {"model": "m"}, "Say where mine is"),
        ("mine", {"base_url": "http://x/v1"}, "Name the model"),
        ("mine", {"base_url": "ftp://x", "model": "m"}, "base_url must be"),
        ("mine", {"base_url": "http://x/v1", "model": "m\n[x]"}, "no setting can have"),
        ("mine", {"base_url": "http://x/v1", "model": "m",
                  "api_key_env": "sk-abcdefgh1234567890abcd"}, "holds a key itself"),
    ):  # fmt: skip
        with pytest.raises(UsageError, match=said):
            add_connection(name, settings, layout)


def test_connect_and_rows_and_undo_on_the_command_line(project):
    path = project / "prompts" / "rain.csv"
    before = path.read_bytes()
    added = ovi("connect", "openai", folder=project)
    assert added.returncode == 0, added.stderr
    assert "export OPENAI_API_KEY=..." in added.stdout
    written = ovi("rewrite", "rain", "--theme", "love", "--offline", "--rows", "2,5-6",
                  "--in-place", "--yes", folder=project)  # fmt: skip
    assert "3 prompts rewritten" in written.stderr, written.stderr
    undone = ovi("rewrite", "rain", "--undo", folder=project)
    assert "3 prompts as before" in undone.stderr, undone.stderr
    assert path.read_bytes() == before
