"""The neural network: window in, cue chains and role chains out.

One encoder pass a window; two cue chains (statements of the page itself, and those nested inside
another one's quote); then for every cue a second, small look at the whole window from that cue's
point of view, which scores each word as part of the cue's source, content, intermediary and
addressee and judges the cue as a whole (is it one, statement or attitude, types).

Shapes: B windows, P pieces, W words, H encoder width, C cues over all windows of the batch.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

import torch
from torch import Tensor, nn

from quotewire.extraction.chain import BLOCKED
from quotewire.extraction.tokens import QUOTE_STATES, SHAPES

CUE_CHANNELS = ("outer", "nested")
ROLES = ("source", "content", "intermediary", "addressee")
ACTS = ("statement", "attitude")
SPEAKER_TYPES = ("person", "organization", "group", "document")
INTERMEDIARY_KINDS = ("outlet", "platform", "person", "press", "document")


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """Sizes of the parts on top of the encoder (all in units of features or layers)."""

    look_width: int = 128
    look_layers: int = 2
    look_heads: int = 2
    look_feedforward: int = 256
    distance_buckets: int = 12  # a side, logarithmic
    dropout: float = 0.1
    look_reach: int = 0  # words that it looks at before and after a cue begins; 0: all of a window

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Batch:
    """Windows as tensors.

    ``pieces``, ``attended``, ``shape``, ``quote_state``: [B, P] (shape and quote state of the word
    that a piece belongs to).  ``first_piece``: [B, W] index into P of each word's first piece.
    ``word_mask``: [B, W] True for real words.  ``is_break``: [B, W] paragraph breaks.
    """

    pieces: Tensor
    attended: Tensor
    shape: Tensor
    quote_state: Tensor
    first_piece: Tensor
    word_mask: Tensor
    is_break: Tensor

    def to(self, device: str) -> Batch:
        """The same on ``device``; itself if it is there."""
        return Batch(**{f.name: getattr(self, f.name).to(device) for f in fields(self)})


@dataclass(frozen=True, slots=True)
class Cues:
    """Candidate cues of a batch: ``window``, ``first``, ``last`` word, each [C]."""

    window: Tensor
    first: Tensor
    last: Tensor


@dataclass(frozen=True, slots=True)
class Look:
    """What the network thinks of each candidate cue.

    ``roles``: [C, roles, W, 3] chain scores.  ``valid``: [C] logit of being a cue at all.
    ``act``: [C, 2], ``speaker_type``: [C, 4], ``intermediary_kind``: [C, 5] logits.
    """

    roles: Tensor
    valid: Tensor
    act: Tensor
    speaker_type: Tensor
    intermediary_kind: Tensor


class Network(nn.Module):
    """``encoder`` is any Hugging Face encoder with ``inputs_embeds`` (BERT and its family)."""

    def __init__(self, encoder: nn.Module, config: NetworkConfig) -> None:
        super().__init__()
        self.encoder = encoder
        self.config = config
        width = int(encoder.config.hidden_size)  # type: ignore[union-attr, arg-type]
        self.shape_embedding = nn.Embedding(len(SHAPES), width)
        self.quote_embedding = nn.Embedding(len(QUOTE_STATES), width)
        nn.init.normal_(self.shape_embedding.weight, std=0.01)
        nn.init.normal_(self.quote_embedding.weight, std=0.01)
        self.cue_head = nn.Sequential(
            nn.Linear(width, width),
            nn.GELU(),
            nn.Dropout(config.dropout),
            nn.Linear(width, len(CUE_CHANNELS) * 3),
        )
        _expect_few_spans(self.cue_head[-1])
        self.second_look = SecondLook(width, config)

    def encode(self, batch: Batch) -> Tensor:
        """[B, W, H] states of the words (of their first pieces)."""
        words: Tensor = self.encoder.get_input_embeddings()(batch.pieces)  # type: ignore[operator]
        extra = self.shape_embedding(batch.shape) + self.quote_embedding(batch.quote_state)
        states: Tensor = self.encoder(
            inputs_embeds=words + extra, attention_mask=batch.attended
        ).last_hidden_state
        index = batch.first_piece.unsqueeze(-1).expand(-1, -1, states.shape[-1])
        return states.gather(1, index)

    def cue_scores(self, states: Tensor, batch: Batch) -> Tensor:
        """[B, channels, W, 3] chain scores; blocked where no cue can be."""
        flat: Tensor = self.cue_head(states)
        scores = flat.view(*flat.shape[:2], len(CUE_CHANNELS), 3).permute(0, 2, 1, 3)
        possible = batch.word_mask & ~batch.is_break
        return scores.masked_fill(~possible[:, None, :, None], BLOCKED)

    def look(
        self, states: Tensor, batch: Batch, cues: Cues, *, words_at_once: int | None = None
    ) -> Look:
        """The second look, for all candidate cues of the batch; see :class:`SecondLook`."""
        look: Look = self.second_look(states, batch, cues, words_at_once=words_at_once)
        return look


class SecondLook(nn.Module):
    """A small transformer that reads the window once for each cue."""

    def __init__(self, width: int, config: NetworkConfig) -> None:
        super().__init__()
        look = config.look_width
        self.buckets = config.distance_buckets
        self.reach = config.look_reach
        self.word = nn.Linear(width, look)
        self.cue = nn.Linear(2 * width, look)
        self.gate_word = nn.Linear(width, look)
        self.gate_cue = nn.Linear(2 * width, look)
        self.distance = nn.Embedding(2 * self.buckets + 1, look)
        self.norm = nn.LayerNorm(look)
        self.layers = nn.ModuleList(LookLayer(config) for _ in range(config.look_layers))
        self.final = nn.LayerNorm(look)
        self.roles = nn.Linear(look, len(ROLES) * 3)
        _expect_few_spans(self.roles)
        self.judge = nn.Sequential(nn.Linear(2 * look, look), nn.GELU(), nn.Dropout(config.dropout))
        sizes = (1, len(ACTS), len(SPEAKER_TYPES), len(INTERMEDIARY_KINDS))
        self.judgements = nn.ModuleList(nn.Linear(look, size) for size in sizes)

    def forward(
        self, states: Tensor, batch: Batch, cues: Cues, *, words_at_once: int | None = None
    ) -> Look:
        """``words_at_once``: with so many words seen from all cues together it takes the next cues
        by themselves, so that what it works on stays in the processor's cache."""
        # Everything of a word that no cue changes is computed once a window, then handed out.
        words, gates = self.word(states), self.gate_word(states)
        seen = self._seen(batch, cues)
        count = len(seen)
        step = max(1, words_at_once // seen.shape[1]) if words_at_once else max(1, count)
        looks = []
        for begin in range(0, max(1, count), step):
            part = slice(begin, begin + step)
            some = Cues(cues.window[part], cues.first[part], cues.last[part])
            looks.append(self._look(states, words, gates, batch, some, seen[part]))
        if len(looks) == 1:
            return looks[0]
        return Look(
            **{f.name: torch.cat([getattr(look, f.name) for look in looks]) for f in fields(Look)}
        )

    def _look(
        self,
        states: Tensor,
        words: Tensor,
        gates: Tensor,
        batch: Batch,
        cues: Cues,
        seen: Tensor,
    ) -> Look:
        """S words are ``seen`` [C, S] from each cue; outside of them every role is blocked."""
        row = torch.arange(len(seen), device=states.device)
        window = cues.window.unsqueeze(1)
        first, last = states[cues.window, cues.first], states[cues.window, cues.last]
        cue = torch.cat([first, last], -1)  # [C, 2H]
        gated = gates[window, seen] * self.gate_cue(cue).unsqueeze(1)
        place = self.distance(self.bucket(seen, cues))
        x = self.norm(words[window, seen] + gated + self.cue(cue).unsqueeze(1) + place)
        mask = batch.word_mask[window, seen]
        attended = torch.zeros_like(mask, dtype=x.dtype).masked_fill(~mask, BLOCKED)
        for layer in self.layers:
            x = layer(x, attended[:, None, None, :])
        x = self.final(x)
        scores = self.roles(x).unflatten(-1, (len(ROLES), 3)).permute(0, 2, 1, 3)
        blocked = torch.zeros_like(scores, dtype=torch.bool)
        blocked |= ~mask[:, None, :, None]
        # A span may run over a paragraph break, but not begin or end on one.
        edges = batch.is_break[window, seen]
        blocked[..., 0] |= edges[:, None, :]
        blocked[..., 2] |= edges[:, None, :]
        begin, end = seen[:, 0], seen.shape[1] - 1
        edges_of_cue = x[row, cues.first - begin], x[row, (cues.last - begin).clamp(max=end)]
        judged = self.judge(torch.cat(edges_of_cue, -1))
        valid, act, speaker_type, kind = (head(judged) for head in self.judgements)
        return Look(
            roles=_put_back(scores.masked_fill(blocked, BLOCKED), seen, words=states.shape[1]),
            valid=valid.squeeze(-1),
            act=act,
            speaker_type=speaker_type,
            intermediary_kind=kind,
        )

    def _seen(self, batch: Batch, cues: Cues) -> Tensor:
        """[C, S] consecutive words of its window that each cue looks at: as many for all, those of
        a cue near an edge of its window reaching farther on the other side."""
        words = batch.word_mask.shape[1]
        count = min(words, 2 * self.reach) if self.reach else words
        ends = batch.word_mask.sum(1)[cues.window]
        begin = torch.minimum(cues.first - self.reach, ends - count).clamp(min=0)
        return begin.unsqueeze(1) + torch.arange(count, device=begin.device)

    def bucket(self, seen: Tensor, cues: Cues) -> Tensor:
        """[C, S] signed logarithmic distance of each word from the cue; the cue itself is 0."""
        before = (cues.first.unsqueeze(1) - seen).clamp(min=0)
        after = (seen - cues.last.unsqueeze(1)).clamp(min=0)
        distance = (before + after).float()
        bucket = (torch.log2(distance + 1) * 1.5).ceil().long().clamp(max=self.buckets)
        return torch.where(before > 0, -bucket, bucket) + self.buckets


def _put_back(scores: Tensor, seen: Tensor, *, words: int) -> Tensor:
    """[C, roles, S, 3] of the words ``seen`` -> [C, roles, words, 3], blocked elsewhere."""
    if scores.shape[2] == words:
        return scores
    cues, roles, _, events = scores.shape
    place = seen[:, None, :, None].expand(-1, roles, -1, events)
    return scores.new_full((cues, roles, words, events), BLOCKED).scatter(2, place, scores)


class LookLayer(nn.Module):
    """One pre-norm transformer layer over [C, W, look]."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        look = config.look_width
        self.heads = config.look_heads
        self.norm_attention = nn.LayerNorm(look)
        self.qkv = nn.Linear(look, 3 * look)
        self.out = nn.Linear(look, look)
        self.norm_feedforward = nn.LayerNorm(look)
        self.feedforward = nn.Sequential(
            nn.Linear(look, config.look_feedforward),
            nn.GELU(),
            nn.Linear(config.look_feedforward, look),
        )
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, attended: Tensor) -> Tensor:
        """``attended``: [C, 1, 1, W] added to the attention scores."""
        qkv = self.qkv(self.norm_attention(x)).unflatten(-1, (3, self.heads, -1))
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # each [C, heads, W, look / heads]
        mixed = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=attended)
        x = x + self.dropout(self.out(mixed.transpose(1, 2).flatten(-2)))
        x = x + self.dropout(self.feedforward(self.norm_feedforward(x)))
        return x


def _expect_few_spans(head: nn.Module) -> None:
    """Starts a chain head where spans are rare and short, so that training need not unlearn the
    half of all words that untrained scores put inside."""
    assert isinstance(head, nn.Linear)
    with torch.no_grad():
        head.bias.view(-1, 3).copy_(torch.tensor([-3.0, -0.5, 0.0]))
