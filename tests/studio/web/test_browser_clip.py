"""The way of a clip in a real browser: written, mended, enqueued, watched, played, used again."""

import threading

import pytest

from ovi_studio.render.keeper import start_keeper

from .browsing import Visitor, browser, hosts_of, needs_chromium, requests_of
from .serving import running_server

pytestmark = needs_chromium

UNCLOSED = "A round face with red hair says <S>good morning. Audio: A clear voice."
MENDED = "A round face with red hair says <S>good morning.<E> Audio: A clear voice."


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clip")
    (folder / "ovi.toml").write_text("schema = 1\n[render]\nsteps = 6\n")
    return folder


@pytest.fixture(scope="module")
def visitor(project, tmp_path_factory):
    downloads = tmp_path_factory.mktemp("downloads")
    with (
        running_server(project, has_page=True, keep_queue=start_keeper) as server,
        browser(downloads=downloads) as driver,
    ):
        visitor = Visitor(driver, server.address)
        visitor.downloads = downloads
        yield visitor.visit()


def test_clip_is_written_mended_rendered_and_played(visitor, project):
    visitor.fill("#ovi-prompt textarea", UNCLOSED)
    visitor.reads("#ovi-check", "S101")
    visitor.press("#ovi-check button", "Put <E>")
    visitor.wait(lambda: visitor.value("#ovi-prompt textarea") == MENDED)
    visitor.reads("#ovi-check", "Nothing to complain about")
    assert "Speech" in visitor.text("#ovi-check .ovi-bar-label")

    visitor.press("#ovi-render")
    visitor.wait(lambda: visitor.all("#ovi-stage [data-status=RUNNING]"))
    visitor.visit()  # loaded anew half way: the job and the draft are found again
    visitor.reads("#ovi-stage", "Job 1")
    visitor.wait(lambda: visitor.value("#ovi-prompt textarea") == MENDED)
    visitor.reads("#ovi-stage", "denoising")
    shares = visitor.all("#ovi-stage .ovi-way")
    assert shares or visitor.all("#ovi-stage video"), "a bar shows how far it is"

    video = visitor.one("#ovi-stage video")
    facts = "const v = arguments[0]; return v.readyState > 3 && [v.duration, v.videoWidth]"
    duration, width = visitor.wait(lambda: visitor.driver.execute_script(facts, video))
    assert (round(duration, 1), width) == (1.9, 128)
    visitor.driver.execute_script("arguments[0].play()", video)
    visitor.wait(lambda: video.get_property("currentTime") > 0.3)
    heard = "return arguments[0].webkitAudioDecodedByteCount"
    assert visitor.wait(lambda: visitor.driver.execute_script(heard, video)) > 0, "it has sound"
    assert [path.suffix for path in (project / "renders").glob("*.mp4")] == [".mp4"]


def test_clip_and_recipe_are_downloaded(visitor):
    visitor.press("#ovi-stage a", "MP4")
    visitor.press("#ovi-stage a", "Recipe")
    wanted = [".json", ".mp4"]
    visitor.wait(lambda: sorted(path.suffix for path in visitor.downloads.iterdir()) == wanted)


def test_settings_of_a_clip_come_back_into_the_form(visitor):
    visitor.fill("#ovi-prompt textarea", "Something else. Audio: rain.")
    visitor.tab("Clips")
    visitor.press("#ovi-gallery .ovi-clip", "good morning")
    visitor.reads("#ovi-clip", "Star")
    visitor.press("#ovi-clip button", "Star")
    visitor.reads("#ovi-clip", "Starred")
    visitor.press("#ovi-clip button", "Use these settings")
    visitor.wait(lambda: visitor.value("#ovi-prompt textarea") == MENDED)
    visitor.unfold("Sampling")
    assert "6" in [field.get_property("value") for field in visitor.all("input[type=number]")]


def test_equal_clip_is_not_rendered_twice(visitor):
    visitor.press("#ovi-render")
    visitor.wait(lambda: "rendered before" in visitor.notice())
    assert "Job 1" in visitor.text("#ovi-stage")


def test_nothing_outside_is_asked_for(visitor):
    threading.Event().wait(1.5)  # a tick more
    asked, failed = requests_of(visitor.driver)
    assert len(asked) > 50
    assert hosts_of(asked) == {visitor.address.removeprefix("http://")}
    assert [one for one in failed if one != "net::ERR_ABORTED"] == []
    errors = [line["message"] for line in visitor.driver.get_log("browser")]
    assert errors == []
