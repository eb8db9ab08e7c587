"""`ovi train`: trains a part of the engine, in a process of its own since it needs torch."""

import typer


def train(context: typer.Context) -> int:
    """Train the VAEs, the vocoder or the transformer, or draw training data.

    `ovi train vae|audio-vae|vocoder|fusion --run FOLDER` trains, and goes on where the folder
    stopped; `ovi train lora --clips FOLDER` teaches a model something new from your own clips;
    `ovi train data --out FOLDER` writes clips of the nano world. `ovi train -- --help` and
    `ovi train lora -- --help` explain the options.
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
    for name, of_name in (("data", "ovi.training.world"), ("lora", "ovi.training.lora")):
        if arguments[:1] == [name]:
            module, arguments = of_name, arguments[1:]
            break
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, check=False).returncode
