"""What an archive of any size costs, from rates that were measured: the table of docs/scale.md.

    python scripts/scale.py                      # the figures of the page
    python scripts/scale.py --articles-per-s 9   # with another rate of one worker

Plain arithmetic: nothing here knows more than the page says.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Rates:
    """Measured on one machine of two cores; docs/scale.md says how and when."""

    articles_per_s: float = 13.84  # of one worker: one core
    input_kb: float = 1.8  # of an article, unpacked
    output_kb: float = 1.11  # of an article, both tables, as zstd Parquet
    worker_gb: float = 0.87  # resident, of one worker at its peak
    plan_articles_per_s: float = 69_000.0  # the pass that cuts shards, one process
    compare_articles_per_s: float = 1_300.0  # signatures of --duplicates, one worker
    search_us: float = 17.0  # of one process, an article
    search_bytes: float = 57.0  # of memory, an article
    signature_kb: float = 1.1  # of disk, an article, while it runs
    shard_articles: float = 5_000.0
    price: float = 0.04  # of a core for an hour, in the reader's money


def rows(rates: Rates, *, articles: float, cores: int) -> list[tuple[str, str]]:
    """(what, how much), for so many articles on machines with so many cores in all."""
    core_hours = articles / rates.articles_per_s / 3600
    shards = math.ceil(articles / rates.shard_articles)
    scoring = core_hours / cores
    comparing = articles / rates.compare_articles_per_s / cores / 3600
    searching = articles * rates.search_us / 1e6 / 3600
    planning = articles / rates.plan_articles_per_s / 3600
    shard_minutes = rates.shard_articles / rates.articles_per_s / 60
    return [
        ("core hours of scoring", f"{core_hours:,.0f}"),
        ("price", f"{core_hours * rates.price:,.0f}"),
        ("scoring", _hours(scoring)),
        ("cutting into shards, one process", _hours(planning)),
        ("`--duplicates`: signatures", _hours(comparing)),
        ("`--duplicates`: the search, one process", _hours(searching)),
        ("memory of the search", f"{articles * rates.search_bytes / 1e9:,.1f} GB"),
        ("disk of the signatures, while it runs", f"{articles * rates.signature_kb / 1e6:,.0f} GB"),
        ("memory of the workers", f"{cores * rates.worker_gb:,.0f} GB"),
        ("input, unpacked", f"{articles * rates.input_kb / 1e6:,.0f} GB"),
        ("output", f"{articles * rates.output_kb / 1e6:,.0f} GB"),
        ("shards", f"{shards:,}"),
        ("a shard, so what a crash costs at most", f"{shard_minutes:,.0f} minutes"),
    ]


def table(rates: Rates, *, articles: float, cores: list[int]) -> str:
    """As Markdown, one column for each number of cores."""
    columns = [rows(rates, articles=articles, cores=count) for count in cores]
    lines = [
        f"| {articles:,.0f} articles | " + " | ".join(f"{count:,} cores" for count in cores) + " |",
        "|---" * (len(cores) + 1) + "|",
    ]
    for cells in zip(*columns, strict=True):
        lines.append(f"| {cells[0][0]} | " + " | ".join(value for _, value in cells) + " |")
    return "\n".join(lines)


def _hours(hours: float) -> str:
    if hours >= 48:
        return f"{hours / 24:,.0f} days"
    return f"{hours:,.1f} hours" if hours >= 1 else f"{hours * 60:,.0f} minutes"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--articles", type=float, default=100e6)
    parser.add_argument("--cores", type=int, nargs="+", default=[2, 64, 640])
    for field in fields(Rates):
        name = "--" + field.name.replace("_", "-")
        parser.add_argument(name, type=float, default=field.default)
    arguments = vars(parser.parse_args())
    articles, cores = arguments.pop("articles"), arguments.pop("cores")
    print(table(Rates(**arguments), articles=articles, cores=cores))


if __name__ == "__main__":
    main()
