"""The rest of the page in a real browser: queue, sets, rewriting, first frames, hostile texts."""

import threading

import pytest

from ovi_studio.actions.queue_control import QueueControl
from ovi_studio.project.layout import ProjectLayout
from tests.studio.rewrite.fake_server import good, serving

from .browsing import (
    DESKTOP,
    PHONE,
    Visitor,
    browser,
    hosts_of,
    needs_chromium,
    requests_of,
    show_on,
)
from .serving import keep_with_fake_worker, picture_bytes, running_server, wait_until_ended

pytestmark = needs_chromium

HOSTILE = "<img src=x onerror=\"document.title='broken'\"><script>document.title='broken'</script>"

SET = """text_prompt,seed
"A round face says <S>good morning to you all<E>. Audio: a clear voice.",1
"A pale face says <S>the garden is yellow<E>. Audio: a deep voice.",2
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    (folder / "ovi.toml").write_text("schema = 1\n")
    (folder / "prompts").mkdir()
    (folder / "prompts" / "faces.csv").write_text(SET)
    (folder / "prompts" / f"{HOSTILE.replace('/', '')[:40]}.csv").write_text(SET)
    return folder


@pytest.fixture(scope="module")
def server(project):
    with running_server(project, has_page=True, keep_queue=keep_with_fake_worker) as server:
        yield server


@pytest.fixture(scope="module")
def driver():
    with browser() as driver:
        yield driver


@pytest.fixture
def visitor(driver, server):
    driver.execute_script("try { localStorage.clear() } catch {}")
    visitor = Visitor(driver, server.address).visit()
    yield visitor
    assert driver.title.startswith("Ovi Studio"), "a script in a text was run"
    hosts = hosts_of(requests_of(driver)[0])
    assert hosts <= {server.address.removeprefix("http://")}, "somebody outside was asked"


def jobs_of(server):
    control = QueueControl(server.context.layout, on_rescue=lambda _: None)
    return {job.task.request.text.split()[0]: job.status for job in control.view().jobs}


def render(visitor, text):
    visitor.fill("#ovi-prompt textarea", text)
    visitor.press("#ovi-render")


# Slow: a press can meet the list while it is drawn anew, which a busy machine makes likely.
@pytest.mark.slow
def test_jobs_are_paused_moved_cancelled_and_tried_again(visitor, server):
    visitor.tab("Queue")
    visitor.press("#ovi-queue button", "Pause")
    visitor.reads("#ovi-queue", "Paused")
    visitor.tab("Write")
    for name in ("first", "second", "third"):
        render(visitor, f"{name} slow clip. Audio: rain.")
        visitor.wait(lambda name=name: name in jobs_of(server))
    visitor.tab("Queue")
    visitor.wait(lambda: len(visitor.all("#ovi-queue .ovi-job")) == 3)
    visitor.press("#ovi-queue .ovi-job:nth-child(3) button", "first")
    visitor.wait(lambda: "third" in visitor.text("#ovi-queue .ovi-job:nth-child(1) .text"))
    visitor.press("#ovi-queue .ovi-job:nth-child(3) button", "Cancel")
    visitor.reads("#ovi-queue .cancelled", "second")
    assert jobs_of(server) == {"first": "PENDING", "second": "CANCELLED", "third": "PENDING"}

    visitor.press("#ovi-queue button", "Go on")
    visitor.wait(lambda: visitor.all("#ovi-queue [data-status=RUNNING]"))
    assert jobs_of(server)["third"] != "PENDING", "what was moved first comes first"
    visitor.press("#ovi-queue [data-status=RUNNING] button", "Cancel")
    visitor.agree()
    visitor.wait(lambda: list(jobs_of(server).values()).count("CANCELLED") == 2)
    visitor.press("#ovi-queue .cancelled button", "Try again")
    visitor.wait(lambda: list(jobs_of(server).values()).count("CANCELLED") == 1)


def test_two_tabs_and_the_command_line_agree(visitor, server):
    driver, first = visitor.driver, visitor.driver.current_window_handle
    driver.switch_to.new_window("tab")
    try:
        visitor.visit()
        render(visitor, "shared slow clip. Audio: rain.")
        visitor.wait(lambda: "shared" in jobs_of(server))
    finally:
        driver.close()  # closing a tab loses nothing
        driver.switch_to.window(first)
    visitor.tab("Queue")
    visitor.wait(lambda: "shared" in visitor.text("#ovi-queue"))
    control = QueueControl(server.context.layout, on_rescue=lambda _: None)
    control.cancel(["all"])
    visitor.wait(lambda: "shared" in visitor.text("#ovi-queue .ovi-job.cancelled"))


def test_failed_job_says_why_and_texts_are_shown_as_text(visitor):
    render(visitor, f"{HOSTILE} fail slowly. Audio: rain.")
    visitor.reads("#ovi-stage", "not finite")
    assert "<script>" in visitor.text("#ovi-check")
    visitor.tab("Queue")
    visitor.reads("#ovi-queue .ovi-job.failed", "onerror")
    visitor.tab("Sets")
    visitor.choose("#ovi-sets", "onerror")
    visitor.reads("#ovi-rows", "2 rows")


def test_row_is_opened_changed_saved_copied_and_rendered(visitor, project, server):
    visitor.tab("Sets")
    visitor.choose("#ovi-sets", "faces")
    visitor.reads("#ovi-rows", "good morning")
    visitor.press("#ovi-rows [data-row='2'] button", "Open")
    visitor.wait(lambda: "garden" in visitor.value("#ovi-prompt textarea"))
    visitor.fill("#ovi-prompt textarea", "Red, blue face says <S>hello<E>. Audio: a voice.")
    visitor.unfold("Keep it")
    visitor.reads("#ovi-place", "row 2 of faces")
    visitor.press("#ovi-save-row")
    visitor.wait(lambda: "is saved" in visitor.notice())
    written = (project / "prompts" / "faces.csv").read_text()
    first, _, last = written.partition("\n")[2].partition("\n")
    assert first == SET.splitlines()[1], "the other row stays byte for byte"
    assert last == '"Red, blue face says <S>hello<E>. Audio: a voice.",2\n'

    visitor.tab("Sets")
    visitor.press("#ovi-rows [data-row='1'] button", "Copy")
    visitor.wait(lambda: len(visitor.all("#ovi-rows .ovi-row")) == 3)
    visitor.press("#ovi-rows [data-row='3'] button", "Render")
    visitor.wait(lambda: "Red," in jobs_of(server))


def test_set_is_rewritten_to_a_theme_with_a_diff_and_saved_as_a_new_one(visitor, project):
    (project / "prompts" / "talk.csv").write_text(SET)
    visitor.tab("Rewrite")
    visitor.choose("#ovi-rewrite-set", "talk")
    visitor.choose("#ovi-connection", "offline")
    visitor.fill("#ovi-theme textarea", "robots in the kitchen")
    visitor.press("#ovi-rewrite")
    visitor.reads("#ovi-rewrite-talk", "2 rows with new words")
    assert "good morning" in visitor.text("#ovi-rewritten del") + visitor.text("#ovi-rewritten")
    assert visitor.all("#ovi-rewritten ins")
    visitor.press("button", "Save as a new set")
    visitor.wait(lambda: "has 2 rows" in visitor.notice())
    (new,) = (project / "prompts").glob("talk-*.csv")
    assert len(new.read_text().splitlines()) == 3
    assert (project / "prompts" / "talk.csv").read_text() == SET


def test_rewriting_with_a_model_is_stopped_and_what_is_done_can_be_saved(visitor, project):
    (project / "prompts" / "chat.csv").write_text(SET)
    is_going_on = threading.Event()

    def behave(number, request):
        assert number == 1 or is_going_on.wait(60)
        return good(request)

    with serving(behave) as model:
        config = (project / "ovi.toml").read_text()
        table = f'[llm.fake]\nbase_url = "{model.url}"\nmodel = "m"\n'
        (project / "ovi.toml").write_text(f"{config}{table}rows_per_request = 1\nconcurrency = 1\n")
        visitor.tab("Rewrite")
        visitor.choose("#ovi-rewrite-set", "chat")
        visitor.choose("#ovi-connection", "fake")
        visitor.fill("#ovi-theme textarea", HOSTILE)
        visitor.press("#ovi-rewrite")
        visitor.reads("#ovi-rewrite-talk", "1 of 2 rows")
        visitor.press("#ovi-rewrite-stop")
        visitor.reads("#ovi-rewrite-talk", "Stopped: 1 row with new words")
        is_going_on.set()
        visitor.press("button", "Change the set itself")
        visitor.wait(lambda: "chat is changed" in visitor.notice())
        (project / "ovi.toml").write_text(config)
    first, second = (project / "prompts" / "chat.csv").read_text().splitlines()[1:]
    assert first != SET.splitlines()[1]
    assert second.rstrip(",") == SET.splitlines()[2]


def test_first_frame_is_uploaded_and_decides_the_size(visitor, server, project, tmp_path):
    picture = tmp_path / "wide.jpg"
    picture.write_bytes(picture_bytes((192, 96), "JPEG"))
    visitor.unfold("First frame")
    visitor.one("#ovi-picture")
    (tmp_path / "text.png").write_text("no picture")
    for each in (tmp_path / "text.png", picture):
        upload = visitor.driver.find_element("css selector", "#ovi-picture input[type=file]")
        upload.send_keys(str(each))
        visitor.wait(lambda: "not a picture" in visitor.notice())
        if each != picture:  # it is not left standing there
            visitor.wait(lambda: not visitor.all("#ovi-picture img"))
    visitor.reads("#ovi-size", "96×192")
    render(visitor, "picture of a clip. Audio: rain.")
    visitor.wait(lambda: "picture" in jobs_of(server))
    (kept,) = (project / "uploads").glob("*.png")
    control = QueueControl(ProjectLayout(project), on_rescue=lambda _: None)
    (job,) = [job for job in control.view().jobs if job.task.request.text.startswith("picture")]
    assert job.task.request.first_frame.path == str(kept)


def test_mistakes_are_told_in_words(visitor, server):
    before = set(jobs_of(server))
    visitor.press("#ovi-render")
    visitor.wait(lambda: "prompt is empty" in visitor.notice())
    visitor.fill("#ovi-prompt textarea", "Rain. Audio: rain.")
    visitor.unfold("Sampling")
    visitor.choose("#ovi-variant", "720x720_5s")
    visitor.reads("#ovi-size", "512×992")
    visitor.press("#ovi-render")
    visitor.wait(lambda: "weights" in visitor.notice())
    assert set(jobs_of(server)) == before


def test_settings_beyond_the_sliders_are_used_as_they_are(visitor, server):
    order = {"prompt": "beyond the sliders. Audio: rain.", "model": "nano", "seed": 2**60 + 1,
             "shift": 30, "video_guidance": -3.25, "steps": 3}  # fmt: skip
    client = server.client()
    video = wait_until_ended(client, client.post("/v1/videos", json=order).json()["id"])
    number = video["id"].removeprefix("video_")
    visitor.tab("Queue")
    visitor.press(f"#ovi-queue [data-job='{number}'] button", "Use these settings")
    visitor.wait(lambda: "beyond" in visitor.value("#ovi-prompt textarea"))
    assert visitor.value("#ovi-seed input") == str(2**60 + 1)
    visitor.press("#ovi-render")  # the same clip, to the last setting
    visitor.wait(lambda: f"Job {number} was rendered before" in visitor.notice())


def test_page_fits_a_phone_and_is_dark_where_the_system_is(driver, server):
    show_on(driver, PHONE, is_dark=True)
    try:
        visitor = Visitor(driver, server.address).visit()
        for tab in ("Sets", "Rewrite", "Queue", "Clips", "Write"):
            visitor.tab(tab)
            widths = "return [document.documentElement.scrollWidth, window.innerWidth]"
            page, window = driver.execute_script(widths)
            assert page <= window, tab
        names = ("#ovi-prompt", "#ovi-render", "#ovi-stage", "#ovi-variant")
        places = [visitor.one(name).location["y"] for name in names]
        assert places == sorted(places), "write, render, watch, then the settings"
        paper = "return getComputedStyle(document.body).backgroundColor"
        assert driver.execute_script(paper) == "rgb(18, 21, 28)"
    finally:
        show_on(driver, DESKTOP)
