"""A project with sets, and the write view on it, driven by keys."""

import asyncio
import csv
from contextlib import asynccontextmanager

from ovi_studio.project.layout import find_layout
from ovi_studio.tui.app import StudioApp
from ovi_studio.tui.opening import context_of
from ovi_studio.tui.screens.write import WriteScreen

FISHER = (
    "A fisherman mends a net and says, <S>The sea gives.</s> He smiles. "
    "Audio: Waves slap the hull, gulls cry, and a rope creaks."
)
DOG = "A dog runs over wet sand towards the camera. Audio: Paws on wet sand and wind."
SINGER = "A singer hums and sings, <S>Under the moon.<E> Audio: A soft piano in a small room."
TEXTS = (FISHER, DOG, SINGER)


def make_project(folder, texts=TEXTS, name="people", columns=("text_prompt", "image_path")):
    """A project with one set."""
    (folder / "ovi.toml").write_text("")
    (folder / "prompts").mkdir(exist_ok=True)
    (folder / ".ovi").mkdir(exist_ok=True)
    path = folder / "prompts" / f"{name}.csv"
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([text, *[""] * (len(columns) - 1)] for text in texts)
    return path


def texts_in(path):
    """The prompts of a set as any other program reads them."""
    with path.open(newline="", encoding="utf-8") as stream:
        return [row["text_prompt"] for row in csv.DictReader(stream)]


class Driver:
    """Presses keys and waits until all threads have answered."""

    def __init__(self, app, pilot):
        self.app = app
        self.pilot = pilot

    @property
    def view(self):
        """The write view, also below a question."""
        return next(screen for screen in self.app.views() if isinstance(screen, WriteScreen))

    @property
    def editor(self):
        return self.view.pane.editor

    @property
    def rows(self):
        return self.view.rows

    async def press(self, *keys):
        await self.pilot.press(*keys)
        await self.settle()

    async def type(self, text):
        names = {" ": "space", "=": "equals_sign", "/": "slash"}
        await self.press(*(names.get(character, character) for character in text))

    async def until(self, is_so, what="it to come"):
        """Waits until something is so."""
        for _ in range(400):
            if is_so():
                return
            await self.pilot.pause(0.02)
        raise AssertionError(f"waited in vain for {what}")

    async def settle(self):
        """Until the messages are handled and no thread of the view is at work."""
        await self.pilot.pause()
        busy = {"check", "fix", "filter", "sort", "open", "default", "first-frame", "unsaved"}
        for _ in range(400):
            workers = [w for w in self.app.workers if not w.is_finished]
            if not any(w.group in busy or w.group.startswith("save") for w in workers):
                break
            await self.pilot.pause(0.01)
        await self.pilot.pause()


@asynccontextmanager
async def opened(folder, size=(120, 36)):
    """The studio on a project, with its first set open."""
    app = StudioApp(context_of(find_layout(folder)))
    async with app.run_test(size=size) as pilot:
        driver = Driver(app, pilot)
        await driver.until(lambda: driver.app.current_mode == "write", "the write view")
        await driver.until(lambda: driver.view.session is not None, "the set")
        await driver.settle()
        yield driver


def run(test):
    """Runs an asynchronous test."""
    asyncio.run(test)
