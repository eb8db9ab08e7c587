"""The repository as a stranger finds it: its map, its texts, what a wheel carries."""

import re
import tomllib
from pathlib import Path

import pytest

from tests.readme_map import ROOT, build_map, current_map

TEXTS = sorted(
    p for p in ROOT.rglob("*.md") if not {".venv", "node_modules"} & set(p.relative_to(ROOT).parts)
)


def test_readme_map_shows_every_file():
    assert current_map() == build_map(), "The map is out of date: python -m tests.readme_map"


def test_every_module_says_its_job_in_one_line():
    nameless = [line for line in build_map().splitlines()[1:-1] if len(line.split()) < 3]
    assert not nameless, f"No docstring, or one of a single word: {nameless}"


@pytest.mark.parametrize("path", TEXTS, ids=lambda p: p.parent.name or p.stem)
def test_links_in_texts_lead_somewhere(path: Path):
    for target in re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (path.parent / target).exists(), f"{path.name} links to {target}"


def test_templates_and_prompts_ship_in_the_wheel():
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    included = wheel["targets"]["wheel"]["force-include"]
    assert {"templates", "prompts"} <= included.keys()
    assert all((ROOT / name).is_dir() for name in included)
