"""How much of the writing of an MP4 is hidden behind the next clip: two clips, with and without.

`python -m tests.benchmarks.render_overlap [VARIANT] [HxW] [STEPS]`, on the first GPU, else on the
CPU, with random weights.
"""

import sys
import tempfile
import time
from pathlib import Path

from ovi.pipeline import OviPipeline
from ovi.runtime.devices import resolve_device
from ovi.runtime.models import load_models
from ovi.spec.geometry import FrameSize
from ovi.spec.identity import clip_identity
from ovi.spec.placement import Placement
from ovi.spec.request import ClipRequest, Precision, Sampling, TransformerPrecision
from ovi.spec.variants import variant_named
from ovi_studio.project.layout import ProjectLayout
from ovi_studio.render import record
from ovi_studio.render.job import ClipSource, RenderTask
from ovi_studio.render.job_run import JobRunner
from ovi_studio.render.queue import RenderQueue
from ovi_studio.render.rows import new_worker
from ovi_studio.render.workbench import Engine, Workbench
from ovi_studio.render.worker_lock import WorkerLock


def make_pipeline(variant):
    """A pipeline of random weights, all of it on the device."""
    placement = Placement()
    device = resolve_device("auto")
    kind = TransformerPrecision.BF16 if device.type == "cuda" else TransformerPrecision.FP32
    precision = Precision(kind, kind, kind)
    models = load_models(variant, precision, placement, device, None, use_random_weights=True)
    return OviPipeline(variant, models, placement), precision


def time_clips(pipeline, requests, *, is_overlapped):
    """Seconds until the last of the clips is whole."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with RenderQueue(ProjectLayout(folder).state.queue_path) as queue:
            lock = WorkerLock(queue.lock_path("w"))
            lock.acquire()
            queue.register(new_worker("w", folder / "log"))
            queue.add([task_for(request, folder) for request in requests])
            bench = Workbench(lambda: Engine(lambda *_, **__: pipeline, str, {}))
            runner = JobRunner(queue, bench, folder / "log")
            started = time.monotonic()
            while (job := queue.claim("w", is_alone=not runner.is_writing)) is not None:
                runner.run(job)
                if not is_overlapped:
                    runner.finish_writing()
            runner.finish_writing()
            seconds = time.monotonic() - started
            assert {job.status for job in queue.jobs()} == {"DONE"}
            lock.release()
    return seconds


def task_for(request, folder):
    seed = request.sampling.seed
    return RenderTask(
        identity=clip_identity(request, {}),
        request=request,
        placement=Placement(),
        weights={},
        ckpt_dir=None,
        source=ClipSource("set", str(seed)),
        output=folder / f"{seed}.mp4",
    )


def main(variant="nano", size="64x64", steps="2"):
    record.licences_for_render = lambda *_: {}  # there are no weight files
    known = variant_named(variant)
    pipeline, precision = make_pipeline(known)

    def request(seed):
        return ClipRequest(
            text=f"a cat number {seed} walks",
            variant=known.name,
            size=FrameSize.parse(size),
            sampling=Sampling(seed=seed, num_steps=int(steps)),
            precision=precision,
        )

    next(iter(pipeline.render(request(99)).frames))  # warm-up
    for is_overlapped, seeds in ((False, (1, 2)), (True, (3, 4))):
        seconds = time_clips(pipeline, [request(s) for s in seeds], is_overlapped=is_overlapped)
        print(f"{'overlapped' if is_overlapped else 'in a row'}: {seconds:.2f} s")


if __name__ == "__main__":
    main(*sys.argv[1:])
