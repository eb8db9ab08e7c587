"""A real OpenAI-compatible server with a real, tiny, random model: its answers are nonsense."""

import json
from importlib.util import find_spec

import pytest

from ovi_studio.prompt.parse import parse_prompt
from ovi_studio.rewrite.call_log import read_calls

from .command import ovi
from .fake_server import rows_of
from .projects import make_project, read_set, rewrite
from .real_server import real_server

NEEDED = ("torch", "transformers", "tokenizers", "uvicorn", "fastapi", "openai")
missing = [name for name in NEEDED if find_spec(name) is None]
pytestmark = pytest.mark.skipif(
    bool(missing), reason=f"`transformers serve` needs {', '.join(missing)}: not installed"
)


def test_nonsense_of_a_real_model_breaks_nothing(tmp_path):
    """One test for all of it, so that one server is started wherever tests run side by side."""
    with real_server(tmp_path) as (url, model):
        for form in ("auto", "json_object", "text"):
            check_session(tmp_path / form, url, model, form)
        check_command(tmp_path / "command", url, model)


def check_session(folder, url, model, form):
    """Rows are rewritten within the guarantees, or kept with a reason."""
    make_project(
        folder, url, rows=2, model=model, response_format=form, max_output_tokens=48,
        rows_per_request=2, concurrency=2, temperature=1.0,
    )  # fmt: skip
    results, session = rewrite(folder, max_retries=1)
    assert len(results) == 2
    for result in results.values():
        before, after = result.task.prompt, parse_prompt(result.text)
        assert after.scene_text == before.scene_text
        assert [c.text for c in after.captions] == [c.text for c in before.captions]
        assert len(after.speeches) == len(before.speeches)
        assert not after.irregularities
        assert result.is_rewritten or (result.text == before.text and result.reason)
    calls = read_calls(folder / ".ovi")
    assert len(calls) >= 2
    assert all(call["status"] == 200 for call in calls)
    assert any(call["answer"] for call in calls)
    assert session.spent.is_counted
    assert session.spent.output_tokens > 0
    assert rows_of({"messages": calls[0]["messages"]})


def check_command(folder, url, model):
    """The same through the command line."""
    make_project(folder, url, rows=1, model=model, max_output_tokens=32)
    ended = ovi(folder, "rewrite", "rain", "--theme", "AI", "--json", "--max-retries", "0")
    assert ended.returncode in (0, 1)
    assert "Traceback" not in ended.stderr
    document = json.loads(ended.stdout)
    assert document["spent"]["calls"] == 1
    if document["output"]:
        (row,) = read_set(folder / "prompts" / "rain-ai.csv")
        assert not parse_prompt(row["text_prompt"]).irregularities
