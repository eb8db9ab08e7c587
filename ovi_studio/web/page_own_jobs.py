"""The jobs that a browser remembers as its own, so that a page loaded anew shows them again."""

from collections.abc import Iterable

from ovi_studio.render.job import RenderJob

MAX_OWN_JOBS = 20


def read_own(own: object) -> list[int]:
    """Their numbers, the latest first, as far as what the browser sends can be used."""
    if not isinstance(own, list):
        return []
    return [one for one in own[:MAX_OWN_JOBS] if isinstance(one, int) and one > 0]


def add_own(own: object, jobs: Iterable[RenderJob]) -> list[int]:
    """The numbers with those of new jobs before them."""
    ours = [job.id for job in jobs]
    return [*ours, *(one for one in read_own(own) if one not in ours)][:MAX_OWN_JOBS]
