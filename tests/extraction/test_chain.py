"""The two-state chain against the sum over every labelling, written out."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch

from quotewire.extraction.chain import (
    BLOCKED,
    best_labelling,
    best_single_spans,
    best_spans,
    cross_entropy,
    events,
    log_partition,
    marginals,
    runs,
    span_log_probability,
)


def score_by_hand(scores: np.ndarray, labels: tuple[bool, ...]) -> float:
    total = 0.0
    for t, inside in enumerate(labels):
        if not inside:
            continue
        total += scores[t, 1]
        if t == 0 or not labels[t - 1]:
            total += scores[t, 0]
        if t == len(labels) - 1 or not labels[t + 1]:
            total += scores[t, 2]
    return total


def every_labelling(words: int) -> list[tuple[bool, ...]]:
    return list(product([False, True], repeat=words))


@pytest.fixture(params=[1, 2, 3, 5, 8])
def scores(request: pytest.FixtureRequest) -> np.ndarray:
    rng = np.random.default_rng(request.param)
    return rng.normal(0, 2, (4, request.param, 3)).astype(np.float32)


def test_partition_sums_every_labelling(scores: np.ndarray) -> None:
    expected = [
        np.logaddexp.reduce([score_by_hand(chain, y) for y in every_labelling(len(chain))])
        for chain in scores
    ]
    assert np.allclose(log_partition(torch.tensor(scores)), expected, atol=1e-4)


def test_events_of_a_labelling_add_up_to_its_score(scores: np.ndarray) -> None:
    for labels in every_labelling(scores.shape[1]):
        score = (torch.tensor(scores) * events(torch.tensor(labels))).sum((-1, -2))
        assert np.allclose(score, [score_by_hand(chain, labels) for chain in scores], atol=1e-4)


def test_probabilities_of_all_labellings_sum_to_one(scores: np.ndarray) -> None:
    total = torch.zeros(len(scores))
    for labels in every_labelling(scores.shape[1]):
        total += torch.exp(-cross_entropy(torch.tensor(scores), events(torch.tensor(labels))))
    assert torch.allclose(total, torch.ones(len(scores)), atol=1e-4)


def test_marginals_are_the_events_of_all_labellings_by_their_probability(
    scores: np.ndarray,
) -> None:
    chains = torch.tensor(scores)
    expected = torch.zeros(chains.shape)
    for labels in every_labelling(scores.shape[1]):
        seen = events(torch.tensor(labels))
        expected += torch.exp(-cross_entropy(chains, seen))[:, None, None] * seen
    assert torch.allclose(marginals(chains), expected, atol=1e-4)


def test_a_chain_is_least_surprised_by_a_teacher_of_its_own_mind(scores: np.ndarray) -> None:
    teacher = torch.tensor(scores)
    taught = marginals(teacher)
    student = teacher.clone().requires_grad_()
    cross_entropy(student, taught).sum().backward()
    assert student.grad is not None
    assert torch.allclose(student.grad, torch.zeros_like(teacher), atol=1e-4)
    other = cross_entropy(teacher + torch.randn(teacher.shape), taught)
    assert bool((other >= cross_entropy(teacher, taught) - 1e-4).all())


def test_soft_labels_give_expected_events() -> None:
    soft = events(torch.tensor([0.0, 0.3, 0.3, 0.0, 1.0]))
    assert torch.allclose(soft[:, 0], torch.tensor([0.0, 0.3, 0.0, 0.0, 1.0]))
    assert torch.allclose(soft[:, 2], torch.tensor([0.0, 0.0, 0.3, 0.0, 1.0]))


def test_best_labelling_beats_every_other(scores: np.ndarray) -> None:
    for chain, labels in zip(scores, best_labelling(scores), strict=True):
        best = max(score_by_hand(chain, y) for y in every_labelling(len(chain)))
        assert score_by_hand(chain, tuple(labels)) == pytest.approx(best, abs=1e-4)


def test_best_spans_are_those_of_the_best_labelling() -> None:
    chains = np.random.default_rng(0).normal(0, 2, (6, 9, 3)).astype(np.float32)
    by_hand = [
        (c, first, last)
        for c, chain in enumerate(chains)
        for best in [max(every_labelling(9), key=lambda y, chain=chain: score_by_hand(chain, y))]
        for first, last in runs(np.array(best))
    ]
    assert len(by_hand) > len(chains)  # several in one chain
    assert [tuple(span) for span in best_spans(chains).tolist()] == by_hand


def test_best_single_span_beats_every_other_even_when_none_would_be_better(
    scores: np.ndarray,
) -> None:
    scores = scores - 4
    words = scores.shape[1]
    for chain, (_, *found) in zip(scores, best_single_spans(scores).tolist(), strict=True):

        def worth(first: int, last: int, chain: np.ndarray = chain) -> float:
            return score_by_hand(chain, tuple(first <= t <= last for t in range(words)))

        every = [(a, b) for a in range(words) for b in range(a, words)]
        assert worth(*found) == pytest.approx(max(worth(a, b) for a, b in every), abs=1e-4)


def test_span_probability_is_the_share_of_labellings_with_just_that_span(
    scores: np.ndarray,
) -> None:
    words = scores.shape[1]
    for first in range(words):
        for last in range(first, words):
            spans = np.array([(c, first, last) for c in range(len(scores))])
            got = span_log_probability(scores, spans)
            for chain, value in zip(scores, got, strict=True):
                has = [y for y in every_labelling(words) if (first, last) in runs(np.array(y))]
                whole = np.logaddexp.reduce(
                    [score_by_hand(chain, y) for y in every_labelling(words)]
                )
                part = np.logaddexp.reduce([score_by_hand(chain, y) for y in has])
                assert value == pytest.approx(part - whole, abs=1e-3)


def test_padding_changes_nothing(scores: np.ndarray) -> None:
    padded = np.concatenate([scores, np.full((len(scores), 3, 3), BLOCKED, np.float32)], 1)
    assert torch.allclose(
        log_partition(torch.tensor(scores)), log_partition(torch.tensor(padded)), atol=1e-3
    )
    assert (best_labelling(padded)[:, : scores.shape[1]] == best_labelling(scores)).all()
    assert not best_labelling(padded)[:, scores.shape[1] :].any()


def test_runs_are_first_and_last_words() -> None:
    assert runs(np.array([True, True, False, True])) == [(0, 1), (3, 3)]
    assert runs(np.zeros(3, bool)) == []


def test_gradient_of_the_partition_is_the_probability_of_being_inside() -> None:
    scores = torch.tensor(
        [[[0.3, -1.0, 0.2], [0.1, 0.5, -0.4], [0.0, 1.0, 0.7]]], requires_grad=True
    )
    log_partition(scores).sum().backward()
    by_hand = np.zeros(3)
    chain = scores[0].detach().numpy()
    whole = np.logaddexp.reduce([score_by_hand(chain, y) for y in every_labelling(3)])
    for labels in every_labelling(3):
        by_hand += np.exp(score_by_hand(chain, labels) - whole) * np.array(labels)
    assert scores.grad is not None
    assert np.allclose(scores.grad[0, :, 1].numpy(), by_hand, atol=1e-5)
