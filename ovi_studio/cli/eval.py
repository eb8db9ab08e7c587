"""`ovi eval`: judges what a toy model makes of held-out prompts, in a process that has torch."""

import typer


def evaluate(context: typer.Context) -> int:
    """Judge what nano makes of prompts it has never seen, from pixels and samples.

    `ovi eval nano` prints a table beside the true clips' own marks. Options: --clips, --i2v,
    --vaes, --truth-only, --shape, --lora, --ckpt-dir, --device, --steps, --out, --sheet, --page,
    --json; `ovi eval -- --help` explains.
    """
    import importlib.util
    import subprocess
    import sys

    from ovi_studio.errors import MissingExtraError, UsageError

    arguments = context.args
    if arguments[:1] == ["nano"]:
        arguments = arguments[1:]
    elif arguments and not arguments[0].startswith("-"):
        raise UsageError(f"There is no judge for {arguments[0]!r}: ovi eval nano.")
    if importlib.util.find_spec("torch") is None:
        raise MissingExtraError(
            'Judging needs the engine, which is not installed: pip install "ovi-studio[train]".'
        )
    command = [sys.executable, "-m", "ovi.training.judge", *arguments]
    return subprocess.run(command, check=False).returncode
