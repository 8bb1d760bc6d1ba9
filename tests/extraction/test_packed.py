"""The packed forward pass against the padded one, and the second look in parts."""

from __future__ import annotations

from dataclasses import fields

import pytest
import torch
from transformers import BertConfig, BertModel, DistilBertConfig, DistilBertModel

from quotewire.errors import InputError
from quotewire.extraction.batching import collate
from quotewire.extraction.chain import BLOCKED
from quotewire.extraction.network import Batch, Cues, Look, Network, NetworkConfig
from quotewire.extraction.packed import PackedEncoder
from quotewire.extraction.precision import BF16, FP32, INT8
from quotewire.extraction.transformer import TransformerModel
from quotewire.extraction.windows import Window
from tests.fakes import fake_tokenizer

VOCABULARY = 3000


def network_of(*, reach: int = 0, hidden_act: str = "gelu") -> Network:
    torch.manual_seed(2)
    config = BertConfig(
        vocab_size=VOCABULARY, hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=64, hidden_act=hidden_act, attn_implementation="sdpa",
    )  # fmt: skip
    look = NetworkConfig(look_width=16, look_feedforward=16, look_reach=reach)
    return Network(BertModel(config, add_pooling_layer=False), look).eval()


@pytest.fixture(scope="module")
def network() -> Network:
    return network_of()


def window(words: int) -> Window:
    text = " ".join(["Ann", "told", "CNN", "“No,”", "Bob", "agrees."][n % 6] for n in range(words))
    tokens = fake_tokenizer()(text)
    last = len(tokens.first_piece) - 1
    return Window(tokens=tokens, lo=0, hi=last, core_lo=0, core_hi=last)


WINDOWS = [window(words) for words in (30, 1, 7, 80)]


def encoder(network: Network, precision: str) -> PackedEncoder:
    ranges: dict[str, torch.Tensor] = {}
    with torch.inference_mode():
        for each in WINDOWS:
            PackedEncoder.recording(network, ranges).encode(collate([each]))
    return PackedEncoder.of(network, precision, ranges)


def words_of(states: torch.Tensor, batch: Batch) -> torch.Tensor:
    return states[batch.word_mask]


@torch.inference_mode()
def test_packed_is_padded_without_the_padding(network: Network) -> None:
    batch = collate(WINDOWS)
    expected = words_of(network.encode(batch), batch)
    got = words_of(encoder(network, FP32).encode(batch), batch)
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5)
    for precision, most in ((BF16, 0.03), (INT8, 0.1)):
        close = words_of(encoder(network, precision).encode(batch), batch)
        assert 0 < float((close - expected).norm() / expected.norm()) < most


@pytest.mark.parametrize("precision", [FP32, INT8])
@torch.inference_mode()
def test_a_window_is_read_the_same_whatever_shares_its_batch(
    network: Network, precision: str
) -> None:
    packed = encoder(network, precision)
    together = packed.encode(batch := collate(WINDOWS))
    backwards = packed.encode(collate(WINDOWS[::-1])).flip(0)
    for row, each in enumerate(WINDOWS):
        alone = packed.encode(collate([each]))[0]
        mine = int(batch.word_mask[row].sum())
        for states in (together[row], backwards[row]):
            if precision == INT8:  # sums of whole numbers: in whatever order, the same
                assert states[:mine].equal(alone[:mine])
            else:
                torch.testing.assert_close(states[:mine], alone[:mine], rtol=1e-5, atol=1e-6)


def test_an_encoder_of_another_kind_runs_as_it_is() -> None:
    config = DistilBertConfig(vocab_size=VOCABULARY, dim=32, n_layers=1, n_heads=2, hidden_dim=64)
    other = Network(DistilBertModel(config), NetworkConfig(look_width=16))
    for network in (other, network_of(hidden_act="relu")):
        assert not PackedEncoder.fits(network)
        model = TransformerModel(network, proposal_bias=(0.0, 0.0))
        assert model.precision == FP32
        assert [each.roles.shape[2] for each in model.score(WINDOWS)] == [w.words for w in WINDOWS]
        with pytest.raises(InputError, match=r"precision: got 'int8'.*BERT"):
            TransformerModel(network, proposal_bias=(0.0, 0.0), precision=INT8)


def cues_of(batch: Batch, spans: list[tuple[int, int, int]]) -> Cues:
    window, first, last = torch.tensor(spans, dtype=torch.long).reshape(-1, 3).T
    return Cues(window=window, first=first, last=last)


@torch.inference_mode()
def test_looks_in_parts_are_the_looks_at_once(network: Network) -> None:
    batch = collate(WINDOWS)
    states = network.encode(batch)
    cues = cues_of(batch, [(0, 2, 3), (3, 50, 50), (2, 6, 6), (0, 0, 0), (3, 79, 79)])
    whole = network.look(states, batch, cues)
    for words in (1, 200, 10_000):
        parts = network.look(states, batch, cues, words_at_once=words)
        for f in fields(Look):
            torch.testing.assert_close(
                getattr(parts, f.name), getattr(whole, f.name), rtol=1e-4, atol=1e-5
            )
    none = network.look(states, batch, cues_of(batch, []), words_at_once=100)
    assert none.roles.shape == (0, 4, batch.word_mask.shape[1], 3)


@torch.inference_mode()
def test_a_look_reaches_so_far_and_no_farther() -> None:
    reach = 5
    network = network_of(reach=reach)
    batch = collate(WINDOWS)
    words = batch.word_mask.sum(1)
    states = network.encode(batch)
    last = int(words[3]) - 1
    # In the middle, at both edges, longer than the reach, in a window shorter than it.
    spans = [(3, 40, 40), (3, 0, 0), (3, last, last), (3, 30, 50), (1, 0, 0)]
    look = network.look(states, batch, cues_of(batch, spans), words_at_once=8)
    inside = look.roles[:, 0, :, 1] != BLOCKED
    seen = [row.nonzero().flatten().tolist() for row in inside]
    assert seen[0] == list(range(35, 45))
    assert seen[1] == list(range(10))
    assert seen[2] == list(range(last - 9, last + 1))
    assert seen[3] == list(range(25, 35))
    assert seen[4] == list(range(int(words[1])))
    assert bool(look.valid.isfinite().all())
    # What lies beyond has no say.
    states[3, 60:] = 7.0
    again = network.look(states, batch, cues_of(batch, spans[:1]))
    torch.testing.assert_close(again.roles, look.roles[:1])
