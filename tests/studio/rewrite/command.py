"""Runs `ovi` for tests: in this process, where all is imported once, or in one of its own."""

import io
import os
import subprocess
from contextlib import chdir, redirect_stderr, redirect_stdout
from unittest import mock

from ovi_studio.cli.main import main

from ..cli.projects import clean_environment, run
from .projects import KEY, VARIABLE


def ovi_alone(folder, *arguments):
    """Runs `ovi` in a process of its own, with the key in its environment."""
    return run(*arguments, folder=folder, **{VARIABLE: KEY})


def ovi(folder, *arguments):
    """Runs `ovi` to its end in this process, with the key in its environment."""
    variables = clean_environment(folder, **{VARIABLE: KEY})
    streams = [io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(3)]
    stdin, stdout, stderr = streams
    with (
        mock.patch.dict(os.environ, variables, clear=True), mock.patch("sys.stdin", stdin),
        redirect_stdout(stdout), redirect_stderr(stderr), chdir(folder),
    ):  # fmt: skip
        code = main([str(argument) for argument in arguments])
    said = [stream.buffer.getvalue().decode() for stream in (stdout, stderr)]
    return subprocess.CompletedProcess(arguments, int(code), *said)
