"""Makes the pictures of the page for the README: `python -m tests.studio.web.page_pictures`.

A small project is rendered with the real `nano`, and photographed while it is worked at.
"""

import sys
import tempfile
import time
from pathlib import Path

from ovi_studio.actions.ordering import enqueue_plan, plan_prompts, prompts_of_set
from ovi_studio.actions.queue_control import QueueControl
from ovi_studio.project.layout import ProjectLayout
from ovi_studio.render.choices import Choices
from ovi_studio.render.keeper import start_keeper

from .browsing import CHROMIUM, DRIVER, Visitor, browser, show_on
from .serving import running_server

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "docs" / "pictures"
DESKTOP, PHONE = (1280, 880), (390, 844)

PROMPT = (
    "A round face with red hair looks up and says <S>good morning to you. "
    "Audio: A clear woman's voice in a quiet room."
)


NUM_CLIPS = 6


def main(folder=FOLDER):
    """Takes all pictures."""
    if CHROMIUM is None or DRIVER is None:
        sys.exit(
            "The pictures are taken in Debian's Chromium: apt install chromium chromium-driver"
        )
    with tempfile.TemporaryDirectory() as place:
        project = Path(place) / "faces"
        (project / "prompts").mkdir(parents=True)
        (project / "ovi.toml").write_text("schema = 1\n")
        (project / "prompts" / "faces.csv").write_text(_speaking_rows())
        layout = ProjectLayout(project)
        _enqueue(layout)
        with (
            running_server(project, has_page=True, keep_queue=start_keeper) as server,
            browser(DESKTOP) as driver,
        ):
            visitor = Visitor(driver, server.address).visit()
            while _unfinished(layout):
                time.sleep(1)
            _write(visitor, folder)
            _queue(visitor, folder, layout)
            _clips(visitor, folder)
            _phone(visitor, folder)
            QueueControl(layout, on_rescue=lambda _: None).cancel(["all"])
            while _unfinished(layout):
                time.sleep(0.2)


def _write(visitor, folder):
    """The prompt with a finding, while its clip is denoised."""
    visitor.fill("#ovi-prompt textarea", PROMPT.replace("to you.", "to you.<E>"))
    visitor.press("#ovi-render")
    visitor.fill("#ovi-prompt textarea", PROMPT)
    visitor.reads("#ovi-check", "S101")
    visitor.wait(lambda: _is_half_done(visitor))
    visitor.driver.execute_script("window.scrollTo(0, 0)")
    visitor.driver.save_screenshot(str(folder / "web-write.png"))


def _is_half_done(visitor):
    """Whether there is something to recognise in the preview."""
    half = "return document.querySelector('#ovi-stage [role=progressbar]')?.ariaValueNow > 40"
    is_shown = "return document.querySelector('#ovi-stage img')?.naturalWidth > 0"
    return all(map(visitor.driver.execute_script, (half, is_shown)))


def _queue(visitor, folder, layout):
    """Jobs that run, wait and are done."""
    _enqueue(layout, seed=300)
    visitor.tab("Queue")
    visitor.wait(lambda: visitor.all("#ovi-queue .ovi-job.running img"))
    visitor.driver.save_screenshot(str(folder / "web-queue.png"))


def _clips(visitor, folder):
    """The gallery with one clip chosen."""
    visitor.tab("Clips")
    visitor.press("#ovi-gallery .ovi-clip")
    visitor.wait(lambda: visitor.driver.execute_script(
        "return document.querySelector('#ovi-clip video')?.readyState > 3"
    ))  # fmt: skip
    visitor.press("#ovi-clip button", "Star")
    visitor.reads("#ovi-clip", "Starred")
    visitor.driver.execute_script("document.querySelector('#ovi-clip video').currentTime = 0.6")
    visitor.driver.execute_script("window.scrollTo(0, 0)")
    visitor.driver.save_screenshot(str(folder / "web-clips.png"))


def _phone(visitor, folder):
    """The same on a phone, in the dark."""
    show_on(visitor.driver, PHONE, is_dark=True, scale=2)
    visitor.visit()
    visitor.wait(lambda: visitor.all("#ovi-stage img") or visitor.all("#ovi-stage video"))
    visitor.driver.save_screenshot(str(folder / "web-phone.png"))


def _speaking_rows():
    """Rows of a shipped set in which somebody speaks."""
    head, *rows = (ROOT / "prompts" / "nano.csv").read_text().splitlines()
    return "\n".join([head, *[row for row in rows if "<S>" in row][:NUM_CLIPS], ""])


def _enqueue(layout, seed=None):
    """The rows of the set, rendered by whatever worker comes."""
    plan = plan_prompts(prompts_of_set("faces", layout, None), Choices(seed=seed), layout)
    enqueue_plan(plan, layout, max_unfinished=100, keep_queue=start_keeper)


def _unfinished(layout):
    jobs = QueueControl(layout, on_rescue=lambda _: None).view().jobs
    return [job for job in jobs if not job.status.is_finished]


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
