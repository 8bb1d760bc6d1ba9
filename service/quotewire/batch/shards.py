"""Input files -> shards: the plan of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from quotewire.batch.readers import open_input
from quotewire.batch.records import InputFile, ReadOptions, Shard

# A shard holds a 64th of the records before it, within these bounds: a small run has enough shards
# to share out, a large one few enough files, and a crash costs minutes rather than hours of work.
_PART_OF_RUN = 64
_LEAST_RECORDS, _MOST_RECORDS = 100, 5_000
# And no more than about so many bytes of text, whatever its records.
_MOST_BYTES = 64_000_000


@dataclass(frozen=True, slots=True)
class Plan:
    """How a run is cut; ``passed_over`` counts what the inputs hold beside articles, by kind."""

    shards: tuple[Shard, ...]
    records: int
    passed_over: dict[str, int]


def plan(
    files: Sequence[InputFile],
    *,
    reading: ReadOptions,
    shard_records: int | None = None,
    on_record: Callable[[InputFile, int], None] = lambda file, records: None,
) -> Plan:
    """Cut every file into shards of at most ``shard_records`` records (None: few at first, more
    later).  A shard never spans two files.

    Goes once through all inputs, finding records without parsing them, and holds no more in memory
    than the shards; ``on_record`` is told the number of records found so far, now and then.
    Raises OSError where an input cannot be read.
    """
    shards: list[Shard] = []
    passed_over: Counter[str] = Counter()
    rows = 0
    for file in files:
        with open_input(file, options=reading) as reader:
            start, size_bytes, place, found = 0, 0, None, 0
            size = shard_records or _size(rows)
            for found, record_bytes in enumerate(reader.sizes(), start=1):
                number = found - 1
                held = number - start
                if held >= size or (held and size_bytes + record_bytes > _MOST_BYTES):
                    shards.append(Shard(len(shards), file, start, number, rows + start, place))
                    on_record(file, rows + number)
                    start, size_bytes = number, 0
                    size = shard_records or _size(rows + number)
                if number == start:
                    place = reader.place
                size_bytes += record_bytes
            if found > start:
                shards.append(Shard(len(shards), file, start, found, rows + start, place))
            rows += found
            on_record(file, rows)
            passed_over.update(reader.passed_over)
    return Plan(tuple(shards), rows, dict(passed_over))


def _size(rows: int) -> int:
    """Records of a shard with ``rows`` records before it."""
    return min(max(rows // _PART_OF_RUN, _LEAST_RECORDS), _MOST_RECORDS)
