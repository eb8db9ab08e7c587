"""The engine as a worker holds it: imported when first needed, with the one pipeline it has loaded.

Of the studio only this file reaches the tensor side, when a worker process asks it to.
"""

import gc
import platform
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from threading import Thread
from typing import TYPE_CHECKING

import ovi
from ovi.errors import OviError, PlacementError, WeightsError
from ovi_studio.render.encoding_store import DiskEncodingStore
from ovi_studio.render.job import PipelineKey, RenderTask

if TYPE_CHECKING:
    import torch

    from ovi.pipeline import ClipStream as ClipStream  # others have it from here
    from ovi.pipeline import OviPipeline
    from ovi.pipeline import Progress as Progress
    from ovi.preview.watch import Drawing as Drawing
    from ovi.preview.watch import PreviewWatch as PreviewWatch


@dataclass(frozen=True, slots=True)
class Engine:
    """What a worker needs of the engine's tensor side."""

    load_pipeline: "Callable[..., OviPipeline]"
    describe_device: "Callable[[torch.device], str]"
    versions: Mapping[str, str]
    num_threads: Callable[[], int | None] = lambda: None
    """CPU threads that the engine computes with"""
    watch_preview: "Callable[..., PreviewWatch] | None" = None
    """draws a clip while it is denoised (`ovi/preview/watch.py`); None: this engine cannot"""


class Workbench:
    """The engine, and the one pipeline that is loaded; both come when first needed."""

    def __init__(
        self, open_engine: Callable[[], Engine], store: DiskEncodingStore | None = None
    ) -> None:
        """`store` keeps encodings for other workers and later runs."""
        self._open_engine = open_engine
        self._store = store
        self._engine: Engine | None = None
        self._key: PipelineKey | None = None
        self._pipeline: OviPipeline | None = None
        self._unusable: dict[PipelineKey, OviError] = {}
        """What could not be loaded, and why: trying again for every row would take hours."""

    @property
    def engine(self) -> Engine:
        """The engine, imported on first use."""
        if self._engine is None:
            self._engine = self._open_engine()
        return self._engine

    def pipeline_for(
        self, key: PipelineKey, on_progress: "Callable[[Progress], None]"
    ) -> "OviPipeline":
        """The pipeline for that key, loaded unless it was the last one used."""
        if self._pipeline is None or key != self._key:
            if key in self._unusable:
                raise self._unusable[key]
            self.close()
            gc.collect()  # frees the old models' memory before the new ones need it
            try:
                self._pipeline = self.engine.load_pipeline(
                    key.variant,
                    key.precision,
                    key.placement,
                    key.ckpt_dir,
                    picture_source=key.picture_source,
                    weights=dict(key.weights),
                    store=self._store,
                    on_progress=on_progress,
                )
            except (WeightsError, PlacementError) as error:
                self._unusable[key] = error
                raise
            self._key = key
        return self._pipeline

    def start_encoding(self, task: RenderTask | None) -> Thread | None:
        """Encodes a later clip's texts in a thread of their own, if the loaded pipeline is its.

        What goes wrong there is left to the clip itself to meet again.
        """
        if task is None or task.pipeline_key != self._key or self._pipeline is None:
            return None
        thread = Thread(target=_encode_quietly, args=(self._pipeline, task), daemon=True)
        thread.start()
        return thread

    def close(self) -> None:
        """Lets go of the pipeline, and ends the processes that it may have started."""
        end_processes = getattr(self._pipeline, "close", None)
        self._pipeline = self._key = None
        if end_processes is not None:
            end_processes()


def open_engine() -> Engine:
    """The real engine; this imports torch."""
    import torch

    from ovi.parallel import load_pipeline
    from ovi.preview import watch_preview

    def describe_device(device: torch.device) -> str:
        return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type

    versions = {
        "ovi": ovi.__version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
    }
    return Engine(load_pipeline, describe_device, versions, torch.get_num_threads, watch_preview)


def _encode_quietly(pipeline: "OviPipeline", task: RenderTask) -> None:
    with suppress(Exception):  # the clip itself will say it
        pipeline.encode_ahead(task.request)
