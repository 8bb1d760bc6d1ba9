"""Training of the name resolver: gold names, GAP and GUM in, one small weights file out.

The ranker learns from every gold attribution whose right name is among its candidates (the rest is
counted and reported), from GAP's pronouns and from GUM's.  Deterministic for a seed; one thread,
some minutes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from quotewire.evaluation import read_gold
from quotewire.extraction.resolve import Resolver
from quotewire.extraction.resolve_ranker import Floats, Ranker
from quotewire.extraction.resolve_types import TYPES
from quotewire.extraction.resolve_weights import save_weights
from quotewire.training.resolver_data import Example, TypeExample, from_gap, from_gold, from_gum

Layers = list[tuple[Floats, Floats]]

FOLDS = 3  # parts of the articles, of which each network does without one
HIDDEN = 64
EPOCHS = 12
BATCH = 64  # queries
RATE = 3e-3
DECAY = 1e-2
DROPOUT = 0.1
TYPE_EPOCHS = 200
TYPE_DECAY = 1e-3


def train_resolver(
    *,
    gold: Path,
    layer: Path,
    out: Path,
    gap: Path | None = None,
    gum: Path | None = None,
    networks: int = 1,
    seed: int = 0,
) -> Iterator[str]:
    """Writes ``out`` (resolver.json) and yields lines of news.

    ``gold`` and ``layer`` are a corpus file and its layer with names, ``gap`` and ``gum`` the
    coreference sets.  Each of ``networks`` times ``FOLDS`` networks does without one part of the
    articles (bagging); with the history that they then give for that part, so that the ranker
    knows its own mistakes, as many are trained again.  All are averaged.
    """
    torch.set_num_threads(1)
    articles = read_gold(gold, layer=layer)
    folds = [articles[k::FOLDS] for k in range(FOLDS)]
    parts: list[list[Example]] = []
    types: list[TypeExample] = []
    for fold in folds:
        examples, found_types = from_gold(fold)
        parts.append(examples)
        types += found_types
    everything = [e for part in parts for e in part]
    right = sum(bool(e.right) for e in everything)
    yield f"{len(everything)} mentions, right name among the candidates of {right}"
    more: list[Example] = []
    for path, reader in ((gap, from_gap), (gum, from_gum)):
        if path is not None:
            found = reader(path)
            more += found
            yield f"{len(found)} mentions from {path.name}"
    features = sorted({name for e in everything for c in e.candidates for name in c})
    names, weights, bias = fit_types(types, seed=seed)
    nets: list[list[Layers]] = [[] for _ in folds]
    for again in (False, True):
        for k in range(FOLDS):
            seen = [e for j, part in enumerate(parts) if j != k for e in part] + more
            for n in range(networks):
                chosen = seed + k + 10 * n + 5 * again
                nets[k].append(fit_ranker(seen, features, seed=chosen))
            yield f"networks of {'their own' if again else 'the gold'} history, without part {k}"
        if not again:
            resolvers = [Resolver(Ranker(features, held)) for held in nets]
            pairs = zip(folds, resolvers, strict=True)
            parts = [from_gold(fold, resolver=resolver)[0] for fold, resolver in pairs]
    together = [net for held in nets for net in held]
    save_weights(out, features=features, networks=together, types=(names, weights, bias))
    yield f"{out}: {len(features)} features, {out.stat().st_size} bytes"


def fit_ranker(examples: Sequence[Example], features: Sequence[str], *, seed: int) -> Layers:
    """One hidden layer; the loss of a query is minus the log of the softmax share of its right
    candidates, times its weight.  Queries without a right candidate are left out."""
    usable = [e for e in examples if e.right and len(e.candidates) > 1]
    columns = {name: i for i, name in enumerate(features)}
    sizes = np.array([len(e.candidates) for e in usable])
    starts = np.concatenate([[0], np.cumsum(sizes)])
    x = np.zeros((int(starts[-1]), len(features)), dtype=np.float32)
    right = np.zeros(int(starts[-1]), dtype=bool)
    row = 0
    for example in usable:
        right[[row + r for r in example.right]] = True
        for candidate in example.candidates:
            for name, value in candidate.items():
                if name in columns:
                    x[row, columns[name]] = value
            row += 1
    weight = torch.tensor([e.weight for e in usable])
    inputs, marks = torch.from_numpy(x), torch.from_numpy(right)
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    net = torch.nn.Sequential(
        torch.nn.Linear(len(features), HIDDEN),
        torch.nn.ReLU(),
        torch.nn.Dropout(DROPOUT),
        torch.nn.Linear(HIDDEN, 1),
    )
    optimiser = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=DECAY)
    steps = EPOCHS * -(-len(usable) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, RATE, total_steps=steps, pct_start=0.15
    )
    for _ in range(EPOCHS):
        order = rng.permutation(len(usable))
        for at in range(0, len(order), BATCH):
            ids = order[at : at + BATCH]
            rows = np.concatenate([np.arange(starts[i], starts[i + 1]) for i in ids])
            group = torch.from_numpy(np.repeat(np.arange(len(ids)), sizes[ids]))
            scores = net(inputs[rows])[:, 0]
            kept = marks[rows]
            every = _logsumexp(scores, group, torch.ones_like(kept), len(ids))
            loss = ((every - _logsumexp(scores, group, kept, len(ids))) * weight[ids]).mean()
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
    return [
        (layer.weight.detach().numpy().T.copy(), layer.bias.detach().numpy().copy())
        for layer in net
        if isinstance(layer, torch.nn.Linear)
    ]


def _logsumexp(
    scores: torch.Tensor, group: torch.Tensor, kept: torch.Tensor, groups: int
) -> torch.Tensor:
    """Log of the sum of exponentials of the kept scores of each group, shape [groups]."""
    masked = torch.where(kept, scores, torch.full_like(scores, -1e4))
    top = torch.full((groups,), -1e4).scatter_reduce(0, group, masked.detach(), "amax")
    total = torch.zeros(groups).scatter_add(0, group, torch.exp(masked - top[group]) * kept)
    return top + torch.log(total)


def fit_types(
    examples: Sequence[TypeExample], *, seed: int
) -> tuple[list[str], NDArray[np.float32], NDArray[np.float32]]:
    """Softmax regression over features seen at least twice: (features, weights, bias)."""
    count: dict[str, int] = {}
    for features, _ in examples:
        for name in features:
            count[name] = count.get(name, 0) + 1
    names = sorted(name for name, n in count.items() if n > 1)
    columns = {name: i for i, name in enumerate(names)}
    x = torch.zeros(len(examples), len(names))
    y = torch.tensor([TYPES.index(kind) for _, kind in examples])
    for row, (features, _) in enumerate(examples):
        for name, value in features.items():
            if name in columns:
                x[row, columns[name]] = value
    torch.manual_seed(seed)
    weights = torch.zeros(len(names), len(TYPES), requires_grad=True)
    bias = torch.zeros(len(TYPES), requires_grad=True)
    optimiser = torch.optim.Adam([weights, bias], lr=0.05)
    for _ in range(TYPE_EPOCHS):
        loss = torch.nn.functional.cross_entropy(x @ weights + bias, y)
        loss = loss + TYPE_DECAY * weights.square().sum() / 10
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    kept = [i for i, w in enumerate(weights.detach().abs().amax(1).tolist()) if w > 0.02]
    return (
        [names[i] for i in kept],
        weights.detach().numpy()[kept],
        bias.detach().numpy(),
    )
