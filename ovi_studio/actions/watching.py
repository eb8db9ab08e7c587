"""Tells when prompt files change, by looking at them again and again."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ovi_studio.project.prompt_sources import TextSource
from ovi_studio.project.sets import SetRow

INTERVAL_SECONDS = 0.3

Sources = Sequence[TextSource | SetRow]


def watched_sources(
    find: Callable[[], Sources], sleep: Callable[[float], None] = time.sleep
) -> Iterator[Sources]:
    """The sources at first, and then whenever a file of theirs has changed, come or gone.

    `find` is asked anew each time, so that files added to a folder are seen. Never ends by itself.
    """
    before: object = None
    while True:
        sources = find()
        now = [_state(source) for source in sources]
        if now != before:
            before = now
            yield sources
        sleep(INTERVAL_SECONDS)


def _state(source: TextSource | SetRow) -> tuple[Path, int, int] | TextSource:
    """Changes whenever the file does."""
    if isinstance(source, TextSource):
        return source
    try:
        status = source.path.stat()
    except OSError:
        return source.path, 0, -1
    return source.path, status.st_mtime_ns, status.st_size
