"""How fast one clip is on one and on two GPUs of a host, with full-size random weights.

    python -m tests.benchmarks.parallel_speed single OUT.json VARIANT    one GPU; one rank's compute
    python -m tests.benchmarks.parallel_speed guidance OUT.json  two: a pass of guidance each
    python -m tests.benchmarks.parallel_speed ulysses OUT.json   two: both share both passes
    python -m tests.benchmarks.parallel_speed exchange OUT.json  two: the exchanges alone

`single` leaves latents and frames in a folder for the others to compare theirs with. What the
figures mean for four and eight GPUs is computed by `docs/parallel_projection.py`.
"""

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

import ovi.parallel
from ovi.media import ClipWriter
from ovi.noise import draw_noise
from ovi.parallel import sequence
from ovi.parallel.blocks import plain_run, two_stream_run
from ovi.parallel.group import RankGroup
from ovi.parallel.layout import Layout
from ovi.parallel.strips import ROWS, Strips
from ovi.parallel.velocity import shared_velocity
from ovi.pipeline import OviPipeline, Progress
from ovi.runtime.models import load_models
from ovi.spec.geometry import FrameSize
from ovi.spec.placement import Placement
from ovi.spec.request import ClipRequest, Guidance, NoiseSource, Precision, Sampling
from ovi.spec.request import TransformerPrecision as Format
from ovi.spec.variants import Variant, variant_named
from ovi.types import Latents, TextEmbeddings
from tests.benchmarks import either_way

SIZES = {"720x720_5s": (FrameSize(704, 704), 10), "960x960_10s": (FrameSize(704, 1280), 2)}
"""By variant: the frame, and the steps of a timed clip (50 are computed from them)."""

FIRST = next(iter(SIZES))
"""What is compared in numbers, too."""

DEVICE = "cuda"
PRECISION = Precision(transformer=Format.BF16, text_encoder=Format.BF16, video_vae=Format.FP32)
PROMPT = "A woman on a windy pier says, <S>The boats come home tonight.<E> Audio: waves, gulls."
PASS_REPEATS = 2
EXCHANGE_REPEATS = 20
DIM, HEADS = 3072, 24


def main() -> int:
    mode, out = sys.argv[1], Path(sys.argv[2])
    if mode == "exchange":
        report = lead_exchanges(out)
    else:
        report = {"single": single, "guidance": guidance, "ulysses": ulysses}[mode](out.parent)
    if report is not None:
        report["machine"] = f"{torch.cuda.get_device_name(0)}, torch {torch.__version__}"
        out.write_text(json.dumps(report, indent=1))
        print(json.dumps(report, indent=1))
    return 0


def single(folder: Path) -> dict[str, Any]:
    name = sys.argv[3]
    variant, (size, steps) = variant_named(name), SIZES[name]
    device = torch.device(DEVICE, 0)
    placement = Placement(device=DEVICE)
    models, load = timed(
        lambda: load_models(variant, PRECISION, placement, device, None, use_random_weights=True)
    )
    while (flag := os.environ.get("WAIT_FOR")) and not Path(flag).exists():
        time.sleep(0.1)
    pipeline = OviPipeline(variant, models, placement)
    passes = {f"pass_of_{peers}": measure_pass(pipeline, size, peers) for peers in (1, 2, 4)}
    if name == FIRST:
        passes["pass_one_stream"] = measure_pass(pipeline, size, 1, is_plain=True)
        measure_clip(pipeline, request_of(name, size, 1))
    report = {
        "load": load,
        name: {**passes, "clip": measure_clip(pipeline, request_of(name, size, steps))},
    }
    if name == FIRST:
        torch.save(sample_of(pipeline, size), folder / "one_gpu.pt")
    return report


def guidance(folder: Path) -> dict[str, Any]:
    pipeline, load = timed(lambda: load_pair(Layout(2, 2)))
    report: dict[str, Any] = {"load": load}
    for name, (size, steps) in SIZES.items():
        pipeline.variant = variant_named(name)
        if name == FIRST:
            report["cancelled"] = cancel(pipeline, request_of(name, size, 4))
            measure_clip(pipeline, request_of(name, size, 1))
        report[name] = {"clip": measure_clip(pipeline, request_of(name, size, steps))}
        if name == FIRST:
            report["against_one_gpu"] = compare(folder, sample_of(pipeline, size))
    if os.environ.get("KILL"):
        report["killed"] = kill(pipeline, request_of(name, size, 4))
    return report


def ulysses(folder: Path) -> dict[str, Any]:
    either_way.install()
    command = (sys.executable, "-m", "tests.benchmarks.either_way")
    pipeline, load = timed(lambda: load_pair(Layout(2, 1), rank_command=command))
    report: dict[str, Any] = {"load": load}
    for name, (size, _) in SIZES.items():
        pipeline.variant = variant_named(name)
        steps = 4 if name == FIRST else 2
        report[name] = {"warm_up": measure_denoise(pipeline, size, 1, 11)}
        report[name]["step"] = measure_denoise(pipeline, size, steps, 11)
        report[name]["step_unskipped"] = measure_denoise(pipeline, size, steps // 2, None)
        report[name]["step_together"] = measure_denoise(
            pipeline, size, steps // 2, either_way.TOGETHER
        )
        if name == FIRST:
            report["against_one_gpu"] = compare(folder, sample_of(pipeline, size))
    pipeline.close()
    return report


def load_pair(layout: Layout, **options: Any) -> Any:
    return ovi.parallel.load_pipeline(
        FIRST,
        PRECISION,
        Placement(device=DEVICE, num_gpus=2),
        None,
        layout=layout,
        use_random_weights=True,
        **options,
    )


def request_of(name: str, size: FrameSize, steps: int) -> ClipRequest:
    return ClipRequest(
        text=PROMPT,
        variant=name,
        size=size,
        sampling=Sampling(num_steps=steps),
        precision=PRECISION,
    )


def measure_clip(pipeline: OviPipeline, request: ClipRequest) -> dict[str, float]:
    """A clip from its request to its MP4, in seconds; `fifty` is what 50 steps would take."""
    marks: dict[str, float] = {}

    def watch(progress: Progress) -> None:
        marks.setdefault(progress.stage, time.perf_counter())

    torch.cuda.reset_peak_memory_stats()
    start = time.perf_counter()
    stream = pipeline.render(request, on_progress=watch)
    sounded = time.perf_counter()
    with (
        tempfile.TemporaryDirectory() as folder,
        ClipWriter(
            Path(folder) / "clip.mp4",
            size=stream.size,
            num_frames=stream.num_frames,
            fps=stream.fps,
            sample_rate=stream.sample_rate,
            waveform=stream.waveform,
            recipe={},
        ) as writer,
    ):
        for frames in stream.frames:
            writer.write(frames)
        decoded = time.perf_counter()
    end = time.perf_counter()
    steps = request.sampling.num_steps
    step = (marks["audio"] - marks["denoise"]) / steps
    return {
        "text": marks["denoise"] - start,
        "step": step,
        "sound": sounded - marks["audio"],
        "picture": decoded - sounded,
        "finish": end - decoded,
        "total": end - start,
        "fifty": end - start + (50 - steps) * step,
        "peak_gib": torch.cuda.max_memory_allocated() / 2**30,
    }


def denoise(pipeline: OviPipeline, size: FrameSize, steps: int, skip_layer: int | None) -> Latents:
    texts = [pipeline.encode_text(text)[0] for text in (PROMPT, "", "noise")]
    noise = draw_noise(pipeline.variant, size, 7, NoiseSource.CPU, pipeline.device)
    return pipeline.denoise_latents(
        TextEmbeddings(*texts),
        noise,
        None,
        Sampling(num_steps=steps),
        Guidance(skip_layer=skip_layer),
    )


def measure_denoise(
    pipeline: OviPipeline, size: FrameSize, steps: int, skip_layer: int | None
) -> float:
    """Seconds of a step, the texts' keys and values and the way to the ranks included."""
    return timed(lambda: denoise(pipeline, size, steps, skip_layer))[1] / steps


def sample_of(pipeline: OviPipeline, size: FrameSize) -> dict[str, torch.Tensor]:
    """Latents after 4 steps, and the first nine frames of the noise they began as."""
    latents = denoise(pipeline, size, 4, 11)
    noise = draw_noise(pipeline.variant, size, 7, NoiseSource.CPU, pipeline.device)
    frames = torch.cat(list(pipeline.decode_video(noise.video[:, :, :3])), dim=2)
    return {
        "video": latents.video.cpu(),
        "audio": latents.audio.cpu(),
        "frames": frames.cpu(),
    }


def compare(folder: Path, ours: dict[str, torch.Tensor]) -> dict[str, float]:
    """max|a-b| / max|b| against what one GPU left."""
    path = folder / "one_gpu.pt"
    if not path.exists():
        return {}
    theirs = torch.load(path)
    return {
        name: float((ours[name] - theirs[name]).abs().max() / theirs[name].abs().max())
        for name in theirs
    }


def cancel(pipeline: OviPipeline, request: ClipRequest) -> str:
    """Stops after a step; what comes after shows that the ranks are still of use."""

    def stop(progress: Progress) -> None:
        if progress.stage == "denoise" and progress.step == 1:
            raise KeyError("stop")

    try:
        pipeline.render(request, on_progress=stop)
    except KeyError:
        return "the caller's own error came back"
    return "nothing was raised"


def kill(pipeline: Any, request: ClipRequest) -> dict[str, Any]:
    """Kills the other rank in the middle of a step."""
    killed: list[float] = []

    def strike(progress: Progress) -> None:
        if progress.stage == "denoise" and progress.step == 1:
            os.kill(pipeline._ranks._processes[0].pid, signal.SIGKILL)
            killed.append(time.perf_counter())

    try:
        pipeline.render(request, on_progress=strike)
    except Exception as error:
        seconds = time.perf_counter() - killed[0]
        return {"seconds": seconds, "error": f"{type(error).__name__}: {str(error)[:200]}"}
    return {"error": "nothing was raised"}


def measure_pass(
    pipeline: OviPipeline, size: FrameSize, num_peers: int, *, is_plain: bool = False
) -> float:
    """Seconds in which one of `num_peers` ranks computes its share of a positive pass.

    Its exchanges take no time: what they would bring is random numbers that lie there already.
    """
    model, device = pipeline.models.fusion, pipeline.device
    group: Any = SimpleNamespace(
        layout=Layout(2 * num_peers, 2),
        rank=0,
        peers=None if num_peers == 1 else object(),
        sequence_rank=0,
    )
    noise = draw_noise(pipeline.variant, size, 0, NoiseSource.CPU, device)
    video, audio = noise.video.bfloat16(), noise.audio.bfloat16()
    text = pipeline.encode_text(PROMPT)[0]
    usual = sequence.start_exchange, sequence.gather_from_peers
    sequence.start_exchange, sequence.gather_from_peers = arrived_before(), repeated
    try:
        with (
            torch.inference_mode(),
            shared_velocity(
                model,
                group,
                plain_run(model) if is_plain else two_stream_run(model, device),
                TextEmbeddings(text, text, text),
                Guidance(),
                torch.bfloat16,
                video.shape,
                first_frame_is_clean=False,
            ) as velocity,
        ):
            timestep = torch.full((1,), 500, device=device)
            return median_seconds(
                lambda: velocity._run_pass(velocity.texts[0], video, audio, timestep),
                PASS_REPEATS,
            )
    finally:
        sequence.start_exchange, sequence.gather_from_peers = usual


def arrived_before() -> Callable[..., Any]:
    """An exchange that brings random numbers at once, the same ones for each size."""
    kept: dict[int, torch.Tensor] = {}

    def start(sent: torch.Tensor, _sizes: Any, wanted: Any, _group: Any) -> Any:
        if sum(wanted) not in kept:
            kept[sum(wanted)] = torch.randn_like(sent.new_empty(sum(wanted)))
        return SimpleNamespace(wait=lambda: kept[sum(wanted)])

    return start


def repeated(tensor: torch.Tensor, num_peers: int, _group: Any) -> torch.Tensor:
    return tensor.expand(num_peers, *tensor.shape).contiguous()


def lead_exchanges(out: Path) -> dict[str, Any] | None:
    """Both ranks run `measure_exchanges`; the second is started here."""
    if len(sys.argv) > 3:
        measure_exchanges(1, Path(sys.argv[3]))
        return None
    with tempfile.TemporaryDirectory() as folder:
        meeting = Path(folder) / "meeting"
        command = [sys.executable, "-m", "tests.benchmarks.parallel_speed", "exchange", str(out)]
        other = subprocess.Popen([*command, str(meeting)])
        try:
            return measure_exchanges(0, meeting)
        finally:
            other.wait(60)


def measure_exchanges(rank: int, meeting: Path) -> dict[str, Any]:
    """Milliseconds of each kind of exchange between two ranks, and of what else they share."""
    device = torch.device(DEVICE, rank)
    group = RankGroup(Layout(2, 1), rank, device, meeting)
    group.greet()
    assert group.peers is not None
    report: dict[str, Any] = {}
    for name, (size, _) in SIZES.items():
        variant = variant_named(name)
        tokens = tokens_of(variant, size)
        share = sequence.TokenShare.of(group.peers, rank, 2, tokens, HEADS)
        own = share.tokens[rank]
        x = torch.randn(1, own, HEADS, DIM // HEADS, device=device, dtype=torch.bfloat16)
        wide = torch.cat((x, x, x), dim=-1)
        q = torch.randn(1, variant.num_audio_latents, HEADS, DIM // HEADS, device=device).bfloat16()
        rows, columns = size.latent_shape
        strips = Strips(group, ROWS, (rows // 2, rows - rows // 2))
        strip = torch.randn(1, 4, rows * 4, columns * 8, 256, device=device)
        velocity = torch.randn(1, tokens * 192 // 2, device=device, dtype=torch.bfloat16)

        def there_and_back(x: torch.Tensor = x, share: Any = share) -> torch.Tensor:
            heads = share.arrived_heads(share.start_to_heads(x))
            return share.arrived_tokens(share.start_to_tokens(heads), x.shape[-1])

        def three(x: torch.Tensor = x, share: Any = share) -> None:
            for pending in [share.start_to_heads(x) for _ in range(3)]:
                pending.wait()

        kinds: dict[str, Callable[[], Any]] = {
            "one_to_heads": lambda x=x, s=share: s.arrived_heads(s.start_to_heads(x)),
            "there_and_back": there_and_back,
            "three_to_heads": three,
            "three_together": lambda w=wide, s=share: s.arrived_heads(s.start_to_heads(w)),
            "sound_reads_picture": lambda q=q, x=x, s=share: sequence._attend_to_shares(s, q, x, x),
            "gather_velocity": lambda v=velocity: group.gather(v),
            "borders": lambda t=strip, s=strips: s.with_borders(t),
        }
        found = {
            kind: 1000 * median_seconds(work, EXCHANGE_REPEATS) for kind, work in kinds.items()
        }
        sent = own * DIM  # half of the heads, two bytes each
        found["sent_megabytes_of_one"] = sent / 1e6
        found["gigabytes_a_second"] = 3 * sent / 1e6 / found["three_together"]
        report[name] = found
    group.close()
    return report


def tokens_of(variant: Variant, size: FrameSize) -> int:
    rows, columns = size.latent_shape
    return variant.num_video_latents * (rows // 2) * (columns // 2)


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    result = work()
    torch.cuda.synchronize()
    return result, time.perf_counter() - start


def median_seconds(work: Callable[[], Any], repeats: int) -> float:
    """After a warm-up."""
    work()
    torch.cuda.synchronize()
    return statistics.median(timed(work)[1] for _ in range(repeats))


if __name__ == "__main__":
    sys.exit(main())
