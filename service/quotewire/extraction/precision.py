"""The arithmetic of an encoder's layers on a CPU: 32-bit floats, 16-bit ones, or 8-bit integers.

A transformer's time goes into matrix products with fixed weights; processors multiply small
integers several times as fast as floats.  Weights become s8, one scale an output channel; inputs
become u8, one scale and one offset an *input* channel: those of the inputs need no work in the
product, since they can be moved into the weights and the bias beforehand (the idea behind
SmoothQuant, Xiao et al. 2023, taken to its end).  Scales are fixed when the model is made
(:data:`Ranges`), so that what a window gets never depends on what shares its batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn.functional import gelu, linear

from quotewire.errors import InputError
from quotewire.types import PRECISIONS

AUTO, FP32, BF16, INT8 = PRECISIONS

# What goes into the four products of a layer.
QUERY, MIXED, ATTENDED, ACTIVATED = "query", "mixed", "attended", "activated"
# Lowest and highest value of every channel, [2, channels], by "LAYER.PRODUCT"; of ACTIVATED, whose
# scale the product before it applies, of all channels together, [2, 1].
Ranges = Mapping[str, Tensor]


class Layer(Protocol):
    """The products of one transformer layer, over pieces laid end to end.  P pieces, H width."""

    def query(self, x: Tensor) -> Tensor:
        """[P, H] -> [P, 3H]: queries, keys and values."""
        ...

    def mix(self, context: Tensor) -> Tensor:
        """[P, H] -> [P, H], a new tensor: the product after attention."""
        ...

    def feedforward(self, x: Tensor) -> Tensor:
        """[P, H] -> [P, H], a new tensor."""
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


def check_ranges(ranges: Ranges, layers: Sequence[Any]) -> None:
    """Whether ``ranges`` are those of Hugging Face's BERT ``layers``.  ValueError naming the
    product that is missing, of another shape, or has no finite range."""
    for number, layer in enumerate(layers):
        for product, (weight, _) in _weights(layer).items():
            name = f"{number}.{product}"
            shape = (2, 1 if product == ACTIVATED else weight.shape[1])
            if name not in ranges:
                raise ValueError(f"{name}: missing")
            edges = ranges[name]
            if tuple(edges.shape) != shape or not edges.is_floating_point():
                raise ValueError(
                    f"{name}: got {list(edges.shape)} of {edges.dtype}; "
                    f"allowed: {list(shape)} of floats"
                )
            if not bool(edges.isfinite().all() and (edges[0] <= edges[1]).all()):
                raise ValueError(f"{name}: not lowest and highest values")


def int8_products() -> bool:
    """Whether this build of torch multiplies 8-bit integers as :class:`Int8Layer` needs it."""
    try:
        packed = torch.ops.onednn.qlinear_prepack(torch.ones(16, 16, dtype=torch.int8), None)
        product = _int8_product(
            torch.full((2, 16), 200, dtype=torch.uint8), packed, torch.ones(16), torch.zeros(16)
        )
    except (AttributeError, RuntimeError, NotImplementedError):
        return False
    return bool((product == 3200).all())


def _has(feature: str) -> bool:
    """Whether the processor has the instructions; the tests for them are private to torch."""
    test = getattr(torch.cpu, f"_is_{feature}_supported", None)
    return bool(test and test())


class FloatLayer:
    """The layer as it was trained, in 32-bit floats or in 16-bit ones with 32 bits outside."""

    def __init__(self, layer: Any, dtype: torch.dtype = torch.float32) -> None:
        weights = _weights(layer)
        self._dtype = dtype
        self._weights = {
            product: (weight.to(dtype), bias.to(dtype))
            for product, (weight, bias) in weights.items()
        }

    def _product(self, product: str, x: Tensor) -> Tensor:
        return linear(x.to(self._dtype), *self._weights[product])

    def query(self, x: Tensor) -> Tensor:
        return self._product(QUERY, x).float()

    def mix(self, context: Tensor) -> Tensor:
        return self._product(MIXED, context).float()

    def feedforward(self, x: Tensor) -> Tensor:
        return self._product(ACTIVATED, gelu(self._product(ATTENDED, x))).float()


class RecordingLayer(FloatLayer):
    """Notes the ranges of what goes through it, into ``ranges``."""

    def __init__(self, layer: Any, number: int, ranges: dict[str, Tensor]) -> None:
        super().__init__(layer)
        self._number = number
        self._ranges = ranges

    def _product(self, product: str, x: Tensor) -> Tensor:
        seen = x if product != ACTIVATED else x.reshape(-1, 1)
        key = f"{self._number}.{product}"
        old = self._ranges.get(key)
        low, high = seen.amin(0), seen.amax(0)
        if old is not None:
            low, high = torch.minimum(low, old[0]), torch.maximum(high, old[1])
        self._ranges[key] = torch.stack([low, high])
        return super()._product(product, x)


class Int8Layer:
    """The layer in 8-bit integers.  KeyError if ``ranges`` lack one of its products."""

    def __init__(self, layer: Any, number: int, ranges: Ranges) -> None:
        weights = _weights(layer)
        self._inputs = {}
        self._products = {}
        for product in (QUERY, MIXED, ATTENDED):
            into = ChannelScale(ranges[f"{number}.{product}"])
            self._inputs[product] = into
            self._products[product] = Int8Product(*weights[product], into.step, into.offset)
        low, high = (float(edge) for edge in ranges[f"{number}.{ACTIVATED}"].flatten())
        low, high = min(low, 0.0), max(high, 0.0)  # what stands for 0 is one of the 256
        self._step = max(high - low, 1e-6) / 255
        self._zero = min(255, max(0, round(-low / self._step)))
        weight, bias = weights[ACTIVATED]
        width = weight.shape[1]
        self._products[ACTIVATED] = Int8Product(
            weight, bias, torch.full((width,), self._step), torch.full((width,), float(self._zero))
        )

    def _product(self, product: str, x: Tensor) -> Tensor:
        return self._products[product](self._inputs[product](x))

    def query(self, x: Tensor) -> Tensor:
        return self._product(QUERY, x)

    def mix(self, context: Tensor) -> Tensor:
        return self._product(MIXED, context)

    def feedforward(self, x: Tensor) -> Tensor:
        hidden = self._inputs[ATTENDED](x)
        active = self._products[ATTENDED].activated(hidden, step=self._step, zero=self._zero)
        return self._products[ACTIVATED](active)


class ChannelScale:
    """Floats to u8, each channel by its own ``step`` and ``offset``: x is near
    ``step * (u8 - offset)``.  What lies outside the range is moved to its edge."""

    def __init__(self, ranges: Tensor) -> None:
        low, high = ranges
        self.step = (high - low).clamp(min=1e-6) / 255
        self.offset = -low / self.step
        self._factor = 1 / self.step
        self._shift = self.offset + 0.5  # so that cutting off rounds

    def __call__(self, x: Tensor) -> Tensor:
        return torch.addcmul(self._shift, x, self._factor).clamp_(0, 255).to(torch.uint8)


class Int8Product:
    """x @ weight.T + bias for x in u8 with the ``step`` and ``offset`` of each channel."""

    def __init__(self, weight: Tensor, bias: Tensor, step: Tensor, offset: Tensor) -> None:
        stepped = weight * step
        self._scale = stepped.abs().amax(1).clamp(min=1e-12) / 127
        rounded = torch.round(stepped / self._scale.unsqueeze(1))
        # The offsets' share is the same for every x: it goes into the bias.
        self._bias = bias - self._scale * (rounded @ offset)
        self._packed = torch.ops.onednn.qlinear_prepack(rounded.to(torch.int8), None)

    def __call__(self, x: Tensor) -> Tensor:
        return _int8_product(x, self._packed, self._scale, self._bias)

    def activated(self, x: Tensor, *, step: float, zero: int) -> Tensor:
        """GELU of the product, in u8 again."""
        return _int8_product(x, self._packed, self._scale, self._bias, gelu_to=(step, zero))


def _int8_product(
    x: Tensor,
    packed: Tensor,
    scale: Tensor,
    bias: Tensor,
    gelu_to: tuple[float, int] | None = None,
) -> Tensor:
    zeros = torch.zeros(len(scale), dtype=torch.int64)
    step, zero = gelu_to or (1.0, 0)
    result: Tensor = torch.ops.onednn.qlinear_pointwise(
        x,
        1.0,
        0,
        packed,
        scale,
        zeros,
        bias,
        step,
        zero,
        torch.uint8 if gelu_to else torch.float32,
        "gelu" if gelu_to else "none",
        [],
        "none",
    )
    return result


def _weights(layer: Any) -> dict[str, tuple[Tensor, Tensor]]:
    """Weight and bias of the four products of one of Hugging Face's BERT layers."""
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
