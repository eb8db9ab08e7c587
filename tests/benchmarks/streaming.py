"""Times streamed against resident forward passes of the published transformer, on a small card.

    python -m tests.benchmarks.streaming FOLDER [--precision fp8]

One process, one set of random weights, so that all rows can be compared: each row is a placement,
with the most that nvidia-smi shows of this process, which `limit` bounds. FOLDER needs room for
the blocks (11 GB), which are then read from a file there. Rows without chunks must agree in the
hash of their result.
"""

import argparse
import hashlib
import os
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from ovi.models.fusion.block import run_fusion_block
from ovi.models.fusion.model import FusionModel
from ovi.noise import draw_noise
from ovi.runtime.block_offload import (
    REST,
    BlockOffload,
    offload_fusion,
)
from ovi.runtime.checkpoint import Checkpoint, Span
from ovi.runtime.components import load_components
from ovi.runtime.parcel import Parcel
from ovi.runtime.reading import read_tensors
from ovi.runtime.staging import Staging
from ovi.runtime.token_chunks import run_in_chunks
from ovi.spec.geometry import FrameSize
from ovi.spec.placement import Offload, Placement
from ovi.spec.request import NoiseSource, Precision, TransformerPrecision
from ovi.spec.variants import variant_named
from tests.benchmarks.host_to_device import DEVICE, GB, h2d_bandwidth, seconds_of

CONTEXT_GB = 0.85
"""What a process takes beside torch's own memory: 0.80 measured, and a little more."""


@dataclass(frozen=True)
class Row:
    """One measurement."""

    variant: str
    size: str
    source: str
    """`resident`, `pinned` or `mapped`: where the blocks come from"""
    token_chunk: int | None = None
    limit_gb: float | None = None
    resident_blocks: int = 0
    repeats: int = 2


SMALL, LARGE = ("720x720_5s", "704x704"), ("960x960_10s", "704x1280")
ROWS = (
    Row(*SMALL, "pinned", limit_gb=6),
    Row(*SMALL, "pinned", limit_gb=6, token_chunk=8192),
    Row(*SMALL, "pinned", limit_gb=6, token_chunk=8192, resident_blocks=4),
    Row(*LARGE, "pinned", limit_gb=8, token_chunk=8192, repeats=1),
    Row(*SMALL, "resident"),
    Row(*LARGE, "resident", repeats=1),
    Row(*SMALL, "mapped", limit_gb=6),
)


def main() -> None:
    """Prints one line a row."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--precision", default="fp8")
    options = parser.parse_args()
    set_limit(6)
    start = time.perf_counter()
    model, parcels = load_parked(options.precision)
    print(f"load: {time.perf_counter() - start:.1f} s, {host_memory()}", flush=True)
    pinned = parcels[0].flat
    assert pinned is not None
    bandwidth = h2d_bandwidth(pinned)
    streamed = sum(parcel.nbytes for number, parcel in parcels.items() if number != REST)
    print(
        f"blocks {streamed / GB:.2f} GB at {bandwidth:.1f} GB/s: {streamed / GB / bandwidth:.3f} s"
    )
    for row in ROWS:
        if row.source == "mapped":
            read_back(options.folder / "blocks.bin", parcels)
            print(f"blocks lie in a file: {host_memory()}", flush=True)
            offload = offload_fusion(model, DEVICE, row.resident_blocks, Staging(DEVICE))
        else:
            num_blocks = len(parcels) if row.source == "resident" else row.resident_blocks
            offload = offload_fusion(model, DEVICE, num_blocks, parcels)
        measure(row, model, offload)


def load_parked(precision: str) -> tuple[FusionModel, dict[int, Parcel]]:
    """The transformer with random weights in page-locked memory."""
    components = load_components(
        ("fusion",),
        variant_named(SMALL[0]),
        Precision(TransformerPrecision(precision)),
        Placement(device="cuda", offload=Offload.BLOCKS),
        DEVICE,
        None,
        use_random_weights=True,
    )
    model = cast("FusionModel", components.modules["fusion"])
    # Not for others: the parts as the load has parked them, to try other ways to send them.
    offload: Any = components.visits[model].__self__  # type: ignore[attr-defined]
    return model, {**dict(enumerate(offload._parcels)), REST: offload._rest}


def measure(row: Row, model: FusionModel, offload: BlockOffload) -> None:
    """One row: a pass to warm up, and timed pairs of passes as a step has them."""
    set_limit(row.limit_gb)
    model.run_block = (
        run_fusion_block if row.token_chunk is None else run_in_chunks(row.token_chunk)
    )
    variant = variant_named(row.variant)
    noise = draw_noise(variant, FrameSize.parse(row.size), 0, NoiseSource.CPU, DEVICE)
    video, audio = noise.video.bfloat16(), noise.audio.bfloat16()
    generator = torch.Generator(DEVICE).manual_seed(1)
    text = torch.randn(1, 60, 4096, device=DEVICE, dtype=torch.bfloat16, generator=generator)
    timestep = torch.full((1,), 500, device=DEVICE)
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()

    def forward(skip_layer: int | None = None) -> Tensor:
        result: Tensor = model(video, audio, timestep, text, text, skip_layer=skip_layer)[0]
        return result

    def step() -> None:
        forward()
        forward(skip_layer=11)

    with watching_smi() as most, torch.inference_mode():
        entered = time.perf_counter()
        with offload.visit():
            torch.cuda.synchronize()
            entered = time.perf_counter() - entered
            start = time.perf_counter()
            content = forward().float().cpu().numpy().tobytes()
            first = time.perf_counter() - start
            times = [seconds_of(step) / 2 for _ in range(row.repeats)]
            peaks = torch.cuda.max_memory_allocated(), torch.cuda.max_memory_reserved()
            time.sleep(0.3)
    print(
        f"{row.variant:12s}{row.source:9s} chunk {row.token_chunk!s:5s} "
        f"resident {row.resident_blocks:2d} limit {row.limit_gb!s:4s}: "
        f"forward {statistics.median(times):.3f} s [{min(times):.3f} {max(times):.3f}], first "
        f"{first:.2f}, enter {entered:.2f}; allocated {peaks[0] / GB:.2f} reserved "
        f"{peaks[1] / GB:.2f} nvidia-smi {most():.2f} GB; {host_memory()}; "
        f"{hashlib.sha256(content).hexdigest()[:8]}",
        flush=True,
    )


def read_back(path: Path, parcels: dict[int, Parcel]) -> None:
    """Writes all parts to a file, reads it as a load would, and makes its mapping their home."""
    spans: dict[str, Span] = {}
    headers: dict[str, Tensor] = {}
    with path.open("wb") as file:
        for number, parcel in parcels.items():
            assert parcel.flat is not None
            spans[str(number)] = Span(path, file.tell())
            headers[str(number)] = torch.empty(parcel.nbytes, dtype=torch.uint8, device="meta")
            file.write(parcel.flat.numpy().data)
        total = file.tell()
    mapped = torch.from_file(str(path), shared=False, size=total, dtype=torch.uint8)

    def part(key: str) -> Tensor:
        return mapped[spans[key].offset :][: headers[key].nbytes]

    checkpoint = Checkpoint(headers, part, spans.get)
    set_limit(None)

    def load() -> None:
        for _ in read_tensors(checkpoint, list(spans), DEVICE):
            pass

    def load_plainly() -> None:
        buffer = bytearray(32 * 2**20)
        target = torch.empty(len(buffer), dtype=torch.uint8, device=DEVICE)
        with path.open("rb", buffering=0) as file:
            while count := file.readinto(buffer):
                target[:count].copy_(torch.frombuffer(buffer, dtype=torch.uint8)[:count])

    for name, work in (("plain read and copy", load_plainly), ("read_tensors", load)):
        times = [seconds_of(work) for _ in range(2)]
        print(f"file to device, {name}: {[round(total / GB / t, 1) for t in times]} GB/s")
    for number, parcel in parcels.items():
        parcel.homes = parcel.views(part(str(number)))
        parcel.flat = None
        parcel.return_home()
    path.unlink()  # the mapping keeps it


def set_limit(limit_gb: float | None) -> None:
    """What nvidia-smi may show of this process; None: all there is."""
    total = torch.cuda.get_device_properties(DEVICE).total_memory
    share = 1.0 if limit_gb is None else (limit_gb - CONTEXT_GB) * GB / total
    torch.cuda.set_per_process_memory_fraction(share, DEVICE)


def host_memory() -> str:
    """Of this process: memory of its own (page-locked included), and mapped files."""
    lines = Path("/proc/self/status").read_text().splitlines()
    values = {line.split(":")[0]: int(line.split()[1]) for line in lines if line.startswith("Rss")}
    own = (values["RssAnon"] + values["RssShmem"]) * 1024 / GB
    return f"host {own:.1f} GB, mapped {values['RssFile'] * 1024 / GB:.1f} GB"


@contextmanager
def watching_smi() -> Iterator[Callable[[], float]]:
    """Asks nvidia-smi all the while; the result gives the most GB it showed."""
    seen, stop = [0.0], threading.Event()

    def watch() -> None:
        while not stop.is_set():
            seen.append(_smi_used())
            time.sleep(0.1)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield lambda: max(seen)
    finally:
        stop.set()
        thread.join()


def _smi_used() -> float:
    """GB that nvidia-smi shows for this process, or for its card where it lists no processes."""
    processes = _ask_smi("--query-compute-apps=pid,used_memory")
    own = [row[1] for row in processes if row[0] == str(os.getpid())]
    card = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]
    cards = _ask_smi("--query-gpu=index,memory.used")
    own += [row[1] for row in cards if row[0] == card]
    return float(own[0]) * 2**20 / GB if own else 0.0


def _ask_smi(query: str) -> list[list[str]]:
    command = ["nvidia-smi", query, "--format=csv,noheader,nounits"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return [[cell.strip() for cell in line.split(",")] for line in answer.stdout.splitlines()]


if __name__ == "__main__":
    main()
