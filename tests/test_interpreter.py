"""What the settings of a process are for: held in processes of their own."""

from __future__ import annotations

import subprocess
import sys

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

# A thread that makes matrices and throws them away, as the server's do.
MATRICES = """
import resource, sys, threading
import numpy
from quotewire.interpreter import tune_interpreter

def faults():
    return resource.getrusage(resource.RUSAGE_THREAD).ru_minflt

def work():
    for round in range(20):
        if round == 10:
            early = faults()
        matrices = [numpy.ones(2_000_000, numpy.float32) for _ in range(4)]
        del matrices
    print(faults() - early)

if sys.argv[1] == "tuned":
    tune_interpreter()
thread = threading.Thread(target=work)
thread.start()
thread.join()
"""


def growth_mb(how: str) -> float:
    done = subprocess.run(
        [sys.executable, "-c", READ, how], capture_output=True, text=True, timeout=240, check=True
    )
    return float(done.stdout)


def test_memory_does_not_grow_with_the_lengths_of_articles() -> None:
    assert growth_mb("tuned") < 60


def test_a_thread_gets_its_memory_from_the_system_once() -> None:
    done = subprocess.run(
        [sys.executable, "-c", MATRICES, "tuned"],
        capture_output=True, text=True, timeout=240, check=True,
    )  # fmt: skip
    assert int(done.stdout) < 1000, "as malloc comes, some 12,000 page faults"
