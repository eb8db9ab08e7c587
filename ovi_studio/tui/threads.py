"""Work that must not stop the screen: run beside the event loop, its result handed back.

Nobody waits for the threads at the end, so that quitting never waits for a server's answer. What
has to be finished before the end is finished in `StudioScreen.before_quitting`.
"""

import _thread
import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

Result = TypeVar("Result")


async def in_thread(work: Callable[[], Result]) -> Result:
    """The result of `work`, done in a thread of its own. Raises what `work` raises."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Result] = loop.create_future()

    def settle(result: Result | None, error: BaseException | None) -> None:
        if future.done():  # cancelled meanwhile
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result: Result | None = None
        problem: BaseException | None = None
        try:
            result = work()
        except StopIteration as error:  # a future cannot carry it
            problem = RuntimeError(str(error))
        except BaseException as error:
            problem = error
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(settle, result, problem)

    # Thread.start() would wait until the thread runs, for as long as another one computes.
    _thread.start_new_thread(run, ())
    return await future
