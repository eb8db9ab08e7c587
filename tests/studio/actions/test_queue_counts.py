"""The numbers of the queue that every screen shows."""

from ovi_studio.actions.queue_counts import QueueCounts, count_queue
from ovi_studio.project.layout import ProjectLayout
from ovi_studio.render.queue import RenderQueue
from tests.studio.render.tasks import make_task


def test_jobs_are_counted_by_what_becomes_of_them(tmp_path):
    layout = ProjectLayout(tmp_path)
    with RenderQueue(layout.state.queue_path) as queue:
        queue.add([make_task(tmp_path, seed=seed) for seed in range(1, 6)])
        queue.settle(1, "the clip was there already")
        queue.fail(2, "The latents are not finite.", traceback="", log_tail="")
        queue.pause()
        counts = count_queue(layout)
    assert counts == QueueCounts(waiting=3, running=0, failed=1, done=1, is_paused=True)
    assert counts.unfinished == 3


def test_no_queue_is_made_and_a_damaged_one_counts_as_empty(tmp_path):
    layout = ProjectLayout(tmp_path)
    assert count_queue(layout) == QueueCounts()
    assert not layout.state.path.exists()
    layout.state.path.mkdir()
    layout.state.queue_path.write_bytes(b"no database at all" * 100)
    assert count_queue(layout) == QueueCounts()
