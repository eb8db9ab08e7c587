"""Mode t2i2v from the command to the clip, with a tiny image model of the published class."""

import json
import subprocess
import sys

import pytest
from PIL import Image

from ovi.media import read_recipe
from tests.engine.tiny_flux import write_tiny_flux

from .command import environment, ovi

PROMPT = "A red ball rolls. She says, <S>Catch it.<E> Audio: thuds."
FAST = ("--steps", "1", "--device", "cpu")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project in which one prompt was rendered from a drawn first frame and from none."""
    folder = tmp_path_factory.mktemp("project")
    write_tiny_flux(folder / "flux")
    (folder / "set.csv").write_text(
        f'id,mode,text_prompt\ndrawn,t2i2v,"{PROMPT}"\nplain,t2v,"{PROMPT}"\n'
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))  # keeps hashes of weight files
        ended = ovi(
            "render", "set.csv", *FAST, "--picture-model", "flux", "--progress", "json",
            folder=folder,
        )  # fmt: skip
        assert ended.returncode == 0, ended.stderr
        yield folder, ended


def clip_of(folder, row):
    (clip,) = (folder / "renders").glob(f"*-{row}-*.mp4")
    return clip


def test_the_drawn_frame_lies_beside_its_clip(project):
    folder, _ = project
    pictures = list((folder / "renders").glob("*.png"))
    assert pictures == [clip_of(folder, "drawn").with_suffix(".png")]
    with Image.open(pictures[0]) as picture:
        assert (picture.size, picture.mode) == ((1024, 1024), "RGB")


def test_the_plan_tells_of_both_sizes_and_progress_of_the_drawing(project):
    _, ended = project
    assert "drawn at 1024x1024, and the clip follows it with 128x128" in ended.stderr
    events = [json.loads(line) for line in ended.stdout.splitlines()]
    drawing = [event for event in events if event.get("stage") == "picture"]
    assert {event["num_steps"] for event in drawing} == {28}
    assert {event["row"] for event in drawing} == {"drawn"}


def test_the_recipe_holds_the_picture_and_no_path_of_this_machine(project):
    folder, _ = project
    clip = clip_of(folder, "drawn")
    recipe = read_recipe(clip)
    assert recipe == json.loads(clip.with_suffix(".json").read_text())
    assert recipe["request"]["picture"] == {
        "prompt": "A red ball rolls. She says,",
        "size": {"height": 1024, "width": 1024},
        "seed": 100,
        "guidance_scale": 4.5,
        "num_steps": 28,
    }
    assert recipe["weights"]["picture_model"].startswith("sha256:")
    assert str(folder) not in json.dumps(recipe)
    plain = read_recipe(clip_of(folder, "plain"))
    assert plain["request"]["picture"] is None
    assert "picture_model" not in plain["weights"]


def test_the_drawn_frame_decides_the_clip_as_a_given_one_would(project):
    folder, _ = project
    clip = clip_of(folder, "drawn")
    given = ovi(
        "render", PROMPT, *FAST, "--image", clip.with_suffix(".png"), "-o", "given", folder=folder
    )
    assert given.returncode == 0, given.stderr
    latents = read_recipe(clip)["latents_sha256"]
    assert read_recipe(folder / given.stdout.strip())["latents_sha256"] == latents
    assert read_recipe(clip_of(folder, "plain"))["latents_sha256"] != latents


def test_reproducing_draws_the_frame_again(project):
    folder, _ = project
    clip = clip_of(folder, "drawn")
    ended = ovi("reproduce", clip, "--picture-model", "flux", "-o", "again", folder=folder)
    assert ended.returncode == 0, ended.stderr
    assert "bit for bit" in ended.stderr.splitlines()[-1]
    picture = folder / "again" / clip.with_suffix(".png").name
    assert picture.read_bytes() == clip.with_suffix(".png").read_bytes()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nowhere", "nowhere"),
        ("./no/where", "no/where"),
        ("renders", "renders is no image model"),
        ("set.csv", "set.csv"),
    ],
)
def test_an_image_model_that_is_not_there_is_found_out_first(project, name, said):
    folder, _ = project
    ended = ovi("render", "a cat", "--mode", "t2i2v", "--picture-model", name, folder=folder)
    assert ended.returncode == 2
    assert said in ended.stderr
    assert "--picture-model" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert ended.stdout == ""


def test_without_the_packages_one_sentence_says_what_to_install(tmp_path):
    script = (
        "import sys\n"
        "sys.modules['diffusers'] = None\n"
        "from ovi_studio.cli.main import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, "render", "a cat", "--mode", "t2i2v"], cwd=tmp_path,
        env=environment(), text=True, capture_output=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 2
    assert 'pip install "ovi-studio[image]"' in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
