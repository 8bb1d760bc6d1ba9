"""8-bit and 16-bit layers against the 32-bit ones, and the choice between them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn.functional import gelu
from transformers import BertConfig, BertModel

from quotewire.errors import InputError, ModelFolderError
from quotewire.extraction.model_folder import RANGES, read_ranges, write_ranges
from quotewire.extraction.network import Network, NetworkConfig
from quotewire.extraction.packed import PackedEncoder
from quotewire.extraction.precision import (
    AUTO,
    BF16,
    FP32,
    INT8,
    PRECISIONS,
    ChannelScale,
    FloatLayer,
    Int8Layer,
    Int8Product,
    Layer,
    RecordingLayer,
    ScaledNorm,
    choose_precision,
    encoder_weights,
)
from quotewire.extraction.transformer import TransformerModel

WIDTH = 32


@pytest.fixture(scope="module")
def network() -> Network:
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=40, hidden_size=WIDTH, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=64, attn_implementation="sdpa",
    )  # fmt: skip
    return Network(BertModel(config, add_pooling_layer=False), NetworkConfig(look_width=8)).eval()


@pytest.fixture(scope="module")
def ranges(network: Network) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = {}
    for number, layer in enumerate(PackedEncoder.layers(network)):
        recording = RecordingLayer(encoder_weights(layer), str(number), found)
        for _ in range(2):
            recording.query(inputs(300))
            recording.mix(inputs(300), torch.zeros(300, WIDTH))
            recording.feedforward(inputs(300), torch.zeros(300, WIDTH))
    return found


def inputs(rows: int, *, seed: int = 0) -> torch.Tensor:
    """Channels of very unlike sizes, as a transformer has them."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(rows, WIDTH, generator=generator)
    return x * torch.logspace(-1.5, 1.5, WIDTH) + torch.linspace(-2, 2, WIDTH)


def test_channels_are_rounded_to_the_nearest_step_and_cut_off_at_their_range() -> None:
    scale = ChannelScale(torch.tensor([[-1.0, 0.0], [1.0, 510.0]]))
    x = torch.tensor([[-1.0, 0.0], [1.0, 510.0], [-50.0, -3000.0], [50.0, 1e9], [0.0, 3.1]])
    assert scale(x)[:4].tolist() == [[0, 0], [255, 255], [0, 0], [255, 255]]
    assert int(scale(x)[4, 1]) == 2  # 3.1 / 2 is nearest to 2
    back = scale.step * (scale(x) - scale.offset)
    inside = torch.tensor([0, 1, 4])
    assert bool(((back - x)[inside].abs() <= scale.step * 0.501).all())


def test_a_channel_that_never_changes_does_no_harm() -> None:
    scale = ChannelScale(torch.tensor([[3.0], [3.0]]))
    back = scale.step * (scale(torch.tensor([[3.0]])) - scale.offset)
    assert back.item() == pytest.approx(3.0, abs=1e-3)


def test_the_product_is_that_of_the_rounded_numbers() -> None:
    generator = torch.Generator().manual_seed(3)
    weight = torch.randn(48, WIDTH, generator=generator)
    bias = torch.randn(48, generator=generator)
    x = inputs(50)
    scale = ChannelScale(torch.stack([x.amin(0), x.amax(0)]))
    product = Int8Product(weight, bias, scale.step, scale.offset)
    stepped = (weight * scale.step).double()
    size = stepped.abs().amax(1, keepdim=True) / 127
    whole = torch.round(stepped / size)
    assert whole.abs().max() == 127
    exact = (scale(x).double() - scale.offset.double()) @ (whole * size).T + bias.double()
    torch.testing.assert_close(product(scale(x)).double(), exact, rtol=1e-4, atol=1e-3)
    residual = torch.randn(50, 48, generator=generator)
    added = product.added(scale(x), residual.clone()).double()
    torch.testing.assert_close(added, exact + residual.double(), rtol=1e-4, atol=1e-3)
    step, zero = 0.05, 4
    eight = product.activated(scale(x), step=step, zero=zero).double()
    wanted = (gelu(exact) / step + zero).clamp(0, 255)
    assert eight.max() == 255  # some lie beyond: at the edge, not wrapped around
    assert bool(((eight - wanted).abs() <= 0.51).all())


@pytest.mark.parametrize("product", ["query", "mix", "feedforward"])
def test_whole_numbers_follow_the_floats(
    network: Network, ranges: dict[str, torch.Tensor], product: str
) -> None:
    for number, layer in enumerate(PackedEncoder.layers(network)):
        x = inputs(200, seed=9)  # others than were recorded: some outside of the ranges
        weights = encoder_weights(layer)
        exact = answer(FloatLayer(weights), product, x)
        assert error(answer(FloatLayer(weights, torch.bfloat16), product, x), exact) < 0.02
        eight = Int8Layer(weights, str(number), ranges)
        got = answer(eight, product, x)
        if product == "query":  # the values come scaled to what is mixed
            scale = eight.scales["mixed"]
            got[:, -WIDTH:] = (got[:, -WIDTH:] - scale.shift) / scale.factor
        assert error(got, exact) < 0.1


def answer(layer: Layer, product: str, x: torch.Tensor) -> torch.Tensor:
    """Of one of its products, without what it is added to."""
    if product == "query":
        return layer.query(x)
    rest = torch.full_like(x, 0.5)
    if product == "feedforward":
        return layer.feedforward(x, rest) - 0.5
    context = torch.empty_like(x, dtype=layer.context_type)
    values = x.clone()
    if isinstance(layer, Int8Layer):
        values = values * layer.scales["mixed"].factor + layer.scales["mixed"].shift
    layer.keep(values, context)
    return layer.mix(context, rest) - 0.5


def test_a_norm_that_scales_is_the_norm_and_the_scale(network: Network) -> None:
    norm = torch.nn.LayerNorm(WIDTH)
    torch.nn.init.normal_(norm.weight)
    torch.nn.init.normal_(norm.bias)
    x = inputs(100)
    scale = ChannelScale(torch.stack([norm(x).amin(0) / 2, norm(x).amax(0) / 2]).detach())
    with torch.inference_mode():
        apart = (ScaledNorm(norm, scale)(x).int() - scale(norm(x)).int()).abs()
    assert apart.max() <= 1 and float(apart.float().mean()) < 0.001


def error(got: torch.Tensor, expected: torch.Tensor) -> float:
    return float((got - expected).norm() / expected.norm())


def test_what_is_recorded_covers_all_that_was_seen(network: Network) -> None:
    found: dict[str, torch.Tensor] = {}
    layer = RecordingLayer(encoder_weights(PackedEncoder.layers(network)[0]), "0", found)
    first, second = inputs(5, seed=1), inputs(5, seed=2)
    layer.query(first)
    layer.query(second)
    both = torch.cat([first, second])
    assert found["0.query"].equal(torch.stack([both.amin(0), both.amax(0)]))


def test_auto_needs_nothing_and_int8_needs_ranges(ranges: dict[str, torch.Tensor]) -> None:
    assert choose_precision(AUTO, ranges=None) in (FP32, BF16)
    assert choose_precision(AUTO, ranges=ranges) in PRECISIONS[1:]
    for precision in (FP32, BF16):
        assert choose_precision(precision, ranges=None) == precision
    assert choose_precision(INT8, ranges=ranges) == INT8
    with pytest.raises(InputError, match=r"precision: got 'int8'.*ranges\.safetensors"):
        choose_precision(INT8, ranges=None)
    with pytest.raises(InputError, match="precision: got 'fp64'; allowed: auto, fp32, bf16, int8"):
        choose_precision("fp64", ranges=None)


def test_ranges_come_back_as_they_were_written(
    network: Network, ranges: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    assert read_ranges(tmp_path, network) is None
    write_ranges(tmp_path, ranges)
    back = read_ranges(tmp_path, network)
    assert back is not None and back.keys() == ranges.keys()
    assert all(back[name].equal(ranges[name]) for name in ranges)
    assert [path.name for path in tmp_path.iterdir()] == [RANGES]


@pytest.mark.parametrize("fault", ["bytes", "lacking", "shape", "nan", "turned"])
def test_ranges_that_are_not_the_model_s_are_refused(
    network: Network, ranges: dict[str, torch.Tensor], tmp_path: Path, fault: str
) -> None:
    write_ranges(tmp_path, ranges)
    path = tmp_path / RANGES
    changed = load_file(path)
    if fault == "bytes":
        path.write_bytes(b"nothing of the kind")
    else:
        old = changed.pop("1.mixed")
        if fault != "lacking":
            new = {"shape": old[:, 1:], "nan": old * float("nan"), "turned": old.flip(0)}[fault]
            changed["1.mixed"] = new.contiguous()
        save_file(changed, path)
    words = RANGES if fault == "bytes" else rf"{RANGES}: 1\.mixed"
    with pytest.raises(ModelFolderError, match=words):
        read_ranges(tmp_path, network)


def test_a_model_says_what_it_runs_in(network: Network, ranges: dict[str, torch.Tensor]) -> None:
    for precision in PRECISIONS[1:]:
        model = TransformerModel(
            network, proposal_bias=(0.0, 0.0), precision=precision, ranges=ranges
        )
        assert model.precision == precision
