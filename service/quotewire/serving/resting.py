"""What a server at rest does: it gives back the memory that the work before left free."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from quotewire.extraction.remembered import forget_words
from quotewire.interpreter import give_back_memory
from quotewire.serving.foreground import Foreground


def give_back() -> None:
    """Lets go of what only makes the next articles a little faster, and then of what is free."""
    forget_words()
    give_back_memory()


class Resting:
    """Calls ``give_back`` in a thread ``after_s`` seconds after ``foreground`` became idle, if it
    is idle then, and again as long after the last work: between the calls of a busy minute memory
    is kept, since getting it anew costs the next article some milliseconds.  Without this, what a
    server holds at rest wanders with the sizes of the last articles.  One event loop only.
    """

    def __init__(
        self,
        foreground: Foreground,
        *,
        after_s: float,
        give_back: Callable[[], None] = give_back,
    ) -> None:
        self._foreground = foreground
        self._after_s = after_s
        self._give_back = give_back
        self._timer: asyncio.TimerHandle | None = None
        self._again = False  # has there been work since the timer began?
        foreground.listen(self._wait)

    def close(self) -> None:
        self._foreground.unlisten(self._wait)
        if self._timer:
            self._timer.cancel()

    def _wait(self) -> None:
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._after_s, self._rest)
        else:
            self._again = True

    def _rest(self) -> None:
        self._timer = None
        if self._foreground.idle:  # else its next rest is another moment to begin at
            asyncio.get_running_loop().run_in_executor(None, self._give_back)
        if self._again:
            # What the last work left may not be free yet: gRPC lets go of a call a little later.
            self._again = False
            self._wait()
