"""Which sides there are, for the choices of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from scripts.bench.driver import Side

GROUPS = ("matmul", "batch", "server", "spacy", "plain", "small", "long", "startup")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """``model`` and ``small`` are names or folders; ``cores`` how many processors are used."""

    articles: str
    cores: int
    model: str
    small: str
    callers: tuple[int, ...] = (1, 8, 64)
    batch_tokens: int = 3000
    window_tokens: int = 340
    long_words: int = 100_000
    short_words: int = 1_000
    singles: int = 24
    server_threads: int | None = None
    server_workers: int | None = None
    startup_rounds: int = 3
    long_rounds: int = 2


def sides(choices: Choices, *, groups: tuple[str, ...], sizes: dict[str, int]) -> list[Side]:
    """The sides of ``groups``, in the order in which they take turns; ``sizes`` are the model's
    (width, feedforward, heads)."""
    made: dict[str, Callable[[], Iterator[Side]]] = {
        "matmul": lambda: _matmul(choices, sizes),
        "batch": lambda: _batch(choices),
        "small": lambda: _one("small, 1 thread", "batch", choices, model=choices.small),
        "plain": lambda: _one("plain, 1 thread", "plain", choices, model=choices.model),
        "spacy": lambda: _one("spacy, 1 thread", "classic", choices),
        "server": lambda: _server(choices),
        "startup": lambda: iter(
            [
                Side(
                    name="startup",
                    kind="startup",
                    options={"model": choices.model},
                    threads=None,
                    most_rounds=choices.startup_rounds,
                )
            ]
        ),
        "long": lambda: iter(
            [
                Side(
                    name="long",
                    kind="long",
                    options={
                        "model": choices.model,
                        "articles": choices.articles,
                        "words": choices.long_words,
                        "short_words": choices.short_words,
                        "threads": choices.cores,
                    },
                    threads=choices.cores,
                    most_rounds=choices.long_rounds,
                )
            ]
        ),
    }
    return [side for group, make in made.items() if group in groups for side in make()]


def _matmul(choices: Choices, sizes: dict[str, int]) -> Iterator[Side]:
    shape = {**sizes, "tokens": choices.batch_tokens, "length": choices.window_tokens}
    for name, threads, copies in _layouts("matmul", choices.cores):
        yield Side(
            name=name,
            kind="matmul",
            options={**shape, "threads": threads},
            threads=threads,
            copies=copies,
        )


def _batch(choices: Choices) -> Iterator[Side]:
    for name, threads, copies in _layouts("batch", choices.cores):
        yield Side(
            name=name,
            kind="batch",
            options={"model": choices.model, "articles": choices.articles, "threads": threads},
            threads=threads,
            copies=copies,
            dealt=True,
        )


def _layouts(name: str, cores: int) -> Iterator[tuple[str, int, int]]:
    """(name, threads, processes): one thread; all cores in one process; a process a core."""
    yield f"{name}, 1 thread", 1, 1
    if cores > 1:
        yield f"{name}, {cores} threads", cores, 1
        yield f"{name}, {cores} processes", 1, cores


def _one(name: str, kind: str, choices: Choices, **options: Any) -> Iterator[Side]:
    options = {"articles": choices.articles, "threads": 1, **options}
    yield Side(name=name, kind=kind, options=options)


def _server(choices: Choices) -> Iterator[Side]:
    yield Side(
        name="single",
        kind="single",
        options={
            "model": choices.model,
            "articles": choices.articles,
            "count": choices.singles,
            "threads": choices.server_threads,
        },
        threads=None,
    )
    yield Side(
        name="server",
        kind="service",
        options={
            "model": choices.model,
            "articles": choices.articles,
            "single": choices.singles,
            "threads": choices.server_threads,
            "workers": choices.server_workers,
        },
        threads=None,
        requests={f"server, {n} callers": {"callers": n} for n in choices.callers},
    )
