"""`ovi plan`: what it says of this machine and of others, without loading anything."""

import json

import pytest

from ovi.spec.profiles import PROFILES
from ovi.spec.rates import Rates, save_rates

from .projects import modules_after, run

EIGHT = ("--variant", "720x720_5s", "--vram", "8", "--ram", "32")


def planned(folder, *arguments, **variables):
    ended = run("plan", *arguments, "--json", folder=folder, **variables)
    assert ended.returncode == 0, ended.stderr
    document = json.loads(ended.stdout)
    return document, {entry["profile"]: entry for entry in document["profiles"]}


def test_a_person_with_eight_gigabytes_sees_what_fits_and_why_not(tmp_path):
    ended = run("plan", *EIGHT, folder=tmp_path)
    assert ended.returncode == 0, ended.stderr
    lines = ended.stdout.splitlines()
    assert lines[0] == "a GPU with 8 GB, 8.0 GB. RAM 32.0 GB."
    assert "1 clip of 5.04 s, 704x704, 50 steps: 720x720_5s, t2v." in lines
    assert any(line.startswith("720x720 becomes 704x704") for line in lines)
    table = {
        line.split()[0]: line for line in lines if line.split()[:1] and line.split()[0] in PROFILES
    }
    assert list(table) == list(PROFILES)
    assert "no: GPU memory" in table["exact"]
    assert "yes" in table["8gb"]
    assert table["8gb"].endswith("<- auto")
    assert "as exact" in table["24gb"]
    assert "other" in table["8gb"]
    assert any("--profile auto takes 8gb" in line for line in lines)
    assert lines[-1] == "How fast this device is, nobody has measured: run `ovi bench` on it."


def test_the_document_holds_the_same_in_bytes(tmp_path):
    document, profiles = planned(tmp_path, *EIGHT)
    assert document["machine"]["vram_bytes"] == 8 * 10**9
    assert document["sizes"] == [{"height": 704, "width": 704}]
    assert (document["auto"], document["seconds_from"]) == ("8gb", None)
    assert profiles["exact"]["fits"] is False
    assert "of GPU memory" in profiles["exact"]["shortage"]
    assert profiles["8gb"]["fits"] is True
    assert profiles["8gb"]["vram_bytes"] <= 8e9
    assert profiles["8gb"]["ram_bytes"] < 32e9
    assert profiles["8gb"]["changes_pixels"] is True
    assert profiles["16gb"]["changes_pixels"] is False
    assert profiles["8gb"]["resident_blocks"] > profiles["6gb"]["resident_blocks"]
    assert profiles["exact"]["resident_blocks"] is None


def test_several_gpus_leave_the_profile_of_the_processor_to_its_ram(tmp_path):
    machine = ("--variant", "720x720_5s", "--vram", "8", "--ram", "64")
    _, profiles = planned(tmp_path, *machine, "--gpus", "4")
    assert profiles["cpu"]["fits"] is True, profiles["cpu"]["shortage"]
    refused = run("plan", *machine, "--gpus", "100", folder=tmp_path)
    assert refused.returncode == 2
    assert "cannot be spread over 100 GPUs" in refused.stderr


def test_little_ram_is_said_too(tmp_path):
    document, profiles = planned(tmp_path, "--variant", "720x720_5s", "--vram", "8", "--ram", "8")
    assert profiles["8gb"]["fits"] is False
    assert "of RAM, and the machine has 8.0 GB" in profiles["8gb"]["shortage"]
    assert document["auto"] is None
    assert "No profile makes 720x720_5s fit" in document["auto_reason"]


def test_times_are_estimated_for_known_cards_and_said_to_be(tmp_path):
    card = ("--gpu", "NVIDIA GeForce RTX 4090", "--vram", "24", "--ram", "64")
    document, profiles = planned(tmp_path, "--variant", "720x720_5s", *card)
    assert document["seconds_from"] == "estimated"
    assert 100 < profiles["24gb"]["seconds"] < 1000
    assert profiles["cpu"]["seconds"] > 100 * profiles["24gb"]["seconds"]
    ended = run("plan", "--variant", "720x720_5s", *card, folder=tmp_path)
    assert "Times are estimated from what NVIDIA GeForce RTX 4090 is sold as" in ended.stdout


def test_measured_rates_are_used_before_estimates(tmp_path):
    fast = Rates(
        device="RTX 3070", matmul=1e15, attention=1e15, convolution_fp32=1e15,
        convolution_bf16=1e15, memory=1e13, pinned=1e11, pageable=1e10, is_measured=True,
    )  # fmt: skip
    save_rates(fast, tmp_path / "cache" / "ovi-studio" / "rates.json")
    card = ("--variant", "720x720_5s", "--gpu", "RTX 3070", "--vram", "8", "--ram", "32")
    _, slow = planned(tmp_path, *card, XDG_CACHE_HOME=str(tmp_path / "none"))
    document, quick = planned(tmp_path, *card, XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert document["seconds_from"] == "measured"
    assert quick["8gb"]["seconds"] < slow["8gb"]["seconds"] / 10


def test_a_set_is_planned_as_a_whole(tmp_path):
    (tmp_path / "set.csv").write_text("text_prompt,size,steps\na,704x704,10\nb,960x544,10\n")
    card = ("--variant", "720x720_5s", "--gpu", "RTX 4090", "--vram", "24", "--ram", "64")
    document, both = planned(tmp_path, "set.csv", *card)
    assert document["num_clips"] == 2
    assert len(document["sizes"]) == 2
    _, one = planned(tmp_path, "a", "--steps", "10", *card)
    assert 1.9 < both["24gb"]["seconds"] / one["24gb"]["seconds"] < 2.3
    ended = run("plan", "set.csv", *card, folder=tmp_path)
    assert (
        "2 clips"
        in ended.stdout.splitlines()[
            next(
                i for i, line in enumerate(ended.stdout.splitlines()) if line.startswith("profile")
            )
        ]
    )


def test_settings_given_by_hand_are_kept_under_every_profile(tmp_path):
    _, plain = planned(tmp_path, *EIGHT)
    _, kept = planned(tmp_path, *EIGHT, "--vae-precision", "fp32", "--vae-tiling", "none")
    assert kept["8gb"]["stages"]["picture"] == pytest.approx(10.5e9, rel=0.02)
    assert plain["8gb"]["stages"]["picture"] < 5e9
    assert kept["8gb"]["stages"]["denoise"] == plain["8gb"]["stages"]["denoise"]


def test_a_saved_eight_bit_file_needs_no_ram(tmp_path):
    made = planned(tmp_path, *EIGHT[:-1], "16")[1]["8gb"]
    saved = tmp_path / "ckpts" / "Ovi" / "model.ovi-int8.safetensors"
    saved.parent.mkdir(parents=True)
    saved.touch()
    mapped = planned(tmp_path, *EIGHT[:-1], "16")[1]["8gb"]
    assert (made["fits"], mapped["fits"]) == (False, True)
    assert mapped["mapped_bytes"] - made["mapped_bytes"] == pytest.approx(12.38e9, rel=0.01)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--vram", "0"), "--vram 0 is no size of memory"),
        (("--ram", "-3"), "--ram -3 is no size of memory"),
        (("--gpu", "H100"), "say its memory too, --vram GB"),
        (("nowhere.csv",), "nowhere.csv"),
        (("--variant", "720"), "There is no variant '720'"),
        (("--vae-tiling", "100", "--variant", "nano"), "A tile of 100 pixels"),
        (("--vae-tiling", "x"), "'x' is no side of a tile"),
    ],
)
def test_wrong_use_is_a_sentence(tmp_path, arguments, said):
    ended = run("plan", *arguments, folder=tmp_path)
    assert ended.returncode == 2
    assert said in ended.stderr
    assert ended.stdout == ""


def test_planning_loads_no_torch_and_leaves_nothing(tmp_path):
    code, modules = modules_after("plan", "--variant", "960x960_10s", folder=tmp_path)
    assert code == 0
    assert not modules & {"torch", "numpy", "rich", "pydantic"}
    assert not [path for path in tmp_path.iterdir() if path.name not in (".tmp", ".user")]


def test_gpus_shorten_a_set_and_a_clip(tmp_path):
    (tmp_path / "set.csv").write_text("text_prompt\na\nb\nc\nd\n")
    card = ("--variant", "960x960_10s", "--gpu", "H100", "--vram", "80", "--ram", "500")

    def taken(*arguments):
        return planned(tmp_path, *arguments, *card)[1]["fast"]["seconds"]

    assert taken("set.csv") / taken("set.csv", "--gpus", "2") == pytest.approx(2, rel=0.001)
    assert taken("set.csv") / taken("set.csv", "--gpus", "8") == pytest.approx(4, rel=0.001), (
        "four clips"
    )
    assert 1.9 < taken("a clip") / taken("a clip", "--gpus", "2") < 2
    small = (*card[:4], "--vram", "30", *card[6:], "--gpus", "4")
    shared = planned(tmp_path, "a clip", *small)[1]["int8"]
    alone = planned(tmp_path, "a clip", *small, "--split", "rows")[1]["int8"]
    assert shared["vram_bytes"] < alone["vram_bytes"] - 5e9, "weights are shared out"
