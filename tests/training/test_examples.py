from __future__ import annotations

import itertools
import random
from collections import Counter

import torch

from quotewire.extraction.chain import runs
from quotewire.extraction.network import ACTS, ROLES
from quotewire.training.augment import restyle
from quotewire.training.corpus import BARE, WHOLE, Attribution, LabelledArticle
from quotewire.training.dropout import PooledDropout, pool_dropout
from quotewire.training.examples import UNKNOWN, align, make_batch, random_windows
from quotewire.training.loop import one_cycle
from quotewire.types import Span
from tests.fakes import fake_tokenizer

TEXT = "“No,” Ann told CNN. “Never.”\n\nBob agrees."


def labelled(**changes: object) -> LabelledArticle:
    attribution = Attribution(
        cue=Span(10, 14),
        source=(Span(6, 9),),
        content=(Span(0, 5), Span(20, 28)),
        intermediary=Span(15, 18),
        intermediary_kind="outlet",
        act="statement",
    )
    return LabelledArticle("a", TEXT, None, None, (attribution,), WHOLE, nested_known=True)


def test_labels_move_to_words_and_back() -> None:
    example = align(labelled(), fake_tokenizer())
    (window,) = (w for _, w in random_windows([example], max_pieces=60, rng=random.Random(0)))
    _, targets, cut = make_batch([(example, window)])
    assert cut == 0
    tokens = example.tokens

    def texts(role: str) -> list[str]:
        marks = targets.roles[0, ROLES.index(role)].numpy()
        return [tokens.span(a, b).slice(TEXT) for a, b in runs(marks)]

    assert texts("source") == ["Ann"]
    assert texts("content") == ["“No,”", "“Never.”"]
    assert texts("intermediary") == ["CNN"]
    assert texts("addressee") == []
    assert targets.act.tolist() == [ACTS.index("statement")]
    assert targets.speaker_type.tolist() == [UNKNOWN]
    assert bool(targets.nested_known[0])


def test_what_nobody_looked_for_and_what_is_only_likely_stay_so() -> None:
    bare = Attribution(cue=Span(10, 14), source=(Span(6, 9),), relays_known=False)
    silver = Attribution(cue=Span(34, 40), source=(Span(30, 33),), nested=True, probability=0.25)
    assert silver.cue.slice(TEXT) == "agrees"
    article = LabelledArticle("a", TEXT, None, None, (bare, silver), BARE)
    example = align(article, fake_tokenizer())
    (window,) = (w for _, w in random_windows([example], max_pieces=60, rng=random.Random(0)))
    _, targets, _ = make_batch([(example, window)])
    assert targets.roles_known.tolist() == [[True, True, False, False], [True] * 4]
    assert targets.probability.tolist() == [1.0, 0.25]
    assert targets.cue_nested.tolist() == [False, True]
    assert sorted(set(targets.nested.flatten().tolist())) == [0.0, 0.25]
    assert float(targets.outer.sum()) == 1
    assert not bool(targets.nested_known[0])


def test_what_alignment_moves_is_counted() -> None:
    article = labelled()
    moved = LabelledArticle(
        "a", TEXT, None, None, (Attribution(cue=Span(11, 14)), Attribution(cue=Span(5, 6))), WHOLE
    )
    lost: Counter[str] = Counter()
    example = align(moved, fake_tokenizer(), lost=lost)
    assert len(example.labels) == 1
    assert lost["spans moved to word edges"] == 1
    assert lost["attributions without a cue word"] == 1
    assert align(article, fake_tokenizer(), lost=(fine := Counter())).labels != ()
    assert fine["spans moved to word edges"] == 0


def test_an_attribution_that_a_window_cuts_has_no_role_targets_but_is_counted() -> None:
    example = align(labelled(), fake_tokenizer())
    windows = list(random_windows([example], max_pieces=12, rng=random.Random(1)))
    _, targets, cut = make_batch(windows)
    assert cut == 1 and len(targets.cue_window) == 0
    assert int(targets.outer.sum()) == 1


def test_windows_tile_every_article_anew_each_epoch() -> None:
    example = align(labelled(), fake_tokenizer())
    cuts = set()
    for seed in range(10):
        windows = [w for _, w in random_windows([example], max_pieces=10, rng=random.Random(seed))]
        assert windows[0].lo == 0 and windows[-1].hi == len(example.tokens)
        assert all(a.hi == b.lo for a, b in itertools.pairwise(windows))
        assert all(w.pieces <= 10 for w in windows)
        cuts.add(tuple(w.hi for w in windows))
    assert len(cuts) > 1


def test_restyling_keeps_every_place() -> None:
    styles = {restyle(TEXT, share=1.0, rng=random.Random(n)) for n in range(40)}
    assert len(styles) > 3
    for style in styles:
        assert len(style) == len(TEXT)
        assert all(a == b or not a.isalnum() for a, b in zip(TEXT, style, strict=True))
    assert restyle(TEXT, share=0.0, rng=random.Random(0)) == TEXT


def test_pooled_dropout_drops_its_share_and_keeps_the_mean() -> None:
    torch.manual_seed(0)
    dropout = PooledDropout(0.25)
    out = dropout(torch.ones(1000, 100))
    assert abs(float((out == 0).float().mean()) - 0.25) < 0.01
    assert abs(float(out.mean()) - 1) < 0.01
    assert not dropout(torch.ones(1000, 100)).equal(out)
    assert dropout.eval()(torch.ones(3)).equal(torch.ones(3))


def test_pooled_dropout_takes_the_place_of_every_dropout() -> None:
    module = torch.nn.Sequential(torch.nn.Dropout(0.1), torch.nn.Sequential(torch.nn.Dropout(0.2)))
    pool_dropout(module)
    kinds = [m.p for m in module.modules() if isinstance(m, PooledDropout)]
    assert kinds == [0.1, 0.2]
    assert not any(isinstance(m, torch.nn.Dropout) for m in module.modules())


def test_the_rate_rises_then_falls_to_nothing() -> None:
    assert one_cycle(0.0, warmup=0.1) == 0
    assert one_cycle(0.1, warmup=0.1) == 1
    assert one_cycle(1.0, warmup=0.1) < 1e-9
