"""Kills followers, keepers and workers of a queue at random moments, and looks at what is left.

`python -m tests.studio.render.killing FOLDER fake|real CLIPS GPUS` is one follower of a set of
clips.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from ovi.media import read_recipe, sidecar_path
from ovi_studio.actions.rendering import render_tasks
from ovi_studio.project.layout import ProjectLayout
from ovi_studio.render.job import ALLOWED_MOVES, JobStatus
from ovi_studio.render.launch import WORKER_COMMAND, kill_worker
from ovi_studio.render.queue import RenderQueue

from .fake_worker import COMMAND
from .tasks import forced, make_task

ROOT = Path(__file__).parents[3]
COMMANDS = {"fake": COMMAND, "real": WORKER_COMMAND}


def tasks_in(folder, num_clips, gpus=1):
    tasks = [make_task(folder, "brisk", row=str(row), seed=row) for row in range(1, num_clips + 1)]
    return [replace(task, gpus=gpus) for task in tasks]


def follow(folder, kind, num_clips, gpus=1):
    """Renders the set; anew if it is complete, so that there is always something to disturb."""
    tasks = tasks_in(folder, num_clips, gpus)
    if all(task.output.exists() for task in tasks):
        tasks = [forced(task) for task in tasks]
    return render_tasks(
        tasks, ProjectLayout(folder), on_event=lambda _: None, worker_command=COMMANDS[kind]
    )


def kill_at_random(folder, kind, *, num_clips, num_kills, seed, longest, gpus=2):
    """Kills that many processes that were alive, each after up to `longest` seconds.

    Two followers and a keeper share the queue, with `gpus` workers. Returns how often each kind was
    hit. What still runs in the end is killed as well.
    """
    chance = random.Random(seed)
    path = ProjectLayout(folder).state.queue_path
    follower = [sys.executable, "-m", "tests.studio.render.killing", str(folder), kind]
    keep = f"from ovi_studio.render import keeper\nkeeper.main(worker_command={COMMANDS[kind]!r})"
    commands = {
        "follower": [*follower, str(num_clips), str(gpus)],
        "other follower": [*follower, str(num_clips), str(gpus)],
        "keeper": [sys.executable, "-c", keep, "--queue", str(path)],
    }
    processes, hit = {}, Counter()
    victims = _victims(num_kills, list(commands), chance)
    try:
        while victims:
            for name, command in commands.items():
                is_wanted = name != "keeper" or path.is_file()
                if is_wanted and (name not in processes or processes[name].poll() is not None):
                    processes[name] = subprocess.Popen(command, cwd=ROOT)
            time.sleep(chance.uniform(0, longest))
            alive = [name for name in processes if processes[name].poll() is None]
            # A process may live too briefly to be met: the first victim that is alive gets it.
            for victim in dict.fromkeys(victims):
                if victim == "worker":
                    was_hit = path.is_file() and kill_a_worker(path, chance)
                else:
                    was_hit = victim in alive
                if was_hit and victim != "worker":
                    processes[victim].send_signal(signal.SIGKILL)
                    processes[victim].wait()
                if was_hit:
                    hit[victim] += 1
                    victims.remove(victim)
                    break
    finally:
        for process in processes.values():
            process.kill()
            process.wait()
        with RenderQueue(path) as queue:
            for worker in queue.workers():
                kill_worker(worker.pid)
    return hit


def _victims(num_kills, names, chance):
    """Who is to be killed, in random order: half of them workers, the others by turns."""
    others = [names[number % len(names)] for number in range(num_kills // 2)]
    victims = [*others, *["worker"] * (num_kills - len(others))]
    chance.shuffle(victims)
    return victims


def kill_a_worker(path, chance):
    """Kills the process alone, so that its ffmpeg becomes an orphan; says whether it was alive."""
    with RenderQueue(path) as queue:
        workers = queue.workers()
        chance.shuffle(workers)
        for worker in workers:
            with suppress(ProcessLookupError):
                os.kill(worker.pid, signal.SIGKILL)
                return 1
    return 0


def complaints(folder, num_clips):
    """All that is not as it should be after a clean run of the whole set, as sentences."""
    found = []
    tasks = tasks_in(folder, num_clips)
    clips = sorted(folder.glob("*.mp4"))
    if clips != sorted(task.output for task in tasks):
        found.append(f"the clips are {[clip.name for clip in clips]}")
    identities = Counter()
    for clip in clips:
        recipe = read_recipe(clip)  # raises for half a file
        identities[recipe["identity"]] += 1
        if json.loads(sidecar_path(clip).read_text()) != recipe:
            found.append(f"{clip.name} and its sidecar differ")
        decoded = subprocess.run(
            [ffmpeg(), "-v", "error", "-i", clip, "-f", "null", "-"], capture_output=True
        )
        if decoded.returncode or decoded.stderr:
            found.append(f"{clip.name} is damaged: {decoded.stderr!r}")
    found += [f"{name} twice" for name, number in identities.items() if number > 1]
    found += [f"{path.name} is left over" for path in folder.glob(".*.part")]
    with RenderQueue(ProjectLayout(folder).state.queue_path, is_checked=True) as queue:
        jobs = queue.jobs()
        if [job.id for job in jobs] != list(range(1, len(jobs) + 1)):
            found.append(f"jobs were lost: {[job.id for job in jobs]}")
        done = {job.task.identity for job in jobs if job.status is JobStatus.DONE}
        if done != {task.identity for task in tasks}:
            found.append("not every clip has a job that is DONE")
        for job in jobs:
            events = queue.events(job.id)
            if not job.status.is_finished or events[-1].status is not job.status:
                found.append(f"job {job.id} is {job.status}")
            moves = pairwise(events)
            if any(after.status not in ALLOWED_MOVES[before.status] for before, after in moves):
                found.append(f"job {job.id} moved where it must not: {events}")
    return found


def ffmpeg():
    import imageio_ffmpeg

    return imageio_ffmpeg.get_ffmpeg_exe()


if __name__ == "__main__":
    follow(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
