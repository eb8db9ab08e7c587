"""`ovi draw`: a first frame from a prompt, by itself."""

from pathlib import Path
from typing import Annotated

import typer

from ovi_studio.cli.options import Device, PictureModel


def draw(
    prompt: Annotated[str, typer.Argument(metavar="PROMPT", help="What the picture shows.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The PNG to write.")
    ] = Path("first-frame.png"),
    size: Annotated[
        str | None,
        typer.Option(metavar="HxW", help="Height and width in pixels. Default: 1024x1024."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Another seed gives another picture.")] = 100,
    steps: Annotated[int, typer.Option(min=1, max=200, help="Steps of the image model.")] = 28,
    device: Device = None,
    picture_model: PictureModel = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> int:
    """Draw a first frame with FLUX.1-Krea, to look at before clips are made from it.

    `ovi render --image FILE` starts from it. `--mode t2i2v` draws and renders in one go.
    """
    from ovi.spec.geometry import FrameSize
    from ovi_studio.actions.drawing import USUAL_SIDE, DrawingOrder, draw_first_frame
    from ovi_studio.cli.following import talk
    from ovi_studio.errors import UsageError
    from ovi_studio.project.layout import find_layout
    from ovi_studio.render.choices import choices_of_options

    wanted = FrameSize(USUAL_SIDE, USUAL_SIDE) if size is None else FrameSize.parse(size)
    if output.exists() and not force:
        raise UsageError(f"{output} exists. Choose another file with --output, or give --force.")
    order = DrawingOrder(
        prompt=prompt, seed=seed, height=wanted.height, width=wanted.width, num_steps=steps
    )
    said = choices_of_options(device=device, picture_model=picture_model)
    data = draw_first_frame(order, find_layout(Path.cwd()), said)
    try:
        output.write_bytes(data)
    except OSError as error:
        raise UsageError(f"{output} cannot be written: {error.strerror}.") from error
    talk(f"Drawn: {output}, {order.size}.")
    return 0
