"""How fast this machine multiplies matrices of the encoder's own shapes.

Each way gets the tokens of a batch and the four weight matrices of a layer; the fastest of several
goes counts, since a ceiling is what can be reached at all.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

Multiply = Callable[[], Any]
_GOES = 6  # of each product; the best one counts


class Matmul:
    """A side: operations a second of every way that runs here, and what stands between products."""

    def __init__(
        self, *, width: int, feedforward: int, tokens: int, length: int, heads: int, threads: int
    ) -> None:
        """``tokens`` in a batch, in windows of ``length``."""
        import torch

        torch.set_num_threads(threads)
        warnings.simplefilter("ignore")  # torch's quantised tensors announce their retirement
        self._torch = torch
        self._shapes = [
            (width, 3 * width),
            (width, width),
            (width, feedforward),
            (feedforward, width),
        ]
        self._tokens, self._length, self._heads = tokens, length, heads
        self._width, self._feedforward = width, feedforward
        self._ways: dict[str, list[tuple[int, Multiply]]] = {}
        self.failed: dict[str, str] = {}
        for name, make in (
            ("fp32", self._plain(torch.float32)),
            ("bf16", self._plain(torch.bfloat16)),
            ("int8 fbgemm", self._dynamic("fbgemm")),
            ("int8 onednn", self._dynamic("onednn")),
            ("int8 qlinear", self._qlinear),
        ):
            try:
                ways = []
                for inner, outer in self._shapes:
                    multiply = make(inner, outer)
                    multiply()
                    ways.append((2 * tokens * inner * outer, multiply))
                self._ways[name] = ways
            except Exception as error:  # a way that this torch or this CPU has not
                self.failed[name] = f"{type(error).__name__}: {error}"

    def about(self) -> dict[str, Any]:
        return {"ways": list(self._ways), "failed": self.failed}

    def run(self) -> dict[str, Any]:
        rates, seconds_per_token = {}, {}
        for name, ways in self._ways.items():
            seconds = sum(best(multiply) for _, multiply in ways)
            rates[name] = sum(operations for operations, _ in ways) / seconds
            seconds_per_token[name] = seconds / self._tokens
        return {
            "rates": rates,
            "best": max(rates.values()),
            "attention": dict(self._attention()),
            "between_s_per_token_and_layer": self._between(),
        }

    def _plain(self, kind: Any) -> Callable[[int, int], Multiply]:
        torch = self._torch

        def make(inner: int, outer: int) -> Multiply:
            x = torch.randn(self._tokens, inner).to(kind)
            weight, bias = torch.randn(outer, inner).to(kind), torch.randn(outer).to(kind)
            return lambda: torch.nn.functional.linear(x, weight, bias)

        return make

    def _dynamic(self, engine: str) -> Callable[[int, int], Multiply]:
        """torch's dynamically quantised linear: fp32 in, fp32 out, one scale an output."""
        torch = self._torch

        def make(inner: int, outer: int) -> Multiply:
            torch.backends.quantized.engine = engine
            weight = torch.randn(outer, inner)
            scales = weight.abs().amax(1) / 127
            quantised = torch.quantize_per_channel(
                weight, scales, torch.zeros(outer, dtype=torch.long), 0, torch.qint8
            )
            packed = torch.ops.quantized.linear_prepack(quantised, torch.zeros(outer))
            x = torch.randn(self._tokens, inner)
            return lambda: torch.ops.quantized.linear_dynamic(x, packed, True)

        return make

    def _qlinear(self, inner: int, outer: int) -> Multiply:
        """oneDNN's product of u8 and s8 with packed weights, fp32 out: the bare instruction."""
        torch = self._torch
        weight = torch.randint(-127, 127, (outer, inner), dtype=torch.int8)
        x = torch.randint(0, 255, (self._tokens, inner), dtype=torch.uint8)
        packed = torch.ops.onednn.qlinear_prepack(weight, [self._tokens, inner])
        scales, zeros = torch.full((outer,), 0.01), torch.zeros(outer, dtype=torch.int32)
        return lambda: torch.ops.onednn.qlinear_pointwise(
            x, 0.01, 128, packed, scales, zeros, None, 1.0, 0, torch.float32, "none", [], ""
        )

    def _attention(self) -> Iterator[tuple[str, float]]:
        """Operations a second of torch's fused attention over whole windows."""
        torch = self._torch
        rows = max(self._tokens // self._length, 1)
        shape = (rows, self._heads, self._length, self._width // self._heads)
        operations = 2 * 2 * rows * self._length**2 * self._width
        for name, kind in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
            q, k, v = (torch.randn(shape).to(kind) for _ in range(3))
            attend = partial(torch.nn.functional.scaled_dot_product_attention, q, k, v)
            yield name, operations / best(attend)

    def _between(self) -> float:
        """Seconds a token and layer of what stands between the products, in fp32 and one by one:
        GELU, two residual sums and their norms."""
        torch = self._torch
        wide = torch.randn(self._tokens, self._feedforward)
        x = torch.randn(self._tokens, self._width)
        norm = torch.nn.functional.layer_norm
        seconds = best(lambda: torch.nn.functional.gelu(wide))
        seconds += 2 * best(lambda: norm(x + x, (self._width,)))
        return seconds / self._tokens


def best(work: Callable[[], Any]) -> float:
    """Seconds of the fastest of several goes, after one that warms up."""
    work()
    fastest = float("inf")
    for _ in range(_GOES):
        started = time.perf_counter()
        work()
        fastest = min(fastest, time.perf_counter() - started)
    return fastest
