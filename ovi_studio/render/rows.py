"""Turns tasks, jobs and workers into rows of the queue's tables, and back."""

import json
import os
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ovi.spec.placement import Placement
from ovi.spec.request import ClipRequest
from ovi_studio.render.job import (
    ClipSource,
    Fallback,
    JobStatus,
    RenderJob,
    RenderTask,
    Worker,
)
from ovi_studio.render.moves import time_now

LOG_TAIL_LINES = 20
"""Lines of a worker's log that a failed job keeps."""


def task_columns(task: RenderTask) -> dict[str, Any]:
    """The columns that hold a task."""
    return {
        "identity": task.identity,
        "request": json.dumps(task.request.to_dict()),
        "placement": json.dumps(task.placement.to_dict()),
        "weights": json.dumps(dict(task.weights)),
        "ckpt_dir": None if task.ckpt_dir is None else str(task.ckpt_dir),
        "picture_source": task.picture_source,
        "set_name": task.source.set_name,
        "row_id": task.source.row_id,
        "output": str(task.output),
        "is_forced": int(task.is_forced),
        "gpus": task.gpus,
        "clip_gpus": task.placement.num_gpus,
        "profile": task.profile,
        "fallback": None if task.fallback is None else json.dumps(_fallback_values(task.fallback)),
        "fell_back_from": task.fell_back_from,
    }


def read_job(row: sqlite3.Row) -> RenderJob:
    task = RenderTask(
        identity=row["identity"],
        request=ClipRequest.from_dict(json.loads(row["request"])),
        placement=Placement.from_dict(json.loads(row["placement"])),
        weights=json.loads(row["weights"]),
        ckpt_dir=None if row["ckpt_dir"] is None else Path(row["ckpt_dir"]),
        picture_source=row["picture_source"],
        source=ClipSource(row["set_name"], row["row_id"]),
        output=Path(row["output"]),
        is_forced=bool(row["is_forced"]),
        gpus=row["gpus"],
        profile=row["profile"],
        fallback=None if row["fallback"] is None else _read_fallback(json.loads(row["fallback"])),
        fell_back_from=row["fell_back_from"],
    )
    same = ("id", "attempts", "stage", "step", "num_steps", "worker", "error", "traceback")
    times = ("log_tail", "created", "started", "finished", "seconds", "position")
    return RenderJob(
        task=task,
        status=JobStatus(row["status"]),
        warnings=tuple(json.loads(row["warnings"])),
        **{name: row[name] for name in (*same, *times)},
    )


def read_worker(row: sqlite3.Row) -> Worker:
    return Worker(
        row["name"],
        row["pid"],
        Path(row["log"]),
        row["started"],
        row["heartbeat"],
        row["ended"],
        frozenset(json.loads(row["devices"])),
    )


def log_tail(log: Path) -> str | None:
    """The last lines of a worker's log; None when it has none."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    return "\n".join(lines[-LOG_TAIL_LINES:]) or None


def new_worker(name: str, log: Path, devices: Iterable[str] = ("0",)) -> Worker:
    """This process as a worker that wants those devices to itself."""
    now = time_now()
    return Worker(name, os.getpid(), log, now, now, devices=frozenset(devices))


def _fallback_values(fallback: Fallback) -> dict[str, Any]:
    return {
        "profile": fallback.profile,
        "identity": fallback.identity,
        "request": fallback.request.to_dict(),
        "placement": fallback.placement.to_dict(),
        "weights": dict(fallback.weights),
        "output": str(fallback.output),
    }


def _read_fallback(values: dict[str, Any]) -> Fallback:
    return Fallback(
        profile=values["profile"],
        identity=values["identity"],
        request=ClipRequest.from_dict(values["request"]),
        placement=Placement.from_dict(values["placement"]),
        weights=values["weights"],
        output=Path(values["output"]),
    )
