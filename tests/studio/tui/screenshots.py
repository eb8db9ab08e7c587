"""Makes the pictures of the terminal studio for the README.

`python -m tests.studio.tui.screenshots`, which `make screenshots` runs. A demo project is
made and rendered by the real `nano`, the studio is driven through it by keys, and what it draws is
written to docs/pictures/studio-*.png. Needs chromium, which turns SVG into PNG.
"""

import argparse
import asyncio
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.studio.cli.command import ROOT, ovi

from .studio import opened, until

SIZE = (120, 36)
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "chrome")
MAX_BYTES = 300_000


class Camera:
    """Writes what an application shows to a PNG file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        found = [path for name in CHROMIUM if (path := shutil.which(name))]
        if not found:
            raise SystemExit("Pictures need chromium: `apt install chromium`, or the like.")
        self._browser = found[0]

    def take(self, app, name: str) -> None:
        """One picture, named `studio-NAME.png`."""
        svg = app.export_screenshot(title="ovi studio")
        width, height = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg).groups()
        path = self._folder / f"studio-{name}.png"
        with tempfile.TemporaryDirectory() as scratch:
            page = Path(scratch) / "page.html"
            # Without the link to a font elsewhere: the picture is the same without a network.
            svg = re.sub(r"@font-face\s*{.*?}", "", svg, flags=re.DOTALL)
            page.write_text(f"<body style='margin:0;background:#12151c'>{svg}", encoding="utf-8")
            subprocess.run(
                [self._browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                 f"--window-size={int(float(width)) + 1},{int(float(height)) + 1}",
                 f"--screenshot={path}", page.as_uri()],
                check=True, capture_output=True, timeout=120,
            )  # fmt: skip
        assert path.stat().st_size < MAX_BYTES, f"{path} is too large for a README"
        print(path)


async def take_all(root: Path, camera: Camera) -> None:
    """Drives the studio through a rendered project."""
    empty = root.parent / "new"
    empty.mkdir()
    async with opened(empty, size=SIZE, demo=False) as (app, pilot):
        await pilot.pause(0.5)
        camera.take(app, "start")
    async with opened(root, size=SIZE, view="write") as (app, pilot):
        await pilot.pause(1.5)
        await pilot.press("shift+tab", "j", "enter")
        await until(pilot, lambda: app.context.set_path.name == "mistakes.csv")
        await pilot.pause(2)
        camera.take(app, "write")
        await pilot.press("question_mark")
        await pilot.pause(1.5)
        camera.take(app, "help")
        await pilot.press("escape", "shift+tab", "k", "enter")
        await until(pilot, lambda: app.context.set_path.name == "demo.csv")
        await pilot.press("f2")
        await pilot.pause(1.5)
        await pilot.press("down", "down", "down", *"the sea at night", "ctrl+r")
        await pilot.pause(4)
        camera.take(app, "rewrite")
        await pilot.press("f4")
        await pilot.pause(4)
        camera.take(app, "choose")
        await pilot.press("f1")
        await pilot.pause(0.5)
        await pilot.press("a", "r")
        await until(pilot, lambda: app.current_mode == "render" and len(app.screen_stack) > 1)
        await until(pilot, lambda: "Render 6" in str(app.screen.query("Button").first().label))
        camera.take(app, "plan")
        await pilot.press("enter")
        await until(pilot, lambda: any((root / ".ovi" / "previews").glob("*")))
        await pilot.pause(3)
        camera.take(app, "render")
        await pilot.press("ctrl+q")
        await pilot.pause(1)
        await pilot.press("s")
        await until(pilot, lambda: not app.is_running)


def main() -> None:
    """Renders, drives, and writes the pictures."""
    parser = argparse.ArgumentParser(description="Makes the pictures of the terminal studio.")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "pictures")
    given = parser.parse_args()
    camera = Camera(given.out.resolve())
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "demo"
        root.mkdir()
        ovi("init", "--demo", folder=root)
        rendered = ovi("render", "prompts/demo.csv", "--steps", "12", folder=root)
        print(rendered.stderr.strip().splitlines()[-1])
        asyncio.run(take_all(root, camera))


if __name__ == "__main__":
    main()
