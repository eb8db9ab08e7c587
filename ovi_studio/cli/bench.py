"""`ovi bench`: measures this machine, in a process of its own since it needs torch."""

import typer


def bench(context: typer.Context) -> int:
    """Measure each stage of a render on this machine, and what the chip itself can do.

    Options: --variant, --size, --steps, --repeats, --forward-only, --ckpt-dir, --device,
    --precision, --vae-precision, --offload, --attention, --json; `ovi bench -- --help` explains.
    """
    import importlib.util
    import subprocess
    import sys

    from ovi_studio.errors import MissingExtraError

    if importlib.util.find_spec("torch") is None:
        raise MissingExtraError(
            'Rendering needs the engine, which is not installed: pip install "ovi-studio[engine]".'
        )
    command = [sys.executable, "-m", "ovi.bench", *context.args]
    return subprocess.run(command, check=False).returncode
