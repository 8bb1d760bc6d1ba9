"""The second look for answering: the same function as :meth:`Network.look`, in the arithmetic that
suits the processor (precision.py).

Cues that see equally many words are looked at together, so nothing is computed for padding and
attention needs no mask.  With 8-bit integers, what a cue gets does not depend on its batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding, linear, scaled_dot_product_attention

from quotewire.extraction.chain import BLOCKED
from quotewire.extraction.network import (
    ROLES,
    Batch,
    Cues,
    Look,
    LookLayer,
    Network,
    SecondLook,
)
from quotewire.extraction.precision import (
    ACTIVATED,
    ATTENDED,
    INT8,
    MIXED,
    QUERY,
    ChannelScale,
    FloatLayer,
    Int8Layer,
    Int8Product,
    Layer,
    Ranges,
    RecordingLayer,
    ScaledNorm,
    Weights,
    check_range,
    check_ranges,
    record_range,
)

# What the ranges call the encoder's states, from which the look begins, and its layers.
STATES, LAYER = "look.states", "look.{}"
WORDS_AT_ONCE = 2048  # of all cues together: 1 MiB a state, half the cache of a core

Norm = Callable[[Tensor], Tensor]


class Start:
    """What a look makes of the encoder's states before its layers, in 32-bit floats."""

    def __init__(self, look: SecondLook) -> None:
        self.of_words = _both(look.word, look.gate_word)
        self.of_points = _both(look.cue, look.gate_cue)

    def take(self, states: Tensor, real: Tensor) -> Tensor:
        """[B, W, H], and which words are real -> [B, W, H] as ``words`` and ``points`` read it."""
        return states

    def words(self, taken: Tensor) -> Tensor:
        """[P, H] -> [P, 2 look]: of each word, what is added, and what a cue's gate lets in."""
        return linear(taken, *self.of_words)

    def points(self, taken: Tensor) -> Tensor:
        """[C, 2H], a cue's first and last word -> [C, 2 look]: what is added, and the gate."""
        return linear(taken, *self.of_points)


class RecordingStart(Start):
    """Notes the range of the states in ``ranges``."""

    def __init__(self, look: SecondLook, ranges: dict[str, Tensor]) -> None:
        super().__init__(look)
        self._ranges = ranges

    def take(self, states: Tensor, real: Tensor) -> Tensor:
        record_range(self._ranges, STATES, states[real])
        return states


class Int8Start(Start):
    """In 8-bit integers."""

    def __init__(self, look: SecondLook, ranges: Ranges) -> None:
        super().__init__(look)
        self._scale = ChannelScale(ranges[STATES])
        step, offset = self._scale.step, self._scale.offset
        self._words = Int8Product(*self.of_words, step, offset)
        self._points = Int8Product(*self.of_points, step.repeat(2), offset.repeat(2))

    def take(self, states: Tensor, real: Tensor) -> Tensor:
        return self._scale(states)

    def words(self, taken: Tensor) -> Tensor:
        return self._words(taken)

    def points(self, taken: Tensor) -> Tensor:
        return self._points(taken)


class PackedLook:
    """Looks with the weights of ``network``."""

    def __init__(
        self, look: SecondLook, start: Start, layers: Sequence[tuple[Layer, Norm, Norm]]
    ) -> None:
        """``layers``: each with its norms before attention and before the feed-forward part."""
        self._look = look
        self._start = start
        self._layers = layers

    @classmethod
    def of(cls, network: Network, precision: str, ranges: Ranges | None = None) -> PackedLook:
        """In 8 bits if ``precision`` is INT8 and ``ranges`` tell of the look, else in 32."""
        look = network.second_look
        if precision != INT8 or not ranges or STATES not in ranges:
            layers = [
                (FloatLayer(look_weights(each)), each.norm_attention, each.norm_feedforward)
                for each in _layers(look)
            ]
            return cls(look, Start(look), layers)
        return cls(
            look,
            Int8Start(look, ranges),
            [_int8_layer(each, n, ranges) for n, each in enumerate(_layers(look))],
        )

    @classmethod
    def recording(cls, network: Network, ranges: dict[str, Tensor]) -> PackedLook:
        """One that notes in ``ranges`` what INT8 needs."""
        look = network.second_look
        layers = [
            (
                RecordingLayer(look_weights(each), LAYER.format(number), ranges),
                each.norm_attention,
                each.norm_feedforward,
            )
            for number, each in enumerate(_layers(look))
        ]
        return cls(look, RecordingStart(look, ranges), layers)

    @staticmethod
    def check(network: Network, ranges: Ranges) -> None:
        """ValueError naming what is wrong with what ``ranges`` tell of the look, if they do."""
        look = network.second_look
        if not any(name.startswith(LAYER.format("")) for name in ranges):
            return
        check_range(ranges, STATES, look.word.in_features)
        for number, layer in enumerate(_layers(look)):
            check_ranges(ranges, LAYER.format(number), look_weights(layer))

    def __call__(
        self, states: Tensor, batch: Batch, cues: Cues, *, words_at_once: int = WORDS_AT_ONCE
    ) -> Look:
        """As :meth:`Network.look`."""
        taken = self._start.take(states, batch.word_mask).flatten(0, 1)
        words = self._start.words(taken)
        begin = cues.window * states.shape[1]
        edges = taken[begin + cues.first], taken[begin + cues.last]
        points = self._start.points(torch.cat(edges, -1))
        # Blocked where nothing is seen.
        roles = states.new_full((len(cues.first), states.shape[1], len(ROLES), 3), BLOCKED)
        judged = states.new_zeros(len(cues.first), self._width)
        for part, seen in self._parts(batch, cues, words_at_once):
            some = Cues(cues.window[part], cues.first[part], cues.last[part])
            scores, judged[part] = self._some(words, points[part], batch, some, seen)
            roles[part.unsqueeze(1), seen] = scores
        valid, act, speaker_type, kind = (head(judged) for head in self._look.judgements)
        return Look(
            roles=roles.permute(0, 2, 1, 3).contiguous(),
            valid=valid.squeeze(-1),
            act=act,
            speaker_type=speaker_type,
            intermediary_kind=kind,
        )

    @property
    def _width(self) -> int:
        return self._look.word.out_features

    def _parts(
        self, batch: Batch, cues: Cues, words_at_once: int
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Which cues [c], and the consecutive words [c, S] of its window that each of them sees:
        those of a cue near an edge of its window reach farther on the other side."""
        reach = self._look.reach
        words = batch.word_mask.sum(1)[cues.window]
        counts = words.clamp(max=2 * reach) if reach else words
        for count in sorted(set(counts.tolist())):
            like = (counts == count).nonzero().squeeze(1)
            begin = torch.minimum(cues.first - reach, words - count).clamp(min=0)
            span = torch.arange(count, device=begin.device)
            for part in like.split(max(1, words_at_once // count)):
                yield part, begin[part].unsqueeze(1) + span

    def _some(
        self, words: Tensor, points: Tensor, batch: Batch, cues: Cues, seen: Tensor
    ) -> tuple[Tensor, Tensor]:
        """[C, S, roles, 3] and, for the judgements, [C, look], of cues that see S words each."""
        look = self._look
        count, width = seen.shape[1], self._width
        at = (cues.window.unsqueeze(1) * batch.word_mask.shape[1] + seen).flatten()
        word, gate = words.index_select(0, at).view(*seen.shape, -1).chunk(2, -1)
        cue, cue_gate = points.unsqueeze(1).chunk(2, -1)
        x = embedding(look.bucket(seen, cues), look.distance.weight)
        x = look.norm(x.add_(cue).add_(word).addcmul_(gate, cue_gate)).view(-1, width)
        for layer, norm_attention, norm_feedforward in self._layers:
            query = layer.query(norm_attention(x)).view(len(seen), count, 3, self._heads, -1)
            q, k, v = query.permute(2, 0, 3, 1, 4)  # each [C, heads, S, width / heads]
            mixed = scaled_dot_product_attention(q, k, v).transpose(1, 2)
            context = torch.empty_like(x, dtype=layer.context_type)
            layer.keep(mixed.reshape(-1, width), context)
            x = layer.mix(context, x)
            x = layer.feedforward(norm_feedforward(x), x)
        x = look.final(x).view(len(seen), count, width)
        scores = look.roles(x).view(*seen.shape, len(ROLES), 3)
        # A span may run over a paragraph break, but not begin or end on one.
        breaks = batch.is_break[cues.window.unsqueeze(1), seen]
        scores[..., ::2].masked_fill_(breaks[..., None, None], BLOCKED)
        row = torch.arange(len(seen), device=x.device)
        first = cues.first - seen[:, 0]
        last = (cues.last - seen[:, 0]).clamp(max=count - 1)
        return scores, look.judge(torch.cat([x[row, first], x[row, last]], -1))

    @property
    def _heads(self) -> int:
        return _layers(self._look)[0].heads


def _layers(look: SecondLook) -> list[LookLayer]:
    return [layer for layer in look.layers if isinstance(layer, LookLayer)]


def _int8_layer(layer: LookLayer, number: int, ranges: Ranges) -> tuple[Layer, Norm, Norm]:
    products = Int8Layer(look_weights(layer), LAYER.format(number), ranges)
    return (
        products,
        ScaledNorm(layer.norm_attention, products.scales[QUERY]),
        ScaledNorm(layer.norm_feedforward, products.scales[ATTENDED]),
    )


def look_weights(layer: LookLayer) -> Weights:
    """Those of a layer of the second look."""
    rise, _, fall = layer.feedforward
    products: dict[str, Any] = {QUERY: layer.qkv, MIXED: layer.out, ATTENDED: rise, ACTIVATED: fall}
    return {name: (m.weight.detach(), m.bias.detach()) for name, m in products.items()}


def _both(one: nn.Linear, other: nn.Linear) -> tuple[Tensor, Tensor]:
    """Weight and bias of two products of the same inputs in one."""
    return (
        torch.cat([one.weight.detach(), other.weight.detach()]),
        torch.cat([one.bias.detach(), other.bias.detach()]),
    )
