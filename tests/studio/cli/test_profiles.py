"""Every profile renders `nano` on a CPU, through the command, the queue and the worker."""

import json

import pytest

from ovi.media import read_recipe
from ovi.spec.profiles import PROFILES

from .command import ovi

TINY = ("--variant", "nano", "--steps", "1", "--size", "128x128", "--device", "cpu")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return tmp_path_factory.mktemp("profiles")


QUICK = {"exact", "fp8", "8gb"}
"""One of each kind; the others differ from them in numbers only, and are tried by test-slow."""


@pytest.mark.parametrize(
    "profile",
    [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in PROFILES],
)
def test_every_profile_renders(project, profile):
    ended = ovi("render", "A ball.", *TINY, "--profile", profile, "--force", folder=project)
    assert ended.returncode == 0, ended.stderr
    assert f"profile {profile}" in ended.stderr
    recipe = read_recipe(project / ended.stdout.strip())
    wanted, made = PROFILES[profile], recipe["request"]["precision"]
    assert recipe["profile"] == profile
    assert recipe["placement"]["offload"] == wanted.offload
    assert made["transformer"] == (wanted.transformer or "fp32")
    assert made["video_vae"] == (wanted.video_vae or "fp32")
    tiling = recipe["request"]["vae_tiling"]
    assert tiling == (wanted.vae_tiling and {"side": wanted.vae_tiling.side})


def test_auto_without_a_gpu_is_exact_and_shown_before_rendering(project):
    ended = ovi("render", "A ball.", *TINY, "--profile", "auto", "--dry-run", folder=project)
    assert ended.returncode == 0, ended.stderr
    assert "Profile exact for nano: the first that fits this machine." in ended.stderr
    assert ended.stdout.rstrip().endswith("exact")
    plan = json.loads(
        ovi(
            "render", "A ball.", *TINY, "--profile", "8gb", "--dry-run", "--json", folder=project
        ).stdout
    )
    (clip,) = plan["clips"]
    assert clip["profile"] == "8gb"
    assert clip["fits"] is True
    assert 0 < clip["vram_bytes"] < 1e9
    assert clip["placement"]["offload"] == "blocks"


def test_ovi_toml_and_the_environment_name_a_profile(project, monkeypatch):
    (project / "ovi.toml").write_text('[render]\nprofile = "int8"\n')
    told = ovi("render", "A ball.", *TINY, "--dry-run", folder=project)
    assert ", profile int8." in told.stderr
    monkeypatch.setenv("OVI_PROFILE", "fp8")
    told = ovi("render", "A ball.", *TINY, "--dry-run", folder=project)
    assert ", profile fp8." in told.stderr
    told = ovi("render", "A ball.", *TINY, "--dry-run", "--profile", "fast", folder=project)
    assert ", profile fast." in told.stderr
    (project / "ovi.toml").unlink()


def test_an_unknown_profile_is_wrong_use(project):
    ended = ovi("render", "A ball.", *TINY, "--profile", "4gb", folder=project)
    assert ended.returncode == 2
    assert "There is no profile '4gb'. Known: exact, fast, fp8, int8, 24gb" in ended.stderr


def test_two_gpus_take_a_clip_each_of_a_set_and_share_a_single_one(project):
    (project / "two.csv").write_text("text_prompt\nA ball.\nA cube.\n")
    ended = ovi("render", "two.csv", *TINY, "--gpus", "2", folder=project)
    assert ended.returncode == 0, ended.stderr
    clips = [project / line for line in ended.stdout.splitlines()]
    assert [read_recipe(clip)["placement"]["num_gpus"] for clip in clips] == [1, 1]
    jobs = json.loads(ovi("queue", "list", "--json", folder=project).stdout)["jobs"]
    workers = {job["worker"] for job in jobs if job["set"] == "two"}
    assert len(workers) == 2

    ended = ovi("render", "A sphere.", *TINY, "--gpus", "2", folder=project)
    assert ended.returncode == 0, ended.stderr
    assert read_recipe(project / ended.stdout.strip())["placement"]["num_gpus"] == 2


def test_profiles_and_gpus_go_together(project):
    ended = ovi("render", "A cone.", *TINY, "--gpus", "2", "--profile", "8gb", folder=project)
    assert ended.returncode == 0, ended.stderr
    recipe = read_recipe(project / ended.stdout.strip())
    assert (recipe["profile"], recipe["placement"]["num_gpus"]) == ("8gb", 2)
