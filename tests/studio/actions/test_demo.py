"""The demo project: made once, never over what is there, and good for what it is for."""

import json

from ovi_studio.actions.demo import create_demo, demo_folder
from ovi_studio.actions.rendering import RenderOrder, plan_render
from ovi_studio.render.choices import Choices
from tests.studio.cli.command import ovi


def test_its_set_renders_with_nano_and_its_mistakes_are_found(tmp_path):
    create_demo(tmp_path)
    plan = plan_render(RenderOrder(["prompts/demo.csv"], Choices()), tmp_path, needs_weights=False)
    assert not plan.rejections
    assert {clip.request.variant for clip in plan.clips} == {"nano"}
    assert ovi("lint", "demo", folder=tmp_path).returncode == 0
    found = json.loads(ovi("lint", "mistakes", "--format", "json", folder=tmp_path).stdout)
    assert json.dumps(found).count('"code"') >= 4


def test_what_is_there_stays(tmp_path):
    (tmp_path / "prompts").mkdir()
    mine = tmp_path / "prompts" / "demo.csv"
    mine.write_text("text_prompt\nmine\n")
    project = create_demo(tmp_path)
    assert mine.read_text() == "text_prompt\nmine\n"
    assert "prompts/demo.csv" in project.kept
    assert "prompts/mistakes.csv" in project.made


def test_a_demo_goes_here_only_if_nothing_is_here(tmp_path):
    (tmp_path / ".hidden").touch()
    assert demo_folder(tmp_path) == tmp_path
    (tmp_path / "a file").touch()
    assert demo_folder(tmp_path) == tmp_path / "ovi-demo"
    (tmp_path / "ovi-demo").mkdir()
    assert demo_folder(tmp_path) == tmp_path / "ovi-demo-2"


def test_the_command_line_makes_the_same(tmp_path):
    ended = ovi("init", "--demo", "there", folder=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert "prompts/mistakes.csv" in ended.stdout.splitlines()
