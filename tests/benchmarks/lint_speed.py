"""How fast `ovi lint` starts and works: `python -m tests.benchmarks.lint_speed`.

Start: the command on a set of 14 rows against a Typer application with two empty commands, timed in
turn; the fastest run of each counts. Throughput: sets of prompts of 800 characters in one process
on one core, with the most memory that process ever held.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.studio.lint.damage import base_prompt

ROOT = Path(__file__).parents[2]

TWO_COMMANDS = """
import typer
app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)
@app.command()
def one() -> None: ...
@app.command()
def two() -> None: ...
app()
"""

IN_ONE_PROCESS = """
import resource, sys, time
from ovi_studio.cli.main import main
start = time.process_time()
main(["lint", sys.argv[1], "--variant", "960x960_10s", "--json"])
seconds = time.process_time() - start
kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
sys.stderr.write(f"{seconds} {kilobytes / 1024}")
"""


def long_prompt(number: int, *, is_damaged: bool) -> str:
    """A prompt of 800 characters, different for every number."""
    scene = base_prompt(number, "prefixed")
    filler = " The light is soft and the picture is calm, with a slow camera move to the left."
    name = "".join(chr(97 + int(digit)) for digit in str(number))
    before = f"Take {name}."
    while len(before) + len(scene) < 800 - len(filler):
        before += filler
    text = f"{before} {scene}"
    return text.replace("<E>", "</S>").replace("'", "’") if is_damaged else text


def write_set(path: Path, num_rows: int, share_damaged: float) -> int:
    """Writes a set; returns its bytes."""
    chance = random.Random(num_rows)
    with path.open("w", encoding="utf-8", newline="") as stream:
        stream.write("text_prompt\n")
        for number in range(num_rows):
            text = long_prompt(number, is_damaged=chance.random() < share_damaged).replace(
                '"', '""'
            )
            stream.write(f'"{text}"\n')
    return path.stat().st_size


def fastest(command: list[str], before: float) -> float:
    """Seconds of one more run, or those of the fastest before it."""
    start = time.perf_counter()
    subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    return min(before, time.perf_counter() - start)


def time_start(folder: Path, num_runs: int) -> None:
    """Prints the start of `ovi lint` and of the Typer application, and their ratio."""
    (folder / "two.py").write_text(TWO_COMMANDS)
    write_set(folder / "small.csv", 14, 0)
    typer_command = [sys.executable, str(folder / "two.py"), "one"]
    ovi = [sys.executable, "-m", "ovi_studio"]
    lint = [*ovi, "lint", str(folder / "small.csv"), "--variant", "960x960_10s"]
    names = {"typer": typer_command, "ovi --help": [*ovi, "--help"], "ovi lint, 14 rows": lint}
    seconds = dict.fromkeys(names, float("inf"))
    for _ in range(num_runs):
        for name, command in names.items():
            seconds[name] = fastest(command, seconds[name])
    for name, value in seconds.items():
        print(f"{name:18} {1000 * value:6.0f} ms   x{value / seconds['typer']:.2f}")


def time_throughput(folder: Path, sizes: list[int], share_damaged: float) -> None:
    """Prints seconds and memory for sets of growing size."""
    print(f"{share_damaged:.0%} of the prompts with findings to fix:")
    for num_rows in sizes:
        path = folder / f"{num_rows}.csv"
        size = write_set(path, num_rows, share_damaged)
        run = subprocess.run(
            [sys.executable, "-c", IN_ONE_PROCESS, str(path)],
            cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=True,
        )  # fmt: skip
        seconds, megabytes = map(float, run.stderr.rsplit("\n", 1)[-1].split())
        each = 1e6 * seconds / num_rows
        print(
            f"{num_rows:8} prompts, {size / 1e6:6.1f} MB: {seconds:7.2f} s CPU, "
            f"{each:5.0f} us each, {megabytes:5.0f} MB of memory"
        )
        path.unlink()


def main() -> None:
    """Runs both measurements."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=15, help="starts of each command")
    parser.add_argument("--sizes", type=int, nargs="*", default=[1_000, 10_000, 100_000])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        time_start(Path(name), options.runs)
        time_throughput(Path(name), options.sizes, 0.0)
        time_throughput(Path(name), options.sizes, 0.3)


if __name__ == "__main__":
    main()
