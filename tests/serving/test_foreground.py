"""When a server is idle, and how background work stands back while it is not."""

from __future__ import annotations

import asyncio
import threading

from quotewire.serving.foreground import Foreground
from tests.serving.harness import PATIENCE_S


class Background(threading.Thread):
    """Counts until it is told to stop, standing back."""

    def __init__(self, foreground: Foreground, *, unless: bool = False) -> None:
        super().__init__(daemon=True)
        self.count = 0
        self.stop = False
        self._foreground = foreground
        self._unless = unless

    def run(self) -> None:
        with self._foreground.standing_back(unless=lambda: self._unless):
            while not self.stop:
                self._step()

    def _step(self) -> None:
        self.count += 1

    async def goes_on(self) -> None:
        before = self.count
        async with asyncio.timeout(PATIENCE_S):
            while self.count == before:
                await asyncio.sleep(0.01)

    async def stands_still(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                before = self.count
                await asyncio.sleep(0.1)
                if self.count == before:
                    return

    async def end(self) -> None:
        self.stop = True
        await asyncio.to_thread(self.join, PATIENCE_S)
        assert not self.is_alive()


async def test_idle_is_a_moment_after_the_last_article() -> None:
    foreground = Foreground(settle_s=0.02)
    heard: list[bool] = []
    foreground.listen(lambda: heard.append(foreground.idle))
    assert foreground.idle
    with foreground.article():
        with foreground.article():
            assert not foreground.idle
        assert not foreground.idle
    assert not foreground.idle, "the answer is not sent yet"
    with foreground.article():
        await asyncio.sleep(0.1)
        assert not foreground.idle, "another one came meanwhile"
    assert not heard
    async with asyncio.timeout(PATIENCE_S):
        await foreground.wait_idle()
    assert foreground.idle
    assert heard == [True], "told once"


async def test_background_work_stands_still_in_the_middle_of_a_step() -> None:
    foreground = Foreground(longest_pause_s=PATIENCE_S)
    work = Background(foreground)
    work.start()
    await work.goes_on()
    for _ in range(3):
        with foreground.article():
            await work.stands_still()
        await work.goes_on()
    await work.end()


async def test_background_work_goes_on_where_a_caller_waits_for_it() -> None:
    foreground = Foreground()
    work = Background(foreground, unless=True)
    work.start()
    with foreground.article():
        await work.goes_on()
        await work.end()


async def test_background_work_does_not_stand_still_for_ever() -> None:
    """It may hold something that the callers wait for."""
    foreground = Foreground(longest_pause_s=1.0)
    work = Background(foreground)
    work.start()
    await work.goes_on()
    with foreground.article():
        await work.stands_still()
        await work.goes_on()
        await work.end()
