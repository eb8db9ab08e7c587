"""`ovi train`: trains a part of the engine, in a process of its own since it needs torch."""

import typer


def train(context: typer.Context) -> int:
    """Train the VAEs, the vocoder or the transformer, or draw training data.

    `ovi train vae|audio-vae|vocoder|fusion --run FOLDER` trains, and goes on where the folder
    stopped; `ovi train data --out FOLDER` writes clips of the nano world. `ovi train -- --help`
    explains the options.
    """
    import importlib.util
    import subprocess
    import sys

    from ovi_studio.errors import MissingExtraError

    if importlib.util.find_spec("torch") is None:
        raise MissingExtraError(
            'Training needs the engine, which is not installed: pip install "ovi-studio[train]".'
        )
    module, arguments = "ovi.training", context.args
    if arguments[:1] == ["data"]:
        module, arguments = "ovi.training.world", arguments[1:]
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, check=False).returncode
