"""The prompt layer starts fast: nothing heavy is imported by it."""

import subprocess
import sys
from pathlib import Path

HEAVY = ("torch", "numpy", "pandas", "pydantic", "rich", "tokenizers", "ftfy", "csv", "asyncio")
CODE = """
import sys
import ovi_studio.project.prompt_file, ovi_studio.prompt.format
import ovi_studio.prompt.timing, ovi_studio.prompt.tokens
print(" ".join(sorted(sys.modules)))
"""


def test_nothing_heavy_is_imported():
    root = Path(__file__).parents[3]
    run = subprocess.run(
        [sys.executable, "-c", CODE], cwd=root, capture_output=True, text=True, check=True
    )
    assert set(run.stdout.split()).isdisjoint(HEAVY)
