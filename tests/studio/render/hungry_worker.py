"""The real worker with the real engine, on a device that is always full for what is all resident.

`python -m tests.studio.render.hungry_worker` takes the options of the real worker.
"""

import sys
from dataclasses import replace

from ovi.spec.placement import Offload
from ovi_studio.render import worker
from ovi_studio.render.workbench import Engine

COMMAND = (sys.executable, "-m", "tests.studio.render.hungry_worker")


def open_engine() -> Engine:
    """As the real one, but for an out-of-memory where a real one can only happen on a GPU."""
    import torch

    engine = worker.open_engine()

    def load_pipeline(variant, precision, placement, *arguments, **settings):
        if placement.offload is Offload.NONE:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1.50 GiB.")
        return engine.load_pipeline(variant, precision, placement, *arguments, **settings)

    return replace(engine, load_pipeline=load_pipeline)


if __name__ == "__main__":
    sys.exit(worker.main(open_engine=open_engine))
