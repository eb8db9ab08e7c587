"""Runs `ovi` as a user does, with a configuration folder of its own and standard input at hand."""

import os
import subprocess
import sys

from .command import COMMAND, ROOT, environment

FIXTURES = ROOT / "tests" / "fixtures" / "csv"


def clean_environment(folder, **variables):
    """Ours, without settings of the person who runs the tests."""
    kept = {name: value for name, value in environment().items() if not name.startswith("OVI_")}
    kept |= {"XDG_CONFIG_HOME": str(folder / ".user"), "COLUMNS": "100"}
    return {**kept, "TMPDIR": str(temporary(folder)), **variables}


def temporary(folder):
    """A folder for temporary files that a test can look into."""
    path = folder / ".tmp"
    path.mkdir(exist_ok=True)
    return path


def run(*arguments, folder, stdin="", **variables):
    """Runs `ovi` to its end; `stdin` may be bytes, then so are the outputs."""
    is_text = isinstance(stdin, str)
    return subprocess.run(
        [*COMMAND, *map(str, arguments)], cwd=folder, env=clean_environment(folder, **variables),
        input=stdin, text=is_text, encoding="utf-8" if is_text else None, capture_output=True,
        check=False,
    )  # fmt: skip


def modules_after(*arguments, folder):
    """The modules that a command has imported when it ends, and its exit code."""
    script = (
        "import sys\n"
        "from ovi_studio.cli.main import main\n"
        "code = main(sys.argv[1:])\n"
        "sys.stderr.write(f'\\nMODULES {int(code)} ' + ' '.join(sorted(sys.modules)))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)], cwd=folder,
        env=clean_environment(folder), text=True, capture_output=True, check=False,
    )  # fmt: skip
    code, _, names = ended.stderr.partition("\nMODULES ")[2].partition(" ")
    assert code, ended.stderr
    return int(code), set(names.split())


def files_in(folder):
    """Path to content of every file, but for what tests and users keep in hidden folders."""
    found = {}
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in (".tmp", ".user")]
        for name in names:
            path = os.path.join(place, name)  # noqa: PTH118 - what `os.walk` gives
            with open(path, "rb") as stream:  # noqa: PTH123 - the same
                found[os.path.relpath(path, folder)] = stream.read()
    return found
