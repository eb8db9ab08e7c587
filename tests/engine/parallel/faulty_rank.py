"""A rank with a fault in it: `python -m tests.engine.parallel.faulty_rank FAULT SOCKET`."""

import os
import sys
from typing import Any, NoReturn

import torch

from ovi.errors import WeightsError
from ovi.parallel import group, rank, velocity


def run_out_of_memory(*_: Any) -> NoReturn:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


def find_a_bad_file(*_: Any, **__: Any) -> NoReturn:
    raise WeightsError("/some/file is damaged: download it again.")


def vanish(*_: Any) -> NoReturn:
    os._exit(3)


def install(fault: str) -> None:
    """Puts the fault where it will be met."""
    if fault == "memory":
        velocity.SharedVelocity._run_pass = run_out_of_memory
    elif fault == "meeting":
        group.RankGroup.greet = vanish
    else:
        rank.load_components = find_a_bad_file


if __name__ == "__main__":
    install(sys.argv[1])
    sys.exit(rank.main(sys.argv[1:]))
