"""The second look for answering against the one that is trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

import pytest
import torch
from transformers import BertConfig, BertModel

from quotewire.errors import ModelFolderError
from quotewire.extraction.batching import collate
from quotewire.extraction.chain import BLOCKED
from quotewire.extraction.model_folder import read_ranges, write_ranges
from quotewire.extraction.network import Batch, Cues, Look, Network, NetworkConfig
from quotewire.extraction.packed import PackedEncoder
from quotewire.extraction.packed_look import PackedLook
from quotewire.extraction.precision import BF16, FP32, INT8
from quotewire.extraction.transformer import TransformerModel
from quotewire.extraction.windows import Window
from tests.fakes import fake_tokenizer

EVERYTHING = (9.0, 9.0)  # a bias that makes an untrained network propose cues


def network_of(*, reach: int) -> Network:
    torch.manual_seed(3)
    config = BertConfig(
        vocab_size=3000, hidden_size=32, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=64, attn_implementation="sdpa",
    )  # fmt: skip
    look = NetworkConfig(look_width=16, look_feedforward=32, look_reach=reach)
    return Network(BertModel(config, add_pooling_layer=False), look).eval()


def window(words: int) -> Window:
    some = ["Ann", "told", "CNN", "“No,”", "Bob", "agrees.\n\n"]
    tokens = fake_tokenizer()(" ".join(some[n % 6] for n in range(words)))
    last = len(tokens.first_piece) - 1
    return Window(tokens=tokens, lo=0, hi=last, core_lo=0, core_hi=last)


WINDOWS = [window(words) for words in (30, 1, 7, 80)]
# In the middle, at both edges, twice in one window, over a part's end, where there is one word.
SPANS = [(0, 2, 3), (3, 0, 0), (3, 79, 79), (3, 40, 40), (3, 30, 50), (1, 0, 0), (2, 6, 6)]


def cues_of(spans: Sequence[tuple[int, int, int]]) -> Cues:
    window, first, last = torch.tensor(spans, dtype=torch.long).reshape(-1, 3).T
    return Cues(window=window, first=first, last=last)


def read(network: Network, windows: Sequence[Window] = WINDOWS) -> tuple[torch.Tensor, Batch]:
    batch = collate(windows)
    return PackedEncoder.of(network, FP32).encode(batch), batch


def ranges_of(network: Network) -> dict[str, torch.Tensor]:
    ranges: dict[str, torch.Tensor] = {}
    recorder = TransformerModel.recording(network, ranges, proposal_bias=EVERYTHING)
    assert any(len(found.channel) for found in recorder.score(WINDOWS))
    return ranges


def assert_like(got: Look, expected: Look, *, most: float = 1e-5) -> None:
    for field in fields(Look):
        mine, other = getattr(got, field.name), getattr(expected, field.name)
        assert (mine == BLOCKED).equal(other == BLOCKED), field.name
        torch.testing.assert_close(mine, other, rtol=0, atol=most, msg=field.name)


@pytest.mark.parametrize("reach", [0, 5, 20])
@torch.inference_mode()
def test_in_floats_it_is_the_look_that_was_trained(reach: int) -> None:
    network = network_of(reach=reach)
    states, batch = read(network)
    for spans in (SPANS, SPANS[::-1], SPANS[:1], []):
        expected = network.look(states, batch, cues_of(spans))
        for words in (1, 25, 10_000):
            look = PackedLook.of(network, FP32)
            assert_like(look(states, batch, cues_of(spans), words_at_once=words), expected)


@pytest.mark.parametrize("reach", [0, 5, 20])
@torch.inference_mode()
def test_whole_numbers_follow_the_floats(reach: int) -> None:
    network = network_of(reach=reach)
    states, batch = read(network)
    expected = network.look(states, batch, cues_of(SPANS))
    got = PackedLook.of(network, INT8, ranges_of(network))(states, batch, cues_of(SPANS))
    assert_like(got, expected, most=0.1)
    assert not got.valid.equal(expected.valid)


@torch.inference_mode()
def test_in_whole_numbers_a_cue_gets_the_same_whatever_shares_its_batch() -> None:
    network = network_of(reach=20)
    look = PackedLook.of(network, INT8, ranges_of(network))
    states, batch = read(network)
    together = look(states, batch, cues_of(SPANS))
    for number, (row, first, last) in enumerate(SPANS):
        words = int(batch.word_mask[row].sum())
        mine, alone = states[row : row + 1, :words], collate([WINDOWS[row]])
        one = look(mine, alone, cues_of([(0, first, last)]))
        # Only the last products are in floats, whose sums depend on how many rows there are.
        torch.testing.assert_close(one.roles[0], together.roles[number, :, :words])
        torch.testing.assert_close(one.valid[0], together.valid[number], rtol=1e-5, atol=1e-6)


@torch.inference_mode()
def test_without_its_ranges_the_look_stays_in_floats() -> None:
    network = network_of(reach=5)
    every = ranges_of(network)
    old = {name: value for name, value in every.items() if not name.startswith("look.")}
    assert {name.split(".")[0] for name in every} == {"0", "look"} and len(old) == 4
    states, batch = read(network)
    expected = network.look(states, batch, cues_of(SPANS))
    for precision, ranges in ((INT8, old), (INT8, None), (BF16, every), (FP32, every)):
        assert_like(
            PackedLook.of(network, precision, ranges)(states, batch, cues_of(SPANS)), expected
        )
    with_old, with_all = (
        TransformerModel(network, proposal_bias=EVERYTHING, precision=INT8, ranges=ranges)
        for ranges in (old, every)
    )
    assert with_old.precision == with_all.precision == INT8
    one, other = (
        [valid for found in model.score(WINDOWS) for valid in found.valid.tolist()]
        for model in (with_old, with_all)
    )
    assert one == pytest.approx(other, abs=0.1) and one != other


@pytest.mark.parametrize("lost", ["look.states", "look.1.mixed", "look.0.activated"])
def test_half_of_its_ranges_are_refused(lost: str, tmp_path: Path) -> None:
    network = network_of(reach=5)
    ranges = ranges_of(network)
    write_ranges(tmp_path, ranges)
    assert read_ranges(tmp_path, network)
    write_ranges(tmp_path, {**ranges, lost: ranges[lost][:1]})
    with pytest.raises(ModelFolderError, match=rf"ranges\.safetensors: {lost}: got \[1"):
        read_ranges(tmp_path, network)
    del ranges[lost]
    write_ranges(tmp_path, ranges)
    with pytest.raises(ModelFolderError, match=rf"ranges\.safetensors: {lost}: missing"):
        read_ranges(tmp_path, network)
