"""The shipped model in several threads at once: what a server with several workers relies on."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import torch

from quotewire.extraction.extractor import Extractor
from quotewire.types import Article

TEXTS = [
    "The bridge will be closed until May, the mayor told the Evening Post on Tuesday. " * repeats
    + "“Nobody asked us,” said Ann Weaver, who runs the ferry."
    for repeats in (1, 3, 9, 20)
]


def test_an_answer_does_not_depend_on_the_threads_it_was_made_by_and_beside() -> None:
    before = torch.get_num_threads()
    extractor = Extractor.load("quotewire-base")
    windows = [window for text in TEXTS for window in extractor.prepare(Article("a", text)).windows]
    expected = [extractor.forward([window]) for window in windows]
    assert any(candidates for [candidates] in expected)

    def answers(threads: int) -> list[object]:
        return [extractor.forward([window], threads=threads) for window in windows]

    with ThreadPoolExecutor(3) as pool:
        futures = [pool.submit(answers, threads) for threads in (1, 2, 1)]
        for future in futures:
            assert future.result() == expected
    assert torch.get_num_threads() == before, "another thread's number is its own"


def test_threads_are_those_of_the_calling_thread() -> None:
    extractor = Extractor.load("quotewire-base")
    windows = extractor.prepare(Article("a", TEXTS[0])).windows

    def after(threads: int | None) -> int:
        extractor.forward(windows, threads=threads)
        return torch.get_num_threads()

    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:
        assert one.submit(after, 2).result() == 2
        assert other.submit(after, 1).result() == 1
        assert one.submit(after, None).result() == 2
