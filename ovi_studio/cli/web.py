"""`ovi web`: the studio in a browser, and an HTTP API for programs."""

import os
from typing import Annotated

import typer


def web(
    server_name: Annotated[
        str,
        typer.Option(
            "--server-name",
            "--server_name",
            metavar="ADDRESS",
            help="Where to listen. Anything but loopback asks for a password.",
        ),
    ] = "127.0.0.1",
    server_port: Annotated[
        int | None,
        typer.Option(
            "--server-port",
            "--server_port",
            metavar="PORT",
            min=0,
            max=65535,
            help="Default: 7860 or the next that is free; 0: any that is free.",
        ),
    ] = None,
    share: Annotated[
        bool,
        typer.Option(
            "--share",
            help="Let others in from the internet, through a tunnel of Gradio's makers. Asks for "
            "a password.",
        ),
    ] = False,
    mcp_server: Annotated[
        bool,
        typer.Option(
            "--mcp-server",
            "--mcp_server",
            help="Offer checking, planning and rendering to assistants (MCP).",
        ),
    ] = False,
    cpu_offload: Annotated[
        bool,
        typer.Option(
            "--cpu-offload", "--cpu_offload", help="Models wait in host memory between their turns."
        ),
    ] = False,
    fp8: Annotated[bool, typer.Option("--fp8", help="The transformer in 8-bit floats.")] = False,
    qint8: Annotated[
        bool, typer.Option("--qint8", help="The transformer in 8-bit integers.")
    ] = False,
    use_image_gen: Annotated[
        bool,
        typer.Option(
            "--use-image-gen",
            "--use_image_gen",
            help="Offer first frames drawn by FLUX.1-Krea (extra image).",
        ),
    ] = False,
    open_browser: Annotated[
        bool | None,
        typer.Option("--open/--no-open", help="Open a browser. Default: where there is a screen."),
    ] = None,
    api_only: Annotated[
        bool, typer.Option("--api-only", help="Serve the HTTP API without the page.")
    ] = False,
) -> int:
    """Open the studio in a browser. It shows the project of the folder it is started in.

    Only this machine can reach it, unless --server-name or --share say otherwise: then a password
    is needed, from the variable OVI_WEB_TOKEN or typed in; programs send it as a bearer token.
    Ctrl-C closes the page, and what was ordered goes on being rendered.
    """
    from pathlib import Path

    from ovi_studio.cli.following import talk, write_result
    from ovi_studio.cli.web_start import check_packages, read_secret, show
    from ovi_studio.errors import ExitCode, UsageError
    from ovi_studio.project.layout import find_layout
    from ovi_studio.render.choices import choices_of_options

    if fp8 and qint8:
        raise UsageError("--fp8 and --qint8 exclude each other: choose one number format.")
    if api_only and (mcp_server or use_image_gen):
        raise UsageError(
            "--mcp-server and --use-image-gen belong to the page: leave out --api-only."
        )
    check_packages(has_page=not api_only, has_tools=mcp_server, draws=use_image_gen)
    defaults = choices_of_options(
        offload="model" if cpu_offload else None,
        precision="fp8" if fp8 else "int8" if qint8 else None,
    )
    from ovi_studio.web.context import WebContext
    from ovi_studio.web.keeping import CalmKeeper
    from ovi_studio.web.serving import ServingOptions, needs_secret, serve

    options = ServingOptions(
        host=server_name,
        port=server_port,
        is_shared=share,
        has_page=not api_only,
        has_tools=mcp_server,
    )
    secret = read_secret(os.environ, is_needed=needs_secret(options))
    context = WebContext(
        layout=find_layout(Path.cwd()),
        defaults=defaults,
        can_draw_first_frames=use_image_gen,
        keep_queue=CalmKeeper(),
    )

    def started(address: str) -> None:
        write_result(address if not api_only else f"{address}/v1")
        talk(f"Ovi Studio serves {context.layout.root}. Ctrl-C ends it.")
        if not api_only:
            show(address, is_wanted=open_browser)

    serve(context, options, secret, tell=talk, on_start=started)
    return ExitCode.OK
