"""Decoding one window's scores, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from quotewire.extraction.decode import confidence, decode_windows
from quotewire.extraction.model_folder import Decoding
from quotewire.extraction.scores import WindowScores
from quotewire.extraction.windows import cut_windows
from tests.fakes import FakeModel, fake_tokenizer

TEXT = "Ann said no to Bob."
(WINDOW,) = cut_windows(fake_tokenizer()(TEXT))
(SCORES,) = FakeModel().score([WINDOW])


def twice(scores: WindowScores) -> WindowScores:
    names = WindowScores.__dataclass_fields__
    return WindowScores(**{k: np.concatenate([getattr(scores, k)] * 2) for k in names})


def test_roles_become_runs_of_words() -> None:
    (found,) = decode_windows([WINDOW], [SCORES], Decoding())[0]
    assert (found.cue, found.source, found.content) == ((1, 1), (0, 0), ((2, 4),))
    assert found.intermediaries == () and found.addressee is None


def test_a_cue_below_its_channels_threshold_is_dropped() -> None:
    doubtful = replace(SCORES, valid=np.array([-1.0], np.float32))
    assert decode_windows([WINDOW], [doubtful], Decoding())[0] == ()
    low = Decoding(valid_threshold=(0.2, 0.5))
    assert len(decode_windows([WINDOW], [doubtful], low)[0]) == 1
    nested = replace(doubtful, channel=np.array([1]))
    assert decode_windows([WINDOW], [nested], low)[0] == ()


def test_of_two_overlapping_cues_the_likelier_stands() -> None:
    both = twice(SCORES)
    both = replace(both, channel=np.array([0, 1]), cue_logp=np.array([-2.0, -0.5], np.float32))
    (found,) = decode_windows([WINDOW], [both], Decoding())[0]
    assert found.nested


def test_a_content_is_insisted_on() -> None:
    roles = SCORES.roles.copy()
    roles[:, 1, :, 1] = -5.0
    roles[:, 1, 3, 1] = -1.0
    (found,) = decode_windows([WINDOW], [replace(SCORES, roles=roles)], Decoding())[0]
    assert found.content == ((3, 3),)


def test_a_statement_of_nothing_but_its_speaker_is_none() -> None:
    roles = SCORES.roles.copy()
    roles[:, 1, :, 1] = -5.0
    roles[:, 1, 0, 1] = -1.0  # the content that is insisted on would be "Ann"
    assert decode_windows([WINDOW], [replace(SCORES, roles=roles)], Decoding())[0] == ()


def test_role_bias_moves_a_doubtful_span_in_or_out() -> None:
    roles = SCORES.roles.copy()
    roles[:, 3, 4, 1] = -0.5
    scores = replace(SCORES, roles=roles)
    (found,) = decode_windows([WINDOW], [scores], Decoding())[0]
    assert found.addressee is None
    (found,) = decode_windows([WINDOW], [scores], Decoding(role_bias=(0, 0, 0, 1.0)))[0]
    assert found.addressee == (4, 4)


def test_confidence_is_a_logistic_of_the_features() -> None:
    (found,) = decode_windows([WINDOW], [SCORES], Decoding())[0]
    assert confidence(found, ()) == pytest.approx(found.valid)
    weights = [0.5] + [0.0] * (len(found.features) - 1)
    assert confidence(found, weights) == pytest.approx(1 / (1 + np.exp(-0.5)))


def test_a_batch_decodes_each_window_as_it_would_alone() -> None:
    texts = ["Ann said no.", "", "Bob told CNN that it is over, and Cid said it is not.", "nothing"]
    windows = [w for text in texts for w in cut_windows(fake_tokenizer()(text))]
    scores = FakeModel().score(windows)
    alone = [decode_windows([w], [s], Decoding())[0] for w, s in zip(windows, scores, strict=True)]
    assert decode_windows(windows, scores, Decoding()) == alone
    assert [len(found) for found in alone] == [1, 2, 0]
