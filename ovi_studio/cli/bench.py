"""`ovi bench`: measures this machine, in a process of its own since it needs torch."""

import typer


def bench(context: typer.Context) -> int:
    """Measure each stage of a render on this machine, and what the chip itself can do.

    What it finds is kept for `ovi plan`. Options: --variant, --size, --profile, --steps, --repeats,
    --forward-only, --no-mp4, --ckpt-dir, --device, --precision, --text-precision, --vae-precision,
    --tile-side, --offload, --resident-blocks, --token-chunk, --host-memory, --attention,
    --memory-limit, --no-save, --json; `ovi bench -- --help` explains.
    """
    import importlib.util
    import subprocess
    import sys

    from ovi_studio.errors import MissingExtraError
    from ovi_studio.render.launch import worker_environment

    if importlib.util.find_spec("torch") is None:
        raise MissingExtraError(
            'Rendering needs the engine, which is not installed: pip install "ovi-studio[engine]".'
        )
    command = [sys.executable, "-m", "ovi.bench", *context.args]
    return subprocess.run(command, check=False, env=worker_environment()).returncode
