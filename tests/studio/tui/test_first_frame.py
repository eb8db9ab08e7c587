"""First frames are shown as the terminal can show them, and never keep the view from working."""

import subprocess
import sys

import pytest

from ovi_studio.tui.pictures import load_picture, picture_kind
from ovi_studio.tui.widgets.first_frame import FirstFrame

from .write_view import make_project, opened, run

Image = pytest.importorskip("PIL.Image", reason="pictures are shown where Pillow is installed")


@pytest.mark.parametrize(
    ("environment", "kind"),
    [
        ({"TERM": "xterm-256color"}, "blocks"),
        ({"TERM": "xterm-kitty"}, "kitty"),
        ({"TERM": "xterm-256color", "KITTY_WINDOW_ID": "1"}, "kitty"),
        ({"TERM": "tmux-256color", "KITTY_WINDOW_ID": "1", "TMUX": "x"}, "blocks"),
        ({"TERM": "foot"}, "sixel"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, "sixel"),
        ({"TERM": "foot", "OVI_PICTURES": "none"}, "none"),
        ({"OVI_PICTURES": "what"}, "blocks"),
    ],
)
def test_the_terminal_is_judged_by_its_environment(environment, kind):
    assert picture_kind(environment) == kind


def test_the_terminal_is_not_asked_while_the_studio_reads_its_keys(tmp_path):
    script = tmp_path / "ask.py"
    script.write_text(
        "import sys\nsys.__stdout__.isatty = None\n"
        "from ovi_studio.tui.pictures import picture_widget\n"
        "print(*(picture_widget(k).__name__ for k in ('kitty', 'sixel', 'blocks')))\n"
    )
    ended = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert ended.stdout == "TGPImage Image HalfcellImage\n", ended.stderr


def test_a_picture_is_made_small_before_it_is_drawn(tmp_path):
    Image.new("RGBA", (2000, 100)).save(tmp_path / "a.png")
    assert load_picture(tmp_path / "a.png").size == (640, 32)
    (tmp_path / "b.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    with pytest.raises((OSError, ValueError, SyntaxError)):
        load_picture(tmp_path / "b.png")


def test_the_picture_of_the_row_is_shown_with_its_name(tmp_path):
    people = make_project(tmp_path)
    Image.new("RGB", (60, 40), "red").save(tmp_path / "cat.png")
    people.write_text("text_prompt,image_path\nA,../cat.png\nB,\nC,../[b]gone.png\n")

    async def drive():
        async with opened(tmp_path) as studio:
            frame = studio.view.query_one(FirstFrame)
            await studio.until(lambda: frame.query(".picture"), "the picture")
            assert frame.display
            assert frame._border_title.plain == "cat.png"
            await studio.press("j")
            assert not frame.display
            await studio.press("j")
            note = frame.query_one("#note")
            await studio.until(lambda: "not there" in str(note.render()), "the note")
            assert frame._border_title.plain == "[b]gone.png"

    run(drive())
