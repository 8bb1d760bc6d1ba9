"""The benchmark's own logic: what it makes of measurements, not how fast anything is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from quotewire.types import Article
from scripts.bench import data
from scripts.bench.bars import bars, best_layout, floor_share, growth, rest_share, single_ratio
from scripts.bench.driver import Rounds, Side, SideFailedError, SideProcess, run_sides
from scripts.bench.figures import Bar, Spread, interleaved, merged, paired, quantile
from scripts.bench.operations import Sizes, encoder_operations, look_operations
from scripts.bench.picture import draw, fill, markdown, rows
from scripts.bench.plan import GROUPS, Choices, sides
from scripts.bench.profile import STAGES, Profile
from scripts.bench.report import tables
from tests.conftest import ROOT
from tests.fakes import fake_extractor

SIZES = Sizes(layers=2, width=8, feedforward=16, look_layers=1, look_width=4, look_feedforward=6)


def test_spread_is_median_and_quartiles() -> None:
    assert Spread.of([4, 1, 2, 3, 100]) == Spread(3, 2, 4, 5)
    assert Spread.of([7]) == Spread(7, 7, 7, 1)
    assert Spread.of([]) is None


def test_ratios_are_made_round_by_round_and_skip_failures() -> None:
    """The machine was half as fast in the second round, for both."""
    rounds: Rounds = {
        "a": [{"rate": 8.0}, {"rate": 4.0}, None, {"rate": 9.0}],
        "b": [{"rate": 2.0}, {"rate": 1.0}, {"rate": 5.0}, None],
    }
    assert paired(rounds, "a", "b", "rate") == Spread(4, 4, 4, 2)
    assert paired(rounds, "a", "nobody", "rate") is None


def test_sides_take_turns_and_change_direction() -> None:
    assert list(interleaved("ab", rounds=3)) == [
        (0, "a"), (0, "b"), (1, "b"), (1, "a"), (2, "a"), (2, "b"),
    ]  # fmt: skip


def test_quantiles_are_values_that_were_measured() -> None:
    hundred = [float(n) for n in range(100, 0, -1)]
    assert [quantile(hundred, share) for share in (0.5, 0.99, 1.0)] == [50, 99, 100]
    assert quantile([3.0], 0.99) == 3


def test_copies_add_up_and_the_slowest_says_how_long_it_took() -> None:
    one = {"articles": 10, "seconds": 2.0, "stages": {"encode": 1.5, "decode": 0.5}, "best": 3.0}
    other = {"articles": 10, "seconds": 4.0, "stages": {"encode": 3.0, "decode": 1.0}, "best": 2.0}
    both = merged([one, other])
    assert both["articles_per_s"] == 5
    assert both["stages"] == {"encode": 4.5, "decode": 1.5}
    assert both["best"] == 5


def test_operations_by_hand() -> None:
    """Two windows of 3 and 5 tokens; two layers of 8 features, 16 within the feed-forward."""
    linear = 2 * 2 * (4 * 8 * 8 + 8 * 16 + 16 * 8)
    attention = {n: 2 * (2 * n * 8 + 2 * n * 8) for n in (3, 5)}
    expected = 3 * (linear + attention[3]) + 5 * (linear + attention[5])
    assert encoder_operations(SIZES, [3, 5]) == expected
    # A window of 10 words with one cue: two projections of each word, two of the cue (16 features
    # to 4), then one layer for each of the words that it sees.
    layer = 2 * (4 * 4 * 4 + 2 * 4 * 6)
    assert look_operations(SIZES, [(10, 1), (10, 0)]) == (
        10 * 2 * 2 * 8 * 4 + 2 * 2 * 16 * 4 + 10 * (layer + 2 * 2 * 10 * 4)
    )


def test_a_look_that_reaches_less_far_needs_less() -> None:
    near = Sizes(**{**SIZES.as_dict(), "look_reach": 2})
    assert look_operations(near, [(10, 3)]) < look_operations(SIZES, [(10, 3)])
    assert look_operations(near, [(4, 3)]) == look_operations(SIZES, [(4, 3)])


def batch(seconds: float, **stages: float) -> dict[str, object]:
    return {
        "articles": 10,
        "words": 1000,
        "tokens": 2000,
        "windows": 8,
        "seconds": seconds,
        "articles_per_s": 10 / seconds,
        "words_per_s": 1000 / seconds,
        "tokens_per_s": 2000 / seconds,
        "stages": {**dict.fromkeys((*STAGES, "other"), 0.0), **stages},
        "encoder_operations": 6e9,
        "look_operations": 3e9,
        "resident_bytes": 5e8,
        "peak_bytes": 6e8,
    }


def run() -> Rounds:
    """Two rounds, made up so that the ratios can be done in the head."""
    matmul = {
        "best": 1e10,
        "rates": {"fp32": 4e9, "int8 qlinear": 1e10},
        "attention": {"fp32": 3e9},
    }
    half = {**matmul, "best": 5e9}
    return {
        "matmul, 1 thread": [matmul, half],
        "batch, 1 thread": [
            batch(1.0, encode=0.7, look=0.1, decode=0.1, resolve=0.1),
            batch(2.0, encode=1.4, look=0.2, decode=0.2, resolve=0.2),
        ],
        "plain, 1 thread": [batch(4.0, encode=4.0), batch(8.0, encode=8.0)],
        "spacy, 1 thread": [
            {"articles": 10, "words": 1000, "seconds": s, "articles_per_s": 10 / s,
             "words_per_s": 1}
            for s in (2.0, 4.0)
        ],
        "server, 1 callers": [
            {"each_s": [0.11, 0.12, 0.5], "articles_per_s": 8.0, "p50_s": 0.12, "p99_s": 0.5,
             "resident_bytes": 5e8}
        ],
        "server, 64 callers": [
            {"each_s": [], "articles_per_s": 9.5, "p50_s": 1.0, "p99_s": 2.0, "resident_bytes": 5e8}
        ],
        "single": [{"each_s": [0.1, 0.1, 0.4]}],
    }  # fmt: skip


def test_the_bars_by_hand() -> None:
    rounds = run()
    # 6e9 operations at 1e10 a second are 0.6 s of 1 s; half the rate takes twice as long.
    assert floor_share(rounds, "1 thread") == Spread(0.6, 0.6, 0.6, 2)
    with_look = floor_share(rounds, "1 thread", look=True)
    assert with_look is not None and with_look.median == pytest.approx(0.9)
    assert rest_share(rounds["batch, 1 thread"][0] or {}) == pytest.approx(0.2)
    assert best_layout(rounds, "batch") == "1 thread"
    single = single_ratio(rounds)
    assert single is not None and single.median == pytest.approx(1.2)
    found = {bar.name: bar for bar in bars(rounds, {"server": {"at_rest_bytes": 650e6}})}
    holds = {name: bar.holds for name, bar in found.items()}
    assert holds["batch (1 thread): share of the encoder's floor"] is True
    assert holds["tokenise, decode, resolve: share of the time"] is False
    assert found["articles/s ÷ the plain way (1 thread)"].value == 4
    assert holds["articles/s ÷ spaCy with textacy (1 thread)"] is False  # twice as fast only
    assert holds["server, 64 callers ÷ batch (1 thread)"] is True
    assert found["server: memory at rest"].value == 650
    assert holds["quotewire-small ÷ quotewire-base (1 thread)"] is None  # not measured


def test_growth_leaves_the_first_round_out() -> None:
    held = [{"resident_bytes": n} for n in (100.0, 200.0, 300.0)]
    assert growth({"x": list(held)}, "x") == Spread(1.5, 1.5, 1.5, 1)
    assert growth({"x": list(held[:2])}, "x") is None


def test_a_bar_at_its_limit_holds() -> None:
    assert Bar("", 4.0, 4.0, least=True).holds and Bar("", 4.0, 4.0, least=False).holds
    assert Bar("", None, 4.0, least=True).holds is None


def test_tables_and_picture_say_the_figures() -> None:
    rounds = run()
    text = markdown(tables(rounds, {}, bars(rounds, {}), SIZES))
    assert (
        "| batch (1 thread): share of the encoder's floor | 0.60 (0.60 to 0.60) | ≥ 0.60 |" in text
    )
    assert "not measured" in text
    drawn = str(draw(list(rows(rounds))))
    assert "floor of the encoder 90" in drawn and "quotewire-base 150" in drawn
    page = "before <!-- bench: begin -->old<!-- bench: end --> after"
    assert fill(page, "new") == ("before <!-- bench: begin -->\nnew\n<!-- bench: end --> after")
    with pytest.raises(ValueError, match="found 0"):
        fill("no marks", "new")


def test_stages_are_told_apart_and_add_up_to_no_more_than_the_whole() -> None:
    """Within the fake model's answer nothing is told apart: all of it is proposals."""
    profile = Profile()
    clocked = profile.timed("proposals", lambda: profile.timed("look", lambda: sum(range(99999)))())
    clocked()
    assert profile.seconds["proposals"] < profile.seconds["look"]
    profile.reset()
    extractor = fake_extractor()
    article = Article(id="a", text="Lee said so. Then she left for the coast.")
    with pytest.MonkeyPatch.context() as patch:  # the decoder is the module's: put it back
        import quotewire.extraction.extractor as module

        patch.setattr(module, "decode_windows", module.decode_windows)
        profile.watch(extractor)
        assert len(extractor.extract(article).statements) == 1
    assert profile.lengths == [w.pieces for w in extractor.prepare(article).windows]
    assert [cues for _, cues in profile.looks] == [1]
    assert {s for s, seconds in profile.seconds.items() if seconds} == {
        "tokenise", "proposals", "decode", "resolve",
    }  # fmt: skip


def choices(path: Path) -> Choices:
    return Choices(articles=str(path), cores=2, model="quotewire-base", small="quotewire-small")


def test_every_group_has_its_sides(tmp_path: Path) -> None:
    shape = {"width": 8, "feedforward": 16, "heads": 2}
    made = sides(choices(tmp_path), groups=GROUPS, sizes=shape)
    names = [figure for side in made for figure in side.figures]
    assert len(names) == len(set(names))
    assert {"matmul, 2 processes", "batch, 2 threads", "server, 64 callers"} <= set(names)
    [dealt] = [side for side in made if side.name == "batch, 2 processes"]
    assert [dealt.options_of(n)["part"] for n in range(2)] == [0, 1]


def test_a_failing_side_is_reported_and_the_others_go_on(tmp_path: Path) -> None:
    """Real processes: one side multiplies matrices, one cannot be made, one's options are wrong."""
    small = {"width": 8, "feedforward": 16, "tokens": 12, "length": 4, "heads": 2, "threads": 1}
    good = Side(name="matmul, 1 thread", kind="matmul", options=small)
    bad = Side(name="bad", kind="matmul", options={**small, "heads": 0})
    absent = Side(name="absent", kind="no such side", options={})
    said: list[str] = []
    kept: list[tuple[Rounds, dict[str, object], dict[str, str]]] = []
    run_sides(
        [absent, good, bad],
        rounds=2,
        say=said.append,
        after_round=lambda *everything: kept.append(everything),
    )
    rounds, about, failed = kept[-1]
    assert len(kept) == 2
    assert all(r and r["best"] > 0 for r in rounds["matmul, 1 thread"])
    assert rounds["bad"] == [None, None] and "ZeroDivisionError" in failed["bad"]
    assert rounds["absent"] == [] and "KeyError" in failed["absent"]
    assert "matmul, 1 thread" in about and any("bad failed" in words for words in said)


def test_a_side_that_ends_says_how() -> None:
    with pytest.raises(SideFailedError, match="exit code 1"):
        SideProcess(Side(name="x", kind="no such side", options={}), 0)


def test_articles_are_the_same_for_all_and_dealt_out(tmp_path: Path) -> None:
    articles = [Article(id=f"a{n}", text=f"Lee said {n}.\n\nShe left.") for n in range(5)]
    path = tmp_path / "articles.jsonl"
    data.write_articles(path, articles)
    assert data.read_articles(path, count=3) == articles[:3]
    shares = [data.load_articles(str(path), part=n, parts=2) for n in range(2)]
    assert [a.id for a in shares[0]] == ["a0", "a2", "a4"]
    assert sorted(a.id for share in shares for a in share) == [a.id for a in articles]
    text = data.long_article(articles, words=100)
    assert 100 <= data.words_in(text) <= 105
    pieces = data.pieces_of(text, words=20)
    assert len(pieces) == 5 and all(20 <= data.words_in(piece) <= 25 for piece in pieces)


def test_a_missing_archive_is_told_before_anything_starts(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "scripts.bench", "--archive", str(tmp_path / "no.jsonl")]
    done = subprocess.run(
        [*command, "--out", str(tmp_path / "b.json")], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "no.jsonl: no such file; give the archive with --archive FILE" in done.stderr
    assert not (tmp_path / "b.json").exists()


def test_a_run_writes_its_figures_with_their_signature(tmp_path: Path) -> None:
    """The whole command on one side, with articles of our own."""
    archive = tmp_path / "archive.jsonl"
    data.write_articles(archive, [Article(id="a", text="Lee said so.")])
    command = [sys.executable, "-m", "scripts.bench", "--archive", str(archive), "--cores", "1"]
    options = ["--repeats", "1", "--only", "matmul", "--out", str(tmp_path / "b.json")]
    done = subprocess.run([*command, *options], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    written = json.loads((tmp_path / "b.json").read_text())
    assert written["signature"]["articles"] == 1 and written["signature"]["packages"]["torch"]
    [result] = written["rounds"]["matmul, 1 thread"]
    assert result["best"] == max(result["rates"].values())
    assert "not measured" in done.stdout
