"""Loads a pipeline of two ranks, says the other's process id, and waits to be killed."""

import sys
import time

from tests.engine.parallel.pipelines import load_pair

if __name__ == "__main__":
    pipeline = load_pair()
    sys.stdout.write(f"{pipeline._ranks._processes[0].pid}\n")
    sys.stdout.flush()
    time.sleep(600)
