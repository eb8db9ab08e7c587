"""Times streamed against resident forward passes, on a card made small; and how weights get there.

    python -m tests.benchmarks.streaming memory              page-locking and copies
    python -m tests.benchmarks.streaming files FOLDER        from a file to the device
    python -m tests.benchmarks.streaming forward VARIANT HEIGHTxWIDTH [options]
    python -m tests.benchmarks.streaming load FOLDER [options]

`forward` prints one line: seconds of a forward pass (the median), the most that torch reserved,
what nvidia-smi shows of this process, host memory, and a hash of the result, which placements
without `--token-chunk` have in common. `--limit-gb` is what the process may take
in all, nvidia-smi's figure; torch gets what the context leaves.
"""

import argparse
import ctypes
import hashlib
import os
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import cast

import torch

from ovi.models.fusion.model import FusionModel
from ovi.models.text_encoder.encode import embed_separately
from ovi.models.text_encoder.model import TextEncoder
from ovi.models.text_encoder.tokenizer import ByteTokenizer
from ovi.noise import draw_noise
from ovi.runtime.components import Components, load_components
from ovi.runtime.host_memory import page_locked
from ovi.spec.geometry import FrameSize
from ovi.spec.placement import HostMemory, Offload, Placement
from ovi.spec.request import NoiseSource, Precision, TransformerPrecision
from ovi.spec.variants import variant_named
from ovi.weights.manifest import MODEL_NAMES

DEVICE = torch.device("cuda", 0)
GB = 1e9
CONTEXT_GB = 0.65
"""What a process takes beside torch's own memory: measured, then rounded up."""


def main() -> None:
    """Runs one of the measurements."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["memory", "files", "forward", "load", "text"])
    parser.add_argument("place", nargs="*")
    parser.add_argument("--offload", default="none")
    parser.add_argument("--host-memory", default="pinned")
    parser.add_argument("--precision", default="fp8")
    parser.add_argument("--text-precision", default="bf16")
    parser.add_argument("--resident-blocks", type=int, default=0)
    parser.add_argument("--token-chunk", type=int)
    parser.add_argument("--limit-gb", type=float)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--ckpt-dir", type=Path)
    options = parser.parse_args()
    if options.limit_gb is not None:
        total = torch.cuda.get_device_properties(DEVICE).total_memory
        share = (options.limit_gb - CONTEXT_GB) * GB / total
        torch.cuda.set_per_process_memory_fraction(share, DEVICE)
    work = {"memory": memory, "files": files, "forward": forward, "load": load, "text": text}
    work[options.what](options)


def memory(_: argparse.Namespace) -> None:
    """Ways to page-lock 8 GB, and what a copy from there reaches."""
    torch.cuda.init()
    nbytes, count = 512 * 2**20, 16

    def naive() -> list[torch.Tensor]:
        return [torch.empty(nbytes, dtype=torch.uint8, pin_memory=True) for _ in range(count)]

    def ours(threads: int) -> list[torch.Tensor]:
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(page_locked, [nbytes] * count, [DEVICE] * count))

    thp = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    print("huge pages:", thp.read_text().strip() if thp.exists() else "unknown")
    buffers: list[torch.Tensor] = []
    for name, make in (
        ("ours, 1 thread", partial(ours, 1)),
        ("ours, 4 threads", partial(ours, 4)),
        ("ours, 8 threads", partial(ours, 8)),
        ("pin_memory", naive),
    ):
        buffers.clear()
        start = time.perf_counter()
        buffers.extend(make())
        seconds = time.perf_counter() - start
        print(f"page-lock {name:16s} {seconds:6.2f} s, {count * nbytes / GB / seconds:5.1f} GB/s")
    print(f"host to device, page-locked {h2d_bandwidth(buffers[0]):6.1f} GB/s")
    ordinary = torch.empty(nbytes, dtype=torch.uint8).fill_(1)
    print(f"host to device, ordinary    {h2d_bandwidth(ordinary):6.1f} GB/s")
    for threads in (1, 4, 8, 16):
        torch.set_num_threads(threads)
        seconds = min(_seconds(lambda: buffers[0].copy_(ordinary)) for _ in range(3))
        print(f"host to host, {threads:2d} threads    {nbytes / GB / seconds:6.1f} GB/s")


def files(options: argparse.Namespace) -> None:
    """Ways from a file in the page cache to the device, each over a mapping of its own."""
    path = Path(options.place[0]) / "noise.bin"
    nbytes, piece = 4 * 2**30, 64 * 2**20
    noise = torch.randint(0, 256, (piece,), dtype=torch.uint8, device=DEVICE).cpu().numpy()
    with path.open("wb") as file:
        for _ in range(nbytes // piece):
            file.write(noise)
    target = torch.empty(nbytes, dtype=torch.uint8, device=DEVICE)
    ring = [page_locked(piece, DEVICE) for _ in range(8)]

    def mapped() -> torch.Tensor:
        return torch.from_file(str(path), shared=False, size=nbytes, dtype=torch.uint8)

    def straight() -> None:
        target.copy_(mapped())

    def through_ring() -> None:
        source = mapped()
        for start in range(0, nbytes, piece):
            buffer = ring[start // piece % 8]
            buffer.copy_(source[start : start + piece])
            target[start : start + piece].copy_(buffer)

    def populated() -> None:
        source = mapped()
        libc = ctypes.CDLL(None, use_errno=True)
        step = 256 * 2**20
        with ThreadPoolExecutor(8) as pool:
            codes = pool.map(
                lambda start: libc.madvise(
                    ctypes.c_void_p(source.data_ptr() + start), ctypes.c_size_t(step), 22
                ),
                range(0, nbytes, step),
            )
        print("  madvise:", set(codes), end=" ")
        for start in range(0, nbytes, piece):
            buffer = ring[start // piece % 8]
            buffer.copy_(source[start : start + piece])
            target[start : start + piece].copy_(buffer)

    def read(threads: int) -> None:
        def one(index: int) -> None:
            with path.open("rb", buffering=0) as file:
                for start in range(index * piece, nbytes, threads * piece):
                    file.seek(start)
                    file.readinto(memoryview(ring[index].numpy()))
                    target[start : start + piece].copy_(ring[index], non_blocking=True)
                    torch.cuda.current_stream().synchronize()

        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(one, range(threads)))

    ways: dict[str, Callable[[], None]] = {
        "mapped, straight": straight,
        "mapped, ring": through_ring,
        "mapped, populated, ring": populated,
        "read, 1 thread": partial(read, 1),
        "read, 4 threads": partial(read, 4),
        "read, 8 threads": partial(read, 8),
    }
    for name, way in ways.items():
        speeds = [nbytes / GB / _seconds(way) for _ in range(2)]
        print(f"file to device, {name:24s} {speeds[0]:5.1f} {speeds[1]:5.1f} GB/s", flush=True)
    path.unlink()


def h2d_bandwidth(source: torch.Tensor) -> float:
    """GB/s of copies to the device."""
    target = torch.empty(len(source), dtype=torch.uint8, device=DEVICE)
    times = [_seconds(lambda: target.copy_(source, non_blocking=True)) for _ in range(6)]
    return source.nbytes / GB / statistics.median(times[1:])


def forward(options: argparse.Namespace) -> None:
    """One configuration of the transformer."""
    variant = variant_named(options.place[0])
    size = FrameSize.parse(options.place[1])
    components, load_seconds = _load(variant.name, options, ("fusion",))
    fusion = cast("FusionModel", components.modules["fusion"])
    host = _host_memory()
    noise = draw_noise(variant, size, 0, NoiseSource.CPU, DEVICE)
    dtype = torch.bfloat16
    video, audio = noise.video.to(dtype), noise.audio.to(dtype)
    generator = torch.Generator(DEVICE).manual_seed(1)
    texts = torch.randn(1, 60, 4096, device=DEVICE, dtype=dtype, generator=generator)
    timestep = torch.full((1,), 500, device=DEVICE)
    torch.cuda.reset_peak_memory_stats()
    with _watching_smi() as most, torch.inference_mode():
        entered = time.perf_counter()
        with components.on_device(fusion):
            torch.cuda.synchronize()
            entered = time.perf_counter() - entered

            def step() -> None:
                fusion(video, audio, timestep, texts, texts)
                fusion(video, audio, timestep, texts, texts, skip_layer=11)

            step()
            result = fusion(video, audio, timestep, texts, texts, skip_layer=11)[0]
            digest = hashlib.sha256(result.float().cpu().numpy().tobytes()).hexdigest()[:8]
            times = [_seconds(step) / 2 for _ in range(options.repeats)]
            reserved = torch.cuda.max_memory_reserved()
            allocated = torch.cuda.max_memory_allocated()
            time.sleep(0.3)
    largest = torch.empty(365_000_000, dtype=torch.uint8, pin_memory=True)
    bandwidth = h2d_bandwidth(largest)
    streamed = _streamed_bytes(fusion, options)
    print(
        f"{options.place[0]} {options.place[1]} {options.precision} {options.offload}"
        f"/{options.host_memory} resident={options.resident_blocks} chunk={options.token_chunk} "
        f"limit={options.limit_gb}: forward {statistics.median(times):.3f} s "
        f"[{min(times):.3f} {max(times):.3f}], h2d {bandwidth:.1f} GB/s, streamed "
        f"{streamed / GB:.2f} GB = {streamed / GB / bandwidth:.3f} s; allocated "
        f"{allocated / GB:.2f} reserved {reserved / GB:.2f} nvidia-smi {most():.2f} GB; load "
        f"{load_seconds:.1f} s, enter {entered:.2f} s, host {host}, result {digest}",
        flush=True,
    )


def load(options: argparse.Namespace) -> None:
    """Loads all models from a folder, twice over a warm cache."""
    for _ in range(2):
        components, seconds = _load(options.place[0], options, MODEL_NAMES)
        print(
            f"load {options.place[0]} {options.precision} {options.offload}/{options.host_memory}: "
            f"{seconds:.1f} s, {_host_memory()}, "
            f"device {torch.cuda.memory_allocated() / GB:.1f} GB",
            flush=True,
        )
        del components
        torch.cuda.empty_cache()


def text(options: argparse.Namespace) -> None:
    """Three texts in one visit of the text encoder."""
    components, seconds = _load(options.place[0], options, ("text_encoder",))
    encoder = cast("TextEncoder", components.modules["text_encoder"])
    batches = [ByteTokenizer(512).encode(["word " * n]) for n in (60, 8, 6)]
    with _watching_smi() as most, torch.inference_mode():

        def encode() -> None:
            with components.on_device(encoder):
                embed_separately(encoder, batches, DEVICE)

        times = [_seconds(encode) for _ in range(3)]
        reserved = torch.cuda.max_memory_reserved()
        time.sleep(0.3)
    print(
        f"text {options.text_precision} {options.offload}: first {times[0]:.2f} s, then "
        f"{times[-1]:.2f} s; reserved {reserved / GB:.2f} nvidia-smi {most():.2f} GB, load "
        f"{seconds:.1f} s, {_host_memory()}",
        flush=True,
    )


def _load(
    variant: str, options: argparse.Namespace, names: Collection[str]
) -> tuple[Components, float]:
    placement = Placement(
        device="cuda",
        offload=Offload(options.offload),
        host_memory=HostMemory(options.host_memory),
        resident_blocks=options.resident_blocks,
        token_chunk=options.token_chunk,
    )
    precision = Precision(
        transformer=TransformerPrecision(options.precision),
        text_encoder=TransformerPrecision(options.text_precision),
        video_vae=TransformerPrecision("bf16"),
    )
    start = time.perf_counter()
    components = load_components(
        names,
        variant_named(variant),
        precision,
        placement,
        DEVICE,
        options.ckpt_dir,
        use_random_weights=options.ckpt_dir is None,
    )
    torch.cuda.synchronize()
    return components, time.perf_counter() - start


def _streamed_bytes(fusion: FusionModel, options: argparse.Namespace) -> int:
    """Bytes of blocks that a forward pass brings in: the mean of one with and one without skip."""
    if options.offload != "blocks":
        return 0
    blocks = fusion.video_model.blocks, fusion.audio_model.blocks
    one = sum(t.nbytes for branch in blocks for t in branch[0].state_dict().values())
    return int(one * (len(blocks[0]) - options.resident_blocks))


def _seconds(work: Callable[[], object]) -> float:
    torch.cuda.synchronize()
    start = time.perf_counter()
    work()
    torch.cuda.synchronize()
    return time.perf_counter() - start


def _host_memory() -> str:
    """Of this process, in GB: memory of its own (page-locked included), and mapped files."""
    lines = Path("/proc/self/status").read_text().splitlines()
    values = {line.split(":")[0]: int(line.split()[1]) for line in lines if line.startswith("Rss")}
    own = (values["RssAnon"] + values["RssShmem"]) * 1024 / GB
    return f"own {own:.1f} GB, mapped {values['RssFile'] * 1024 / GB:.1f} GB"


@contextmanager
def _watching_smi() -> Iterator[Callable[[], float]]:
    """Asks nvidia-smi all the while; the result gives the most GB it showed."""
    seen, stop = [0.0], threading.Event()

    def watch() -> None:
        while not stop.is_set():
            seen.append(_smi_used())
            time.sleep(0.2)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield lambda: max(seen)
    finally:
        stop.set()
        thread.join()


def _smi_used() -> float:
    """GB that nvidia-smi shows for this process, or for the whole card where it lists none."""
    query = "--query-compute-apps=pid,used_memory", "--format=csv,noheader,nounits"
    answer = subprocess.run(["nvidia-smi", *query], capture_output=True, text=True, check=False)
    rows = [line.split(",") for line in answer.stdout.splitlines() if "," in line]
    own = [row[1] for row in rows if row[0].strip() == str(os.getpid())]
    if not own:
        query = "--query-gpu=memory.used", "--format=csv,noheader,nounits"
        answer = subprocess.run(["nvidia-smi", *query], capture_output=True, text=True, check=False)
        own = answer.stdout.splitlines()[:1]
    return float(own[0]) * 2**20 / GB if own and own[0].strip().isdecimal() else 0.0


if __name__ == "__main__":
    main()
