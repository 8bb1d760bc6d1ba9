"""The encoder's forward pass for answering: windows laid end to end, nothing computed for padding.

The same function as :meth:`Network.encode`, in the arithmetic that suits the processor
(precision.py).  Attention runs window by window, so a window's states do not depend on what it
shares a batch with; everything else runs over all pieces of the batch at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from quotewire.extraction.network import Batch, Network
from quotewire.extraction.precision import (
    BF16,
    INT8,
    FloatLayer,
    Int8Layer,
    Layer,
    Ranges,
    RecordingLayer,
    check_ranges,
    encoder_weights,
)


class PackedEncoder:
    """Encodes batches with the weights of ``network``, whose encoder is a BERT."""

    def __init__(self, network: Network, layers: Sequence[Layer]) -> None:
        self._network = network
        encoder: Any = network.encoder
        self._encoder = encoder
        self._layers = layers
        self._heads: int = encoder.config.num_attention_heads

    @classmethod
    def of(cls, network: Network, precision: str, ranges: Ranges | None = None) -> PackedEncoder:
        """``precision``: FP32, BF16, or INT8, which needs ``ranges``."""
        layers: list[Layer] = []
        for number, layer in enumerate(cls.layers(network)):
            weights = encoder_weights(layer)
            if precision == INT8:
                layers.append(Int8Layer(weights, str(number), ranges or {}))
            else:
                dtype = torch.bfloat16 if precision == BF16 else torch.float32
                layers.append(FloatLayer(weights, dtype))
        return cls(network, layers)

    @classmethod
    def recording(cls, network: Network, ranges: dict[str, Tensor]) -> PackedEncoder:
        """One that notes in ``ranges`` what INT8 needs; some 20,000 pieces of ordinary text do."""
        layers = [
            RecordingLayer(encoder_weights(layer), str(number), ranges)
            for number, layer in enumerate(cls.layers(network))
        ]
        return cls(network, layers)

    @classmethod
    def check(cls, network: Network, ranges: Ranges) -> None:
        """ValueError naming what is wrong with ``ranges`` for the encoder of ``network``."""
        for number, layer in enumerate(cls.layers(network)):
            check_ranges(ranges, str(number), encoder_weights(layer))

    @staticmethod
    def fits(network: Network) -> bool:
        """Whether ``network`` has an encoder of the kind that this class knows."""
        config: Any = network.encoder.config
        return bool(config.model_type == "bert" and config.hidden_act == "gelu")

    @staticmethod
    def layers(network: Network) -> Sequence[Any]:
        """Hugging Face's layers of an encoder that fits."""
        encoder: Any = network.encoder
        layers: Sequence[Any] = encoder.encoder.layer
        return layers

    def encode(self, batch: Batch) -> Tensor:
        """[B, W, H] states of the words (of their first pieces), as :meth:`Network.encode`;
        behind a window's last word stands anything."""
        lengths = batch.attended.sum(1)
        x = self._embed(batch, lengths)
        spans = lengths.tolist()
        for layer, module in zip(self._layers, self._encoder.encoder.layer, strict=True):
            context = self._attend(layer, x, spans)
            x = module.attention.output.LayerNorm(layer.mix(context, x))
            x = module.output.LayerNorm(layer.feedforward(x, x))
        begin = lengths.cumsum(0) - lengths
        return x[batch.first_piece + begin.unsqueeze(1)]

    def _embed(self, batch: Batch, lengths: Tensor) -> Tensor:
        """[P, H] of the P pieces of all windows."""
        real = batch.attended.bool()
        place = (batch.attended.cumsum(1) - 1)[real]
        embeddings = self._encoder.embeddings
        x: Tensor = embeddings.word_embeddings(batch.pieces[real])
        x = x + self._network.shape_embedding(batch.shape[real])
        x += self._network.quote_embedding(batch.quote_state[real])
        x += embeddings.position_embeddings(place)
        x += embeddings.token_type_embeddings.weight[0]
        normalised: Tensor = embeddings.LayerNorm(x)
        return normalised

    def _attend(self, layer: Layer, x: Tensor, lengths: Sequence[int]) -> Tensor:
        """[P, H] -> [P, H] as ``layer.mix`` reads it."""
        query = layer.query(x)
        context = torch.empty_like(x, dtype=layer.context_type)
        begin = 0
        for length in lengths:
            window = slice(begin, begin + length)
            q, k, v = (
                query[window].view(1, length, 3, self._heads, -1).permute(2, 0, 3, 1, 4)
            )  # each [1, heads, length, width / heads]
            mixed = scaled_dot_product_attention(q, k, v)
            layer.keep(mixed[0].transpose(0, 1).reshape(length, -1), context[window])
            begin += length
        return context
