"""A clip that its disk has no room for fails before it is rendered, with a sentence that helps."""

import shutil

import pytest

from ovi.errors import MediaError
from ovi_studio.actions.rendering import render_tasks
from ovi_studio.project.layout import ProjectLayout
from ovi_studio.render.free_space import clip_bytes, ensure_space

from .tasks import make_task


def leave(monkeypatch, num_bytes):
    usage = shutil.disk_usage("/")._replace(free=num_bytes)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)


def test_a_clip_needs_about_as_much_as_such_clips_take(tmp_path):
    request = make_task(tmp_path).request
    assert 10_000 < clip_bytes(request) < 1_000_000


def test_too_little_room_is_said_with_both_numbers(tmp_path, monkeypatch):
    task = make_task(tmp_path)
    needed = clip_bytes(task.request)
    leave(monkeypatch, needed)
    ensure_space(task.output, task.request)
    leave(monkeypatch, needed - 1)
    with pytest.raises(MediaError, match=r"no space .* 0\.0 MB left.*`ovi gc` helps"):
        ensure_space(task.output, task.request)


def test_nothing_is_queued_for_a_full_disk(tmp_path, monkeypatch):
    leave(monkeypatch, 0)
    with pytest.raises(MediaError, match="no space"):
        render_tasks([make_task(tmp_path)], ProjectLayout(tmp_path), on_event=lambda _: None)
    assert not (tmp_path / ".ovi").exists()
