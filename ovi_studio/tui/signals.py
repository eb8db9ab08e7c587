"""What the studio does when the system tells it something: to end, that its terminal is gone."""

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

LOOK_SECONDS = 1.0

GOODBYE_SECONDS = 5.0
"""How long saving may take once the terminal is gone."""

if TYPE_CHECKING:
    from ovi_studio.tui.app import StudioApp


def heed_signals(app: "StudioApp", end: Callable[..., Coroutine[Any, Any, None]]) -> None:
    """Saves and ends, unasked, when told to; `end(is_alone=True)` when the terminal has closed."""
    if sys.platform == "win32" or app.is_headless:
        return
    loop = asyncio.get_running_loop()

    def heed(*, is_alone: bool) -> None:
        app.run_worker(end(is_alone=is_alone), exit_on_error=False)

    loop.add_signal_handler(signal.SIGTERM, partial(heed, is_alone=False))
    loop.add_signal_handler(signal.SIGHUP, partial(heed, is_alone=True))
    gone = partial(loop.call_soon_threadsafe, partial(heed, is_alone=True))
    threading.Thread(target=_watch_terminal, args=(gone,), daemon=True).start()
    driver: Any = app._driver
    if hasattr(driver, "_must_signal_resume"):
        # A shell that ends wakes all its programs. One that did not sleep would set up its screen
        # a second time, on a terminal that is gone, and wait for it for ever.
        signal.signal(
            signal.SIGCONT,
            lambda *_: driver._sigcont_application() if driver._must_signal_resume else None,
        )


def _watch_terminal(on_gone: Callable[[], object]) -> None:
    """Ends the process when its terminal is gone and nobody told it, come what may."""
    while os.isatty(0):
        time.sleep(LOOK_SECONDS)
    with suppress(RuntimeError):  # the loop has ended
        on_gone()
    time.sleep(GOODBYE_SECONDS)
    os._exit(1)
