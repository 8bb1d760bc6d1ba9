"""What the settings of a process are for: held in processes of their own."""

from __future__ import annotations

import subprocess
import sys

import pytest

# Articles of one window, each of another length, as batches are in an archive.
READ = """
import sys
from quotewire import Extractor
from quotewire.interpreter import tune_interpreter

def resident_mb():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 2**20

if sys.argv[1] == "tuned":
    tune_interpreter()
extractor = Extractor.load("quotewire-base", threads=1, precision="int8")
for words in range(200):
    if words == 40:
        early = resident_mb()
    extractor.extract("It rained. " + "a " * words)
print(resident_mb() - early)
"""

# A large mass of small blocks, given up but for the last one, which lies on top of them.
GIVE_BACK = """
from quotewire.interpreter import give_back_memory

def resident_mb():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 2**20

blocks = [bytearray(1000) for _ in range(200_000)]
last = blocks.pop()
del blocks
before = resident_mb()
give_back_memory()
print(before - resident_mb())
"""

# The same in a thread, in a process that has given up a large block before: glibc then takes it to
# need that much again.
THREAD = """
import sys
from threading import Thread
from quotewire.interpreter import give_back_memory, tune_interpreter

def resident_mb():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 2**20

def work():
    blocks = [bytearray(1000) for _ in range(40_000)]

if sys.argv[1] == "tuned":
    tune_interpreter()
bytearray(30_000_000)
before = resident_mb()
thread = Thread(target=work)
thread.start()
thread.join()
give_back_memory()
print(resident_mb() - before)
"""


def growth_mb(how: str, program: str = READ) -> float:
    done = subprocess.run(
        [sys.executable, "-c", program, how],
        capture_output=True,
        text=True,
        timeout=240,
        check=True,
    )
    return float(done.stdout)


def test_memory_does_not_grow_with_the_lengths_of_articles() -> None:
    assert growth_mb("tuned") < 60


def test_what_a_thread_left_free_goes_back_as_well() -> None:
    assert growth_mb("tuned", THREAD) < 10


def test_what_is_free_goes_back_to_the_system() -> None:
    done = subprocess.run(
        [sys.executable, "-c", GIVE_BACK], capture_output=True, text=True, timeout=60, check=True
    )
    assert float(done.stdout) > 100


# What an exception leaves: a frame that holds it, and is held by it.
CIRCLE = """
import gc, sys, weakref
from quotewire.interpreter import give_back_memory, keep_for_good

class Text:
    pass

def fail():
    text = Text()
    try:
        raise ValueError
    except ValueError as error:
        kept = error
    return weakref.ref(text)

gc.disable()
if sys.argv[1] == "frozen":
    keep_for_good()
text = fail()
assert text() is not None
give_back_memory()
print(text() is None)
"""


@pytest.mark.parametrize("how", ["frozen", "fresh"])
def test_what_failed_calls_left_in_circles_is_found(how: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CIRCLE, how], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "True\n"


# A circle that was there before: it is walked no more.
KEPT = """
import gc, weakref
from quotewire.interpreter import keep_for_good

class Circle:
    pass

gc.disable()
circle = Circle()
circle.itself = circle
seen = weakref.ref(circle)
keep_for_good()
del circle
gc.collect()
print(seen() is not None)
"""


def test_what_is_kept_for_good_is_walked_no_more() -> None:
    done = subprocess.run(
        [sys.executable, "-c", KEPT], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "True\n"
