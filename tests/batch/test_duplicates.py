"""Copies of articles are found, whatever the shards, and point to an original."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from quotewire.batch.duplicates import (
    Copy,
    CopyCounts,
    copies_of_shard,
    find_copies,
    signature,
    write_signatures,
)
from quotewire.errors import InputError

Articles = Sequence[tuple[str, str]]


def story(seed: int, *, words: int = 200) -> str:
    """Text that shares no run of words with that of another seed."""
    chance = random.Random(seed)
    return " ".join(f"w{chance.randrange(10**9)}" for _ in range(words))


def find(
    folder: Path, shards: Sequence[Articles], *, similarity: float = 0.8
) -> tuple[CopyCounts, dict[str, Copy]]:
    """The counts, and each copy by its article's id."""
    parts = [folder / f"{number}.parquet" for number in range(len(shards))]
    for part, articles in zip(parts, shards, strict=True):
        rows = [(record, name, text) for record, (name, text) in enumerate(articles)]
        write_signatures(rows, part)
    counts = find_copies(parts, folder / "copies.parquet", similarity=similarity)
    copies = {
        shards[shard][record][0]: copy
        for shard in range(len(shards))
        for record, copy in copies_of_shard(folder / "copies.parquet", shard).items()
    }
    return counts, copies


def test_exact_copies_are_found_across_shards_whatever_the_typography(tmp_path: Path) -> None:
    text = "“We leave,” Ann Lee told Reuters – at last."
    other = '"WE LEAVE", Ann Lee\n\ntold Reuters -- at last'
    counts, copies = find(
        tmp_path,
        [[("x", story(1)), ("a", text)], [], [("b", other), ("y", story(2)), ("c", text)]],
    )
    assert counts == CopyCounts(articles=5, exact=2, near=0)
    assert copies == {"b": Copy("a", 1.0), "c": Copy("a", 1.0)}


def test_near_copies_are_found_and_say_how_near(tmp_path: Path) -> None:
    whole = story(1)
    trimmed = whole.rsplit(" ", 15)[0]  # 183 of 198 runs of three words: 0.92
    counts, copies = find(tmp_path, [[("a", whole)], [("b", trimmed), ("c", story(2))]])
    assert counts == CopyCounts(articles=3, exact=0, near=1)
    assert copies["b"].duplicate_of == "a"
    assert copies["b"].similarity == pytest.approx(0.92, abs=0.09)
    assert find(tmp_path, [[("a", whole)], [("b", trimmed)]], similarity=1)[1] == {}


def test_an_article_below_the_bound_is_no_copy(tmp_path: Path) -> None:
    whole = story(1)
    half = " ".join(whole.split()[:100])  # 0.49
    assert find(tmp_path, [[("a", whole), ("b", half)]], similarity=0.7)[1] == {}


def test_small_changes_do_not_chain_into_a_large_one(tmp_path: Path) -> None:
    words = story(1, words=400).split()
    versions = [(str(at), " ".join(words[20 * at : 20 * at + 200])) for at in range(10)]
    _, copies = find(tmp_path, [versions])
    assert copies, "neighbours are 0.82 alike"
    texts = dict(versions)
    for name, copy in copies.items():
        assert copy.duplicate_of not in copies
        shared = 200 - 20 * (int(name) - int(copy.duplicate_of))
        assert shared >= 160, (texts[name][:10], copy)


def test_an_exact_copy_of_a_near_copy_points_to_the_original(tmp_path: Path) -> None:
    whole = story(1)
    trimmed = whole.rsplit(" ", 8)[0]
    counts, copies = find(tmp_path, [[("a", whole), ("b", trimmed)], [("c", trimmed.upper())]])
    assert counts == CopyCounts(articles=3, exact=1, near=1)
    assert copies["b"] == copies["c"] and copies["c"].duplicate_of == "a"


def test_short_and_empty_texts_are_copies_only_if_they_are_exact(tmp_path: Path) -> None:
    short = "Shares of Calder Works rose two per cent on Monday to close at ninety"
    texts = [short, short + " one", short, "", "", "“…”"]
    counts, copies = find(tmp_path, [[(str(n), t) for n, t in enumerate(texts)]])
    assert counts.articles == 3
    assert copies == {"2": Copy("0", 1.0)}


def test_the_cut_into_shards_changes_nothing(tmp_path: Path) -> None:
    chance = random.Random(5)
    stories = [story(seed, words=60) for seed in range(30)]
    articles = []
    for number in range(300):
        words = chance.choice(stories).split()
        for _ in range(chance.randrange(3)):
            words[chance.randrange(60)] = "changed"
        articles.append((str(number), " ".join(words)))
    whole = find(tmp_path, [articles])
    assert whole[0].near > 100
    assert find(tmp_path, [articles[:7], articles[7:150], articles[150:]]) == whole
    assert find(tmp_path, [[a] for a in articles[:40]])[1].items() <= whole[1].items()


def test_nothing_at_all_is_fine(tmp_path: Path) -> None:
    assert find(tmp_path, []) == (CopyCounts(0, 0, 0), {})
    assert find(tmp_path, [[], []]) == (CopyCounts(0, 0, 0), {})


def test_a_foreign_file_and_a_foolish_bound_are_refused(tmp_path: Path) -> None:
    find(tmp_path, [[("a", "text")]])
    with pytest.raises(ValueError, match="make them anew"):
        find_copies([tmp_path / "copies.parquet"], tmp_path / "again.parquet")
    with pytest.raises(InputError, match=r"similarity: got 0\.5; allowed: 0\.7 to 1"):
        find_copies([], tmp_path / "again.parquet", similarity=0.5)


def test_a_failure_leaves_no_file_behind(tmp_path: Path) -> None:
    def articles():  # type: ignore[no-untyped-def]
        yield 0, "a", "text"
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="gone"):
        write_signatures(articles(), tmp_path / "part.parquet")
    assert list(tmp_path.iterdir()) == []


def test_signatures_are_the_same_in_every_process() -> None:
    """A resumed run compares with signatures that another process wrote."""
    program = f"from quotewire.batch.duplicates import signature; print(signature({story(1)!r}))"
    there = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert there.stdout.strip() == repr(signature(story(1))), there.stderr
