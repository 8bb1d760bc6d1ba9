"""The same article printed by many papers: found before scoring, so that it may be scored once.

In two steps, so that any number of processes can share the work and memory stays small:

1. :func:`write_signatures`, one file a shard: for each article a hash of its words (exact copies:
   the same words in the same order, whatever the typography) and a MinHash signature of its runs of
   three words (near copies), computed by datasketch.
2. :func:`find_copies`, once: sorts the hashes, and the signatures band by band, and writes which
   article is a copy of which earlier one.

Candidates are found by the usual banding of signatures (Leskovec, Rajaraman, Ullman: Mining of
Massive Datasets, 3.4), but by sorting a file instead of filling dictionaries: datasketch's own
index takes 3 kB of memory an article (measured), this one 57 bytes (measured on 450,000 articles;
pages of the file of signatures, which the system may take back, left out) and 1.1 kB of disk.

A copy always points to an article that is itself no copy, comes earlier in the input and is at
least as similar to it as was asked for: chains of small changes do not drift.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import os
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from quotewire.batch.extras import needed_for
from quotewire.batch.quote_keys import words
from quotewire.errors import InputError

# Jaccard similarity of the two sets of word runs from which on an article is a near copy.
DEFAULT_SIMILARITY = 0.8
# Below this one the bands below would miss too many (7 % at 0.7, 38 % at 0.6).
MIN_SIMILARITY = 0.7

# A similarity s is seen with probability 1 - (1 - s⁶)²¹: 99.8 % at 0.8, 93 % at 0.7.
_BANDS, _ROWS = 21, 6
_HASHES = _BANDS * _ROWS
_RUN_WORDS = 3
# Shorter articles are copies only if they are exact: two briefs differ in a name or a number.
_MIN_NEAR_WORDS = 20
# Rows held at once while files are read and written.
_BLOCK_ROWS = 8_192
_BUFFER_BYTES = 1 << 20

# With similar signatures comes no similar text if they were computed differently.
_METHOD = f"words/1 blake2b-128 minhash-affine32-{_HASHES} runs-{_RUN_WORDS}"
_METHOD_KEY = b"quotewire.signature"
_SIGNATURES = pa.schema(
    [
        ("article_id", pa.string()),
        ("record", pa.int64()),
        ("exact", pa.binary(16)),
        ("minhash", pa.binary(4 * _HASHES)),
    ],
    metadata={_METHOD_KEY: _METHOD.encode()},
)
_COPIES = pa.schema(
    [
        ("shard", pa.int32()),
        ("record", pa.int64()),
        ("duplicate_of", pa.string()),
        ("similarity", pa.float32()),
    ]
)

_Longs = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Copy:
    """What an article is a copy of: the id of the earlier article, and how similar the two are:
    1.0 for the same words in the same order, else the estimated Jaccard similarity in [0, 1] of
    their runs of three words (standard error at most 0.045)."""

    duplicate_of: str
    similarity: float


@dataclass(frozen=True, slots=True)
class CopyCounts:
    """How many articles were compared, and how many of them are copies of an earlier one."""

    articles: int
    exact: int
    near: int


def signature(text: str) -> tuple[bytes, bytes | None] | None:
    """16 bytes of hash and the MinHash signature (126 little-endian uint32; None for a text too
    short to be a near copy).  None for a text without words, which is a copy of nothing."""
    said = words(text)
    if not said:
        return None
    exact = hashlib.blake2b(" ".join(said).encode("utf-8", "replace"), digest_size=16).digest()
    return exact, _minhash(said) if len(said) >= _MIN_NEAR_WORDS else None


def _minhash(said: Sequence[str]) -> bytes:
    hashed = np.array([zlib.crc32(w.encode("utf-8", "replace")) for w in said], np.uint64)
    runs = np.zeros(len(said) - _RUN_WORDS + 1, np.uint64)
    for at in range(_RUN_WORDS):  # a polynomial over the run; its upper half mixes best
        runs = runs * np.uint64(0x9E3779B97F4A7C15) + hashed[at : at + len(runs)]
    minhash = _empty_minhash().copy()
    minhash.update_batch(np.unique(runs >> np.uint64(32)).tolist())
    return np.ascontiguousarray(minhash.hashvalues, "<u4").tobytes()


@functools.cache
def _empty_minhash() -> Any:
    with needed_for("duplicates"):
        from datasketch import MinHash

    return MinHash(num_perm=_HASHES, seed=1, scheme="affine32", hashfunc=int)


def write_signatures(articles: Iterable[tuple[int, str, str]], path: str | Path) -> int:
    """Write the signatures of one shard's articles (record number, id, text); return how many.

    The file is there whole or not at all: it is written beside ``path`` and renamed.
    """
    count = 0
    with _ParquetRows(path, _SIGNATURES) as out:
        for record, article_id, text in articles:
            if (found := signature(text)) is not None:
                out.add(article_id, record, *found)
                count += 1
    return count


def find_copies(
    parts: Sequence[str | Path], path: str | Path, *, similarity: float = DEFAULT_SIMILARITY
) -> CopyCounts:
    """Write to ``path`` which articles are copies, from the signature files of all shards.

    ``parts`` lists them in the order of the shards; the place in it is the shard's number.
    ``similarity`` in [0.7, 1] is the least Jaccard similarity of a near copy; 1 finds exact copies
    only.  Peak memory: about 60 bytes an article; on disk, beside ``path``, 0.5 kB an article while
    it runs.  Raises InputError for another ``similarity`` and ValueError for files that are no
    signatures of this version.
    """
    if not MIN_SIMILARITY <= similarity <= 1:
        raise InputError(
            field="similarity", value=str(similarity), allowed=f"{MIN_SIMILARITY} to 1"
        )
    files = [_open_signatures(part) for part in parts]
    sizes = np.array([file.metadata.num_rows for file in files], np.int64)
    copy_of, alike = _exact_copies(files, rows=int(sizes.sum()))
    exact = int((copy_of >= 0).sum())
    if similarity < 1:
        with tempfile.TemporaryDirectory(dir=Path(path).parent, prefix=".minhash.") as folder:
            table = _Bands(files, Path(folder) / "bands", live=copy_of < 0)
            _link_near(table, copy_of, alike, similarity=similarity)
    _write_copies(files, sizes, copy_of, alike, path=path)
    return CopyCounts(len(copy_of), exact, int((copy_of >= 0).sum()) - exact)


def copies_of_shard(path: str | Path, shard: int) -> dict[int, Copy]:
    """The copies among the articles of one shard, by record number; reads only what it needs."""
    table = pq.read_table(path, schema=_COPIES, filters=[("shard", "=", shard)])
    columns = (table[name].to_pylist() for name in ("record", "duplicate_of", "similarity"))
    return {record: Copy(of, alike) for record, of, alike in zip(*columns, strict=True)}


def _open_signatures(path: str | Path) -> pq.ParquetFile:
    file = pq.ParquetFile(path, pre_buffer=False, buffer_size=_BUFFER_BYTES)
    method = (file.schema_arrow.metadata or {}).get(_METHOD_KEY, b"none").decode()
    if method != _METHOD:
        raise ValueError(f"{path}: signatures by {method!r}, not by {_METHOD!r}: make them anew")
    return file


def _exact_copies(
    files: Sequence[pq.ParquetFile], *, rows: int
) -> tuple[_Longs, npt.NDArray[np.float32]]:
    """For each article the index of the first one with the same hash, or -1; and the similarity."""
    halves = np.empty((rows, 2), np.uint64)
    for at, batch in _blocks(files, ["exact"]):
        halves[at : at + len(batch)] = _fixed(batch["exact"], np.uint64)
    order = np.lexsort((halves[:, 1], halves[:, 0]))  # stable: the first of equals comes first
    if rows:
        halves = halves[order]
    new = np.ones(rows, bool)
    new[1:] = (halves[1:] != halves[:-1]).any(axis=1)
    del halves
    first = order[np.maximum.accumulate(np.where(new, np.arange(rows), 0))]
    copy_of = np.full(rows, -1, np.int64)
    copy_of[order[~new]] = first[~new]
    return copy_of, np.where(copy_of >= 0, 1, 0).astype(np.float32)


class _Bands:
    """The signatures of articles that are no exact copies, in a file, one region a band.

    ``index`` (rows) maps a row here to the article's index.
    """

    def __init__(self, files: Sequence[pq.ParquetFile], path: Path, *, live: Any) -> None:
        keep = live.copy()
        for at, batch in _blocks(files, ["minhash"]):
            keep[at : at + len(batch)] &= batch["minhash"].is_valid().to_numpy(zero_copy_only=False)
        self.index: _Longs = np.flatnonzero(keep)
        shape = (_BANDS, max(len(self.index), 1), _ROWS)
        self.values = np.memmap(path, np.uint32, "w+", shape=shape)
        row = 0
        for at, batch in _blocks(files, ["minhash"]):
            chosen = keep[at : at + len(batch)]
            values = _fixed(batch["minhash"], np.uint32)[chosen]
            bands = values.reshape(-1, _BANDS, _ROWS).transpose(1, 0, 2)
            self.values[:, row : row + len(values)] = bands
            row += len(values)

    def pairs(self, band: int) -> Iterator[tuple[_Longs, _Longs]]:
        """Pairs of rows (earlier, later) that agree in all of a band, in blocks.

        Of many that agree, each meets the first one and the one before it only: that bounds the
        work where thousands share a form; other bands give other pairs.
        """
        keys = np.empty(len(self.index), np.uint64)
        for at in range(0, len(keys), _BLOCK_ROWS):
            block = self.values[band, at : at + _BLOCK_ROWS].astype(np.uint64)
            mixed = np.zeros(len(block), np.uint64)
            for column in range(_ROWS):
                mixed = (mixed ^ block[:, column]) * np.uint64(0x9E3779B97F4A7C15)
                mixed ^= mixed >> np.uint64(29)
            keys[at : at + _BLOCK_ROWS] = mixed
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        start = 0  # of the run of equal keys that is under way
        for at in range(1, len(keys), _BLOCK_ROWS):
            here = np.arange(at, min(at + _BLOCK_ROWS, len(keys)))
            same = keys[here] == keys[here - 1]
            starts = np.maximum.accumulate(np.where(same, start, here))
            start = int(starts[-1])
            before, first, later = order[here - 1], order[starts], order[here]
            yield first[same], later[same]
            other = same & (before != first)
            yield before[other], later[other]

    def similarity(self, left: _Longs, right: _Longs) -> npt.NDArray[np.float32]:
        """Share of equal minima (pairs): the estimate of the Jaccard similarity, in [0, 1]."""
        equal = self.values[:, left] == self.values[:, right]
        shares: npt.NDArray[np.float32] = equal.mean(axis=(0, 2), dtype=np.float32)
        return shares


def _link_near(
    table: _Bands, copy_of: _Longs, alike: npt.NDArray[np.float32], *, similarity: float
) -> None:
    """Enter near copies, in place; then turn exact copies of near copies to the same original."""
    found = [np.empty((0, 2), np.int64)]
    for band in range(_BANDS):
        for left, right in table.pairs(band):
            near = table.similarity(left, right) >= similarity
            found.append(np.stack([left[near], right[near]], axis=1))
        found = [np.unique(np.concatenate(found), axis=0)]
    (pairs,) = found
    pairs = pairs[np.argsort(pairs[:, 1], kind="stable")]
    original: dict[int, int] = {}  # near copies so far: row -> row of the original
    for start, end in _groups(pairs[:, 1]):
        row = int(pairs[start, 1])
        candidates = sorted({original.get(int(r), int(r)) for r in pairs[start:end, 0]})
        values = table.similarity(np.array(candidates), np.full(len(candidates), row))
        best = int(values.argmax())  # the earliest of equals
        if values[best] >= similarity:
            original[row] = candidates[best]
            at = table.index[row]
            copy_of[at], alike[at] = table.index[candidates[best]], values[best]
    exact = np.flatnonzero(copy_of >= 0)
    through = copy_of[exact]
    moved = copy_of[through] >= 0
    alike[exact[moved]] = alike[through[moved]]
    copy_of[exact[moved]] = copy_of[through[moved]]


def _groups(values: _Longs) -> Iterator[tuple[int, int]]:
    """Bounds of the runs of equal values."""
    cuts = np.flatnonzero(np.diff(values)) + 1
    bounds = [0, *cuts.tolist(), len(values)]
    return itertools.pairwise(bounds) if len(values) else iter(())


def _write_copies(
    files: Sequence[pq.ParquetFile],
    sizes: _Longs,
    copy_of: _Longs,
    alike: npt.NDArray[np.float32],
    *,
    path: str | Path,
) -> None:
    originals = np.unique(copy_of[copy_of >= 0])
    names: list[str] = []
    for at, batch in _blocks(files, ["article_id"]):
        low, high = np.searchsorted(originals, (at, at + len(batch)))
        names += batch["article_id"].take(pa.array(originals[low:high] - at)).to_pylist()
    shards = np.repeat(np.arange(len(sizes)), sizes)
    with _ParquetRows(path, _COPIES) as out:
        for at, batch in _blocks(files, ["record"]):
            records = batch["record"].to_numpy()
            for here in np.flatnonzero(copy_of[at : at + len(batch)] >= 0).tolist():
                name = names[int(np.searchsorted(originals, copy_of[at + here]))]
                out.add(int(shards[at + here]), int(records[here]), name, float(alike[at + here]))


def _blocks(
    files: Sequence[pq.ParquetFile], columns: list[str]
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """All rows of all files in order, in blocks, each with the index of its first row."""
    at = 0
    for file in files:
        for batch in file.iter_batches(_BLOCK_ROWS, columns=columns, use_threads=False):
            yield at, batch
            at += len(batch)


def _fixed(column: pa.FixedSizeBinaryArray, kind: type[np.generic]) -> npt.NDArray[Any]:
    """Values of fixed size as numbers (rows, numbers a value); a null holds anything."""
    width = column.type.byte_width
    data = np.frombuffer(
        column.buffers()[1], np.uint8, count=len(column) * width, offset=column.offset * width
    )
    return data.view(np.dtype(kind).newbyteorder("<")).reshape(len(column), -1)


class _ParquetRows:
    """Rows -> a Parquet file that is there whole or not at all; holds one block of rows."""

    def __init__(self, path: str | Path, schema: pa.Schema) -> None:
        self._path, self._schema = Path(path), schema
        self._rows: list[tuple[Any, ...]] = []

    def __enter__(self) -> _ParquetRows:
        self._temporary = self._path.with_name(f".{self._path.name}.partial")
        self._out = pq.ParquetWriter(self._temporary, self._schema, compression="zstd")
        return self

    def add(self, *row: Any) -> None:
        self._rows.append(row)
        if len(self._rows) >= _BLOCK_ROWS:
            self._flush()

    def _flush(self) -> None:
        columns = zip(*self._rows, strict=True) if self._rows else [()] * len(self._schema)
        arrays = [pa.array(c, f.type) for c, f in zip(columns, self._schema, strict=True)]
        self._out.write_table(pa.Table.from_arrays(arrays, schema=self._schema))
        self._rows.clear()

    def __exit__(self, kind: type[BaseException] | None, *exc_info: object) -> None:
        try:
            if kind is None:
                self._flush()
        finally:
            self._out.close()
        if kind is None:
            with open(self._temporary, "rb") as file:
                os.fsync(file.fileno())
            os.replace(self._temporary, self._path)
        else:
            self._temporary.unlink(missing_ok=True)
