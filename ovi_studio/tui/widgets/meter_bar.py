"""The lines above the queue: GPUs or processor and memory with their last minute, throughput."""

from collections import deque
from collections.abc import Sequence
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual.widgets import Static

from ovi.spec.machine import Gpu
from ovi_studio.actions.metering import Meters
from ovi_studio.actions.queue_watching import QueueSnapshot
from ovi_studio.render.job import JobStatus
from ovi_studio.report.durations import duration_text
from ovi_studio.report.queue_watch import rate_text

NUM_KEPT = 60
MAX_GPU_LINES = 4
_STATE_NOUNS = {
    JobStatus.PENDING: "waiting",
    JobStatus.RUNNING: "running",
    JobStatus.CANCELLING: "stopping",
    JobStatus.DONE: "done",
    JobStatus.FAILED: "failed",
    JobStatus.CANCELLED: "cancelled",
}
_EIGHTHS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float | None], width: int) -> str:
    """The last values, 0 to 1, as so many columns of different height; blank where unknown."""
    shown = list(values)[-width:]
    signs = ["" if v is None else _EIGHTHS[min(7, int(max(0.0, v) * 8))] for v in shown]
    return "".join(sign or " " for sign in signs).rjust(width)


class MeterBar(Static):
    """How busy the machine is, and how the queue gets on."""

    DEFAULT_CSS = """
    MeterBar {
        height: auto; padding: 0 1; background: $surface;
        text-wrap: nowrap; text-overflow: ellipsis;
        & .meter--low { color: $text-success; background: $panel; }
        & .meter--high { color: $text-warning; background: $panel; }
        & .meter--full { color: $text-error; background: $panel; }
        & .meter--good { color: $text-success; }
        & .meter--bad { color: $text-error; }
        & .meter--word { text-style: dim; }
        & .meter--call { background: $warning; color: $background; text-style: bold; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "meter--low", "meter--high", "meter--full", "meter--good", "meter--bad", "meter--word",
        "meter--call",
    }  # fmt: skip

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__("", id=id)
        self._past: dict[str, deque[float | None]] = {}
        self._meters: Meters | None = None
        self._snapshot: QueueSnapshot | None = None

    def show_meters(self, meters: Meters) -> None:
        """Takes a reading."""
        self._meters = meters
        self._keep("processor", meters.processor_share)
        self._keep("ram", _share(meters.ram_used_bytes, meters.ram_total_bytes))
        for gpu in meters.gpus:
            self._keep(f"gpu{gpu.index}", gpu.utilisation)
            self._keep(f"vram{gpu.index}", _share(gpu.used_bytes, gpu.total_bytes))
        self._draw()

    def show_queue(self, snapshot: QueueSnapshot) -> None:
        """Takes a look at the queue."""
        if snapshot != self._snapshot:
            self._snapshot = snapshot
            self._draw()

    def on_resize(self) -> None:
        self._draw()

    def _keep(self, name: str, value: float | None) -> None:
        self._past.setdefault(name, deque(maxlen=NUM_KEPT)).append(value)

    def _draw(self) -> None:
        lines = [] if self._meters is None else self._meter_lines(self._meters)
        if self._snapshot is not None:
            lines.append(self._queue_line(self._snapshot))
        self.update(Text("\n").join(lines))

    def _meter_lines(self, meters: Meters) -> list[Text]:
        width = 8 if self.size.width < 100 else 16
        lines = [self._gpu_line(gpu, width) for gpu in meters.gpus[:MAX_GPU_LINES]]
        if len(meters.gpus) > MAX_GPU_LINES:
            lines[-1].append(
                f"   and {len(meters.gpus) - MAX_GPU_LINES + 1} more", self._style("word")
            )
        if meters.gpus and self.size.height and self.app.size.height < 30:
            return lines
        host = Text()
        if meters.processor_share is not None:
            self._add(host, "CPU", "processor", width, f"{meters.processor_share:4.0%}")
        if meters.ram_total_bytes is not None and meters.ram_used_bytes is not None:
            amount = _amount(meters.ram_used_bytes, meters.ram_total_bytes)
            self._add(host, "RAM", "ram", width, amount)
        if host:
            lines.append(host)
        return lines

    def _gpu_line(self, gpu: Gpu, width: int) -> Text:
        line = Text(no_wrap=True)
        busy = "   ?" if gpu.utilisation is None else f"{gpu.utilisation:4.0%}"
        self._add(line, f"GPU {gpu.index}", f"gpu{gpu.index}", width, busy)
        amount = _amount(gpu.used_bytes, gpu.total_bytes)
        self._add(line, "VRAM", f"vram{gpu.index}", width, amount)
        return line.append(gpu.name, self._style("word"))

    def _add(self, line: Text, label: str, name: str, width: int, amount: str) -> None:
        past = self._past.get(name, ())
        level = next((value for value in reversed(list(past)) if value is not None), 0.0)
        kind = "full" if level > 0.95 else "high" if level > 0.8 else "low"
        line.append(f"{label} ", self._style("word")).append(f"{amount} ")
        line.append(sparkline(list(past), width), self._style(kind)).append("  ")

    def _queue_line(self, snapshot: QueueSnapshot) -> Text:
        """The queue: how many jobs in which state, throughput, time left."""
        parts: list[Text] = []
        if snapshot.paused_since is not None:
            parts.append(Text(" paused: p goes on ", self._style("call")))
        elif snapshot.is_stalled:
            parts.append(Text(" nobody renders: p starts ", self._style("call")))
        if snapshot.clips_per_hour is not None:
            parts.append(Text(f"{rate_text(snapshot.clips_per_hour)} clips/hour", "bold"))
        if snapshot.seconds_left is not None:
            parts.append(Text(f"{duration_text(snapshot.seconds_left)} left", "bold"))
        kinds = {JobStatus.FAILED: "bad", JobStatus.DONE: "good"}
        for status in JobStatus:
            if number := snapshot.count(status):
                style = self._style(kinds[status]) if status in kinds else ""
                parts.append(Text(f"{number} {_STATE_NOUNS[status]}", style))
        if snapshot.num_workers:
            noun = "worker" if snapshot.num_workers == 1 else "workers"
            parts.append(Text(f"{snapshot.num_workers} {noun}", self._style("word")))
        if not parts:
            return Text("Nothing in the queue.", self._style("word"))
        return Text(" · ", no_wrap=True, overflow="ellipsis").join(parts)

    def _style(self, kind: str) -> Style:
        return self.get_component_rich_style(f"meter--{kind}", partial=True)

    def notify_style_update(self) -> None:
        """Another theme has other colours."""
        super().notify_style_update()
        if self.is_attached and getattr(self, "_past", None):
            self._draw()


def _share(used: int | None, total: int | None) -> float | None:
    return used / total if used is not None and total else None


def _amount(used: int, total: int) -> str:
    return f"{used / 1e9:5.1f}/{total / 1e9:.0f} GB"
