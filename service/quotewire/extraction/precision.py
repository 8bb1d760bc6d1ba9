"""The arithmetic of a transformer's layers on a CPU: 32-bit floats, 16-bit ones, or 8-bit integers.

A transformer's time goes into matrix products with fixed weights; processors multiply small
integers several times as fast as floats.  Weights become s8, one scale an output channel; inputs
become u8, one scale and one offset an *input* channel: those of the inputs need no work in the
product, since they can be moved into the weights and the bias beforehand (the idea behind
SmoothQuant, Xiao et al. 2023, taken to its end).  Scales are fixed when the model is made
(:data:`Ranges`), so that what a window gets never depends on what shares its batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import LayerNorm
from torch.nn.functional import gelu, layer_norm, linear

from quotewire.errors import InputError
from quotewire.types import PRECISIONS

AUTO, FP32, BF16, INT8 = PRECISIONS

# What goes into the four products of a layer.
QUERY, MIXED, ATTENDED, ACTIVATED = "query", "mixed", "attended", "activated"
# Lowest and highest value of every channel, [2, channels], by "LAYER.PRODUCT"; of ACTIVATED, whose
# scale the product before it applies, of all channels together, [2, 1].
Ranges = Mapping[str, Tensor]
# Weight [outputs, inputs] and bias [outputs] of each of the four.
Weights = Mapping[str, tuple[Tensor, Tensor]]


class Layer(Protocol):
    """The products of one transformer layer, over pieces laid end to end.  P pieces, H width."""

    context_type: torch.dtype  # in which :meth:`mix` reads what attention gave

    def query(self, x: Tensor) -> Tensor:
        """[P, H] -> [P, 3H]: queries, keys and values; the values as :meth:`keep` wants them."""
        ...

    def keep(self, context: Tensor, place: Tensor) -> None:
        """Writes ``context``, averages of values that may be changed, into ``place``, of
        ``context_type``."""
        ...

    def mix(self, context: Tensor, x: Tensor) -> Tensor:
        """[P, H] of ``context_type``, [P, H] -> [P, H]: the product after attention, added to
        ``x``, which may be changed."""
        ...

    def feedforward(self, into: Tensor, x: Tensor) -> Tensor:
        """[P, H], [P, H] -> [P, H]: what comes of ``into``, added to ``x``, which may be
        changed (and may be ``into`` itself)."""
        ...


def check_precision(precision: str) -> str:
    """``precision`` itself, if it is one of PRECISIONS; InputError else."""
    if precision not in PRECISIONS:
        allowed = ", ".join(PRECISIONS)
        raise InputError(field="precision", value=repr(precision), allowed=allowed)
    return precision


def choose_precision(precision: str, *, ranges: Ranges | None) -> str:
    """What a model runs in: what is asked for, or with AUTO the fastest that this processor has
    instructions for (and the model has ranges for).  InputError if INT8 is asked for and cannot be.
    """
    if check_precision(precision) == AUTO:
        if ranges and _has("vnni") and int8_products():
            return INT8
        return BF16 if _has("avx512_bf16") or _has("amx_tile") else FP32
    if precision == INT8 and not (ranges and int8_products()):
        raise InputError(
            field="precision",
            value=repr(precision),
            allowed=f"{FP32} or {BF16}: this torch has no 8-bit products"
            if ranges
            else f"{FP32} or {BF16}: the model's folder has no ranges.safetensors",
        )
    return precision


def check_ranges(ranges: Ranges, name: str, weights: Weights) -> None:
    """Whether ``ranges`` are those of the layer ``name``.  ValueError naming the product that is
    missing, of another shape, or has no finite range."""
    for product, (weight, _) in weights.items():
        check_range(ranges, f"{name}.{product}", 1 if product == ACTIVATED else weight.shape[1])


def check_range(ranges: Ranges, name: str, channels: int) -> None:
    """ValueError if ``ranges`` have no finite range of so many ``channels`` by that ``name``."""
    if name not in ranges:
        raise ValueError(f"{name}: missing")
    edges = ranges[name]
    if tuple(edges.shape) != (2, channels) or not edges.is_floating_point():
        raise ValueError(
            f"{name}: got {list(edges.shape)} of {edges.dtype}; allowed: [2, {channels}] of floats"
        )
    if not bool(edges.isfinite().all() and (edges[0] <= edges[1]).all()):
        raise ValueError(f"{name}: not lowest and highest values")


def record_range(ranges: dict[str, Tensor], name: str, x: Tensor) -> None:
    """Widens the range ``name`` by ``x`` [P, channels], one row at least."""
    low, high = x.amin(0), x.amax(0)
    if name in ranges:
        low = torch.minimum(low, ranges[name][0])
        high = torch.maximum(high, ranges[name][1])
    ranges[name] = torch.stack([low, high])


def int8_products() -> bool:
    """Whether this build of torch multiplies 8-bit integers as :class:`Int8Layer` needs it."""
    try:
        product = Int8Product(torch.ones(16, 16), torch.zeros(16), torch.ones(16), torch.zeros(16))
        x = torch.full((2, 16), 200, dtype=torch.uint8)
        answers = product(x), product.added(x, torch.zeros(2, 16))
    except (AttributeError, RuntimeError, NotImplementedError):
        return False
    return all(torch.allclose(answer, torch.tensor(3200.0)) for answer in answers)


def _has(feature: str) -> bool:
    """Whether the processor has the instructions; the tests for them are private to torch."""
    test = getattr(torch.cpu, f"_is_{feature}_supported", None)
    return bool(test and test())


class FloatLayer:
    """The layer as it was trained, in 32-bit floats or in 16-bit ones with 32 bits outside."""

    context_type = torch.float32

    def __init__(self, weights: Weights, dtype: torch.dtype = torch.float32) -> None:
        self._dtype = dtype
        self._weights = {
            product: (weight.to(dtype), bias.to(dtype))
            for product, (weight, bias) in weights.items()
        }

    def _product(self, product: str, x: Tensor) -> Tensor:
        return linear(x.to(self._dtype), *self._weights[product])

    def query(self, x: Tensor) -> Tensor:
        return self._product(QUERY, x).float()

    def keep(self, context: Tensor, place: Tensor) -> None:
        place.copy_(context)

    def mix(self, context: Tensor, x: Tensor) -> Tensor:
        return self._product(MIXED, context).float().add_(x)

    def feedforward(self, into: Tensor, x: Tensor) -> Tensor:
        active = gelu(self._product(ATTENDED, into))
        return self._product(ACTIVATED, active).float().add_(x)


class RecordingLayer(FloatLayer):
    """Notes the ranges of what goes through it, into ``ranges``, as those of the layer ``name``."""

    def __init__(self, weights: Weights, name: str, ranges: dict[str, Tensor]) -> None:
        super().__init__(weights)
        self._name = name
        self._ranges = ranges

    def _product(self, product: str, x: Tensor) -> Tensor:
        seen = x if product != ACTIVATED else x.reshape(-1, 1)
        record_range(self._ranges, f"{self._name}.{product}", seen)
        return super()._product(product, x)


class Int8Layer:
    """The layer in 8-bit integers.  KeyError if ``ranges`` lack one of its products.

    ``mix`` reads averages of values.  Their weights add up to one, so the values can be scaled and
    shifted to 0 ... 255 where they are made, at no cost, and the averages are scaled, too.
    """

    context_type = torch.uint8

    def __init__(self, weights: Weights, name: str, ranges: Ranges) -> None:
        # ``query`` and ``feedforward`` take what these have scaled already, too.
        self.scales = {
            product: ChannelScale(ranges[f"{name}.{product}"])
            for product in (QUERY, MIXED, ATTENDED)
        }
        self._products = {
            product: Int8Product(*weights[product], scale.step, scale.offset)
            for product, scale in self.scales.items()
        }
        self._products[QUERY].then(self.scales[MIXED])
        low, high = (float(edge) for edge in ranges[f"{name}.{ACTIVATED}"].flatten())
        low, high = min(low, 0.0), max(high, 0.0)  # what stands for 0 is one of the 256
        self._step = max(high - low, 1e-6) / 255
        self._zero = min(255, max(0, round(-low / self._step)))
        weight, bias = weights[ACTIVATED]
        width = weight.shape[1]
        self._products[ACTIVATED] = Int8Product(
            weight, bias, torch.full((width,), self._step), torch.full((width,), float(self._zero))
        )

    def _scaled(self, product: str, x: Tensor) -> Tensor:
        return x if x.dtype == torch.uint8 else self.scales[product](x)

    def query(self, x: Tensor) -> Tensor:
        return self._products[QUERY](self._scaled(QUERY, x))

    def keep(self, context: Tensor, place: Tensor) -> None:
        place.copy_(context.clamp_(0, 255))

    def mix(self, context: Tensor, x: Tensor) -> Tensor:
        return self._products[MIXED].added(context, x)

    def feedforward(self, into: Tensor, x: Tensor) -> Tensor:
        hidden = self._scaled(ATTENDED, into)
        active = self._products[ATTENDED].activated(hidden, step=self._step, zero=self._zero)
        return self._products[ACTIVATED].added(active, x)


class ChannelScale:
    """Floats to u8, each channel by its own ``step`` and ``offset``: x is near
    ``step * (u8 - offset)``.  What lies outside the range is moved to its edge."""

    def __init__(self, ranges: Tensor) -> None:
        low, high = ranges
        self.step = (high - low).clamp(min=1e-6) / 255
        self.offset = -low / self.step
        self.factor = 1 / self.step
        self.shift = self.offset + 0.5  # so that cutting off rounds

    def __call__(self, x: Tensor) -> Tensor:
        return self.cut(torch.addcmul(self.shift, x, self.factor))

    @staticmethod
    def cut(scaled: Tensor) -> Tensor:
        """x * factor + shift, which is changed, to u8."""
        return scaled.clamp_(0, 255).to(torch.uint8)


class ScaledNorm:
    """A layer norm and a scale after it in one: floats to u8."""

    def __init__(self, norm: LayerNorm, scale: ChannelScale) -> None:
        self._shape = norm.normalized_shape
        self._eps = norm.eps
        self._weight = norm.weight.detach() * scale.factor
        self._bias = norm.bias.detach() * scale.factor + scale.shift

    def __call__(self, x: Tensor) -> Tensor:
        return ChannelScale.cut(layer_norm(x, self._shape, self._weight, self._bias, self._eps))


class Int8Product:
    """x @ weight.T + bias for x in u8 with the ``step`` and ``offset`` of each channel."""

    def __init__(self, weight: Tensor, bias: Tensor, step: Tensor, offset: Tensor) -> None:
        stepped = weight * step
        self._scale = stepped.abs().amax(1).clamp(min=1e-12) / 127
        rounded = torch.round(stepped / self._scale.unsqueeze(1))
        # The offsets' share is the same for every x: it goes into the bias.
        self._bias = bias - self._scale * (rounded @ offset)
        self._packed = torch.ops.onednn.qlinear_prepack(rounded.to(torch.int8), None)
        self._zeros = torch.zeros(len(bias), dtype=torch.int64)

    def then(self, scale: ChannelScale) -> None:
        """The last outputs, as many as ``scale`` has channels, come scaled, not cut to u8."""
        last = slice(-len(scale.factor), None)
        self._bias[last] = self._bias[last] * scale.factor + scale.shift
        self._scale[last] *= scale.factor

    def __call__(self, x: Tensor) -> Tensor:
        return self._product(x)

    def activated(self, x: Tensor, *, step: float, zero: int) -> Tensor:
        """GELU of the product, in u8 again."""
        return self._product(x, step, zero, torch.uint8, "gelu")

    def added(self, x: Tensor, to: Tensor) -> Tensor:
        """``to`` itself, with the product added to it."""
        result: Tensor = torch.ops.onednn.qlinear_pointwise.binary(
            x,
            1.0,
            0,
            self._packed,
            self._scale,
            self._zeros,
            to,
            self._bias,
            1.0,
            0,
            torch.float32,
            1.0,
            0,
            "sum",
            1.0,
            "none",
            [],
            "",
        )
        return result

    def _product(
        self,
        x: Tensor,
        step: float = 1.0,
        zero: int = 0,
        to: torch.dtype = torch.float32,
        after: str = "none",
    ) -> Tensor:
        result: Tensor = torch.ops.onednn.qlinear_pointwise(
            x,
            1.0,
            0,
            self._packed,
            self._scale,
            self._zeros,
            self._bias,
            step,
            zero,
            to,
            after,
            [],
            "none",
        )
        return result


def encoder_weights(layer: Any) -> Weights:
    """Those of one of Hugging Face's BERT layers."""
    attention: Any = layer.attention.self
    heads = (attention.query, attention.key, attention.value)
    products = {
        MIXED: layer.attention.output.dense,
        ATTENDED: layer.intermediate.dense,
        ACTIVATED: layer.output.dense,
    }
    result = {name: (m.weight.detach(), m.bias.detach()) for name, m in products.items()}
    result[QUERY] = (
        torch.cat([head.weight.detach() for head in heads]),
        torch.cat([head.bias.detach() for head in heads]),
    )
    return result
