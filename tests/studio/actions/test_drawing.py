"""A picture drawn in a process of its own, as the studio asks for it."""

import io
import json
import sys
from pathlib import Path

import pytest
from PIL import Image

from ovi.drawing import main
from ovi_studio.actions.drawing import DrawingOrder, draw_first_frame
from ovi_studio.cli.main import main as run_command
from ovi_studio.errors import UsageError, WorkerError
from ovi_studio.project.layout import ProjectLayout
from ovi_studio.render.choices import Choices
from tests.engine.tiny_flux import write_tiny_flux


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("flux")
    write_tiny_flux(folder)
    return folder


def order(model: Path, **changes: object) -> io.StringIO:
    said = {"prompt": "a red ball", "height": 48, "width": 80, "seed": 3, "num_steps": 2,
            "source": str(model), "device": "cpu"}  # fmt: skip
    return io.StringIO(json.dumps(said | changes))


def test_order_becomes_a_picture(model: Path, tmp_path: Path) -> None:
    target = tmp_path / "picture.png"
    assert main([str(target)], order(model), io.StringIO()) == 0
    with Image.open(target) as picture:
        assert (picture.format, picture.size) == ("PNG", (80, 48))


def test_what_goes_wrong_is_the_last_line(tmp_path: Path) -> None:
    talk = io.StringIO()
    code = main([str(tmp_path / "a.png")], order(tmp_path / "nothing"), talk)
    assert code == 1
    last = talk.getvalue().splitlines()[-1]
    assert "nothing" in last
    assert "cannot be loaded" in last


@pytest.mark.slow
def test_studio_draws_in_another_process_and_gets_png(model: Path, tmp_path: Path) -> None:
    said = Choices(picture_model=str(model), device="cpu")
    wanted = DrawingOrder(prompt="a red ball", seed=4, height=70, width=100, num_steps=2)
    data = draw_first_frame(wanted, ProjectLayout(tmp_path), said)
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.size == (96, 64), "both sides are multiples of 16"


def test_process_that_fails_is_told_with_its_last_words(model: Path, tmp_path: Path) -> None:
    failing = (sys.executable, "-c", "import sys; sys.exit('first\\nthe device is full')")
    said = Choices(picture_model=str(model))
    with pytest.raises(WorkerError, match="the device is full"):
        draw_first_frame(DrawingOrder(prompt="a"), ProjectLayout(tmp_path), said, command=failing)


@pytest.mark.parametrize(
    "wrong", [{"prompt": " "}, {"seed": -1}, {"height": 8}, {"width": 5000}, {"height": 0}]
)
def test_orders_that_cannot_be_are_refused(wrong: dict[str, object], tmp_path: Path) -> None:
    settings = {"prompt": "a ball"} | wrong
    with pytest.raises(UsageError):
        draw_first_frame(DrawingOrder(**settings), ProjectLayout(tmp_path), Choices())  # type: ignore[arg-type]


def test_command_draws_a_file_and_replaces_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def drawn(order: DrawingOrder, _layout: ProjectLayout, said: Choices) -> bytes:
        return f"{order.prompt} {order.size} {order.seed} {said.device}".encode()

    monkeypatch.setattr("ovi_studio.actions.drawing.draw_first_frame", drawn)
    monkeypatch.chdir(tmp_path)
    command = [
        "draw",
        "a ball",
        "--size",
        "65x128",
        "--seed",
        "7",
        "--device",
        "cpu",
        "-o",
        "b.png",
    ]
    assert run_command(command) == 0
    assert (tmp_path / "b.png").read_text() == "a ball 64x128 7 cpu"
    assert run_command(command) == 2
    assert "b.png exists" in capsys.readouterr().err
    assert run_command([*command, "--force"]) == 0
