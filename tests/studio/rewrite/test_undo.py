"""Taking an in-place rewrite back: byte for byte, or row by row where others have written."""

import pytest

from ovi_studio.actions import rewrite_undo
from ovi_studio.actions.rewrite_undo import can_undo, undo_rewrite
from ovi_studio.actions.rewriting import RewriteSession, plan_rewrite
from ovi_studio.actions.rewritten_sets import save_in_place
from ovi_studio.errors import UsageError
from ovi_studio.project.layout import find_layout
from ovi_studio.rewrite.order import Wish

from .projects import make_project, order, read_set


@pytest.fixture
def project(tmp_path):
    return make_project(tmp_path / "p", "http://127.0.0.1:9/v1", rows=3)


def rewrite_in_place(folder, theme="love"):
    plan = plan_rewrite(order(is_offline=True, wish=Wish(theme=theme)), folder)
    with RewriteSession(plan) as session:
        assert save_in_place(plan, list(session.results())) == []


def test_two_rewrites_are_taken_back_one_after_the_other(project):
    path = project / "prompts" / "rain.csv"
    versions = [path.read_bytes()]
    for theme in ("love", "war"):
        rewrite_in_place(project, theme)
        versions.append(path.read_bytes())
    assert len(set(versions)) == 3
    assert undo_rewrite("rain", project).num_rows == 3
    assert path.read_bytes() == versions[1]
    assert can_undo(path, find_layout(project))
    undo_rewrite(str(path), project)
    assert path.read_bytes() == versions[0]
    assert not can_undo(path, find_layout(project))
    with pytest.raises(UsageError, match="nothing to take back"):
        undo_rewrite("rain", project)


def test_what_others_wrote_since_stays(project):
    path = project / "prompts" / "rain.csv"
    before = read_set(path)
    rewrite_in_place(project)
    rows = read_set(path)
    theirs = rows[1]["text_prompt"].replace("yellow", "spotted")
    path.write_text(path.read_text().replace(rows[1]["text_prompt"], theirs))
    undone = undo_rewrite("rain", project)
    assert (undone.num_rows, undone.left) == (2, ("2",))
    now = read_set(path)
    assert now[1]["text_prompt"] == theirs
    for row in (0, 2):
        assert now[row]["text_prompt"] == before[row]["text_prompt"]
        assert now[row]["rewrite_theme"] == ""


def test_old_copies_are_forgotten(project, monkeypatch):
    monkeypatch.setattr(rewrite_undo, "MAX_KEPT", 2)
    for theme in ("love", "war", "money"):
        rewrite_in_place(project, theme)
    kept = list((project / ".ovi" / "rewrite" / "before").iterdir())
    assert len(kept) == 4  # two copies, two records


def test_a_broken_record_is_passed_over(project):
    rewrite_in_place(project)
    folder = project / ".ovi" / "rewrite" / "before"
    (folder / "99999999.json").write_text('{"set": 3, "rows": []}')
    (folder / "99999998.json").write_text("[")
    undo_rewrite("rain", project)
