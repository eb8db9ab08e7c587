"""Rewrites against a server that misbehaves; whatever it does, the guarantees are checked."""

from ovi_studio.prompt.parse import parse_prompt

from .fake_server import good, serving
from .projects import KEY, files_with, make_project, rewrite


def check_untouched(results):
    """All but the speech of each row is as it was."""
    for result in results.values():
        before, after = result.task.prompt, parse_prompt(result.text)
        assert after.scene_text == before.scene_text
        assert [c.text for c in after.captions] == [c.text for c in before.captions]
        assert len(after.speeches) == len(before.speeches)
        assert not after.irregularities


def run(tmp_path, behave, *, rows=6, settings=None, **changes):
    """Results, session and requests of a rewrite against a server that behaves like that."""
    with serving(behave) as fake:
        folder = make_project(tmp_path / "p", fake.url, rows=rows, **(settings or {}))
        results, session = rewrite(folder, **changes)
    check_untouched(results)
    assert len(results) == rows * changes.get("num_versions", 1)
    assert not files_with(tmp_path, KEY)
    return results, session, fake


def all_rewritten(results):
    return all(result.is_rewritten for result in results.values())


def first_then_good(*firsts):
    """Answers in order; when they are used up, right ones."""

    def behave(number, request):
        return firsts[number - 1] if number <= len(firsts) else good(request)

    return behave
