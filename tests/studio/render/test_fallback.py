"""A render that runs out of memory goes on with the next profile down: a real worker, on nano."""

import pytest

from ovi.media import read_recipe
from ovi.spec.machine import Gpu, Machine, Ram
from ovi.spec.placement import Offload
from ovi.spec.request import TransformerPrecision
from ovi_studio.actions.rendering import RenderOrder, plan_render, render_tasks
from ovi_studio.project.layout import find_layout
from ovi_studio.render.choices import Choices
from ovi_studio.render.events import ClipFellBack
from ovi_studio.render.job import JobStatus
from ovi_studio.render.queue import RenderQueue

from .hungry_worker import COMMAND

CARD = Machine((Gpu(0, "Card", 80 * 10**9, 0),), Ram(64 * 10**9, None))


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def render(folder, **said):
    """Renders one prompt on the full device. Returns its task as planned, its job, the events."""
    order = RenderOrder(["A ball."], Choices(device="cpu", num_steps=1, **said))
    (clip,) = plan_render(order, folder, machine=CARD).clips
    task, events = clip.to_task(is_forced=False), []
    (job,) = render_tasks(
        [task], find_layout(folder), on_event=events.append, worker_command=COMMAND
    )
    return task, job, events


def test_it_is_rendered_once_more_with_the_next_profile_and_said_so(tmp_path):
    task, job, events = render(tmp_path, profile="fast")
    assert job.status is JobStatus.DONE
    assert (job.task.profile, job.task.fell_back_from) == ("24gb", "fast")
    assert job.task.identity == task.fallback.identity != task.identity
    (fell,) = [event for event in events if isinstance(event, ClipFellBack)]
    assert "fast" in fell.reason
    assert "24gb" in fell.reason
    recipe = read_recipe(job.task.output)
    assert recipe["identity"] == task.fallback.identity
    assert recipe["request"]["precision"]["video_vae"] == TransformerPrecision.FP32
    assert recipe["placement"]["offload"] == "blocks"
    assert any("Memory ran out with fast" in warning for warning in recipe["warnings"])
    assert not task.output.exists(), "what was asked for first was never made"
    with RenderQueue(find_layout(tmp_path).state.queue_path) as queue:
        moves = [(move.status, move.reason) for move in queue.events(job.id)]
    assert any(status is JobStatus.PENDING and "24gb" in reason for status, reason in moves[1:])


def test_what_was_asked_for_is_not_taken_for_done(tmp_path):
    task, first, _ = render(tmp_path, profile="fast")
    again, second, _ = render(tmp_path, profile="fast")
    assert again.identity == task.identity
    assert second.id != first.id, "it was tried again"
    assert first.task.output.exists()
    assert not again.output.exists()


def test_without_anything_smaller_it_fails_with_what_to_try(tmp_path):
    task, job, events = render(tmp_path, profile="6gb", offload=Offload.NONE)
    assert task.fallback is None
    assert job.status is JobStatus.FAILED
    assert "ut of memory" in job.error
    assert "OutOfMemoryError" in job.traceback
    assert not [event for event in events if isinstance(event, ClipFellBack)]
