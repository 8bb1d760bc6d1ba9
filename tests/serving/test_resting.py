"""When a server at rest gives memory back."""

from __future__ import annotations

import asyncio

from quotewire.serving.foreground import Foreground
from quotewire.serving.resting import Resting
from tests.serving.harness import PATIENCE_S


async def test_memory_goes_back_once_after_each_time_of_work() -> None:
    foreground = Foreground(settle_s=0.0)
    given = asyncio.Semaphore(0)
    loop = asyncio.get_running_loop()
    times = 0

    def give_back() -> None:
        nonlocal times
        times += 1
        loop.call_soon_threadsafe(given.release)

    resting = Resting(foreground, after_s=0.05, give_back=give_back)
    for expected in (1, 2):
        with foreground.article():
            pass
        await asyncio.wait_for(given.acquire(), PATIENCE_S)
        await asyncio.sleep(0.15)
        assert times == expected
    resting.close()
    with foreground.article():
        pass
    await asyncio.sleep(0.15)
    assert times == 2


async def test_nothing_is_given_back_while_articles_are_in_work() -> None:
    foreground = Foreground(settle_s=0.0)
    given = asyncio.Event()
    loop = asyncio.get_running_loop()
    resting = Resting(
        foreground, after_s=0.1, give_back=lambda: loop.call_soon_threadsafe(given.set)
    )
    with foreground.article():
        pass
    await asyncio.sleep(0.05)  # idle by now, and waiting
    with foreground.article():
        await asyncio.sleep(0.3)
        assert not given.is_set()
    await asyncio.wait_for(given.wait(), PATIENCE_S)
    resting.close()


async def test_what_the_last_work_left_goes_back_as_well() -> None:
    """Though a time of rest that began with earlier work ended right behind it."""
    foreground = Foreground(settle_s=0.0)
    given: list[float] = []
    loop = asyncio.get_running_loop()
    resting = Resting(foreground, after_s=0.2, give_back=lambda: given.append(loop.time()))
    with foreground.article():
        pass
    await asyncio.sleep(0.1)
    with foreground.article():
        pass
    ended = loop.time()
    async with asyncio.timeout(PATIENCE_S):
        while not (given and given[-1] - ended >= 0.2):
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.3)
    assert len(given) == 2
    resting.close()
