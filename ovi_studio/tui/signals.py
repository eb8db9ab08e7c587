"""What the studio does when the system tells it something: to end, that its terminal is gone."""

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any

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
    driver: Any = app._driver
    if hasattr(driver, "_must_signal_resume"):
        # A shell that ends wakes all its programs. One that did not sleep would set up its screen
        # a second time, on a terminal that is gone, and wait for it for ever.
        signal.signal(
            signal.SIGCONT,
            lambda *_: driver._sigcont_application() if driver._must_signal_resume else None,
        )
