"""The tools for assistants: the same answers and limits as the HTTP API, and no paths."""

import pytest

from ovi_studio.errors import StudioError
from ovi_studio.project.layout import ProjectLayout
from ovi_studio.web.api_errors import ApiError
from ovi_studio.web.context import WebContext
from ovi_studio.web.tools import tools_for
from tests.studio.web.serving import keep_nobody, small_limits


@pytest.fixture
def tools(tmp_path):
    context = WebContext(
        layout=ProjectLayout(tmp_path), keep_queue=keep_nobody, limits=small_limits(waiting_jobs=2)
    )
    return {tool.__name__: tool for tool in tools_for(context)}


def test_a_clip_is_checked_planned_ordered_seen_and_cancelled(tools):
    assert tools["check_prompt"]("<S>Hello")["findings"]
    assert tools["plan"]("a cat", model="nano")["num_clips"] == 1
    ordered = tools["order_clip"]("a cat", model="nano", size="128x96", steps=2, seed=5)
    assert (ordered["status"], ordered["seed"], ordered["height"]) == ("queued", 5, 96)
    assert tools["look_at"](ordered["id"])["prompt"] == "a cat"
    assert [video["id"] for video in tools["list_clips"](5)["data"]] == [ordered["id"]]
    assert tools["cancel_clip"](ordered["id"])["status"] == "cancelled"


@pytest.mark.parametrize(
    ("name", "said", "says"),
    [
        ("order_clip", {"prompt": " "}, "empty"),
        ("order_clip", {"prompt": "a", "model": "sora"}, "nano"),
        ("order_clip", {"prompt": "a", "size": "big"}, "width x height"),
        ("order_clip", {"prompt": "a", "steps": 5000}, "200"),
        ("check_prompt", {"prompt": "a", "model": "sora"}, "nano"),
        ("look_at", {"video_id": "../../etc/passwd"}, "no video"),
    ],
)
def test_what_cannot_be_is_refused_with_the_remedy(tools, name, said, says):
    with pytest.raises(ApiError, match=says):
        tools[name](**said)


def test_a_prompt_that_names_a_file_is_a_prompt(tools, tmp_path):
    (tmp_path / "set.csv").write_text("text_prompt\nfrom the file\n")
    assert tools["order_clip"]("set.csv", model="nano")["prompt"] == "set.csv"


def test_an_assistant_cannot_fill_the_queue(tools):
    for seed in (1, 2):
        tools["order_clip"]("a cat", model="nano", seed=seed)
    with pytest.raises(StudioError, match="2 are taken in at most"):
        tools["order_clip"]("a cat", model="nano", seed=3)
