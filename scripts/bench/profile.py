"""Where an extractor's time goes: clocks around its parts, put there from outside.

Parts lie within one another (the second look within the model's whole answer), so each clock is
told how much of its time was another one's: stages add up to the whole.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import quotewire.extraction.extractor as extractor_module
from quotewire.extraction.extractor import Extractor

# Where a stage is taken from: what the extractor calls, and within the model what the model calls.
STAGES = ("tokenise", "encode", "cues", "look", "proposals", "decode", "resolve")
_IN_MODEL = {"_encode": "encode", "_look": "look"}
_IN_NETWORK = {"cue_scores": "cues"}


class Profile:
    """Seconds of each stage since :meth:`reset`, and what the model was asked.

    ``tokenise``: tokens and windows.  ``encode``, ``cues``, ``look``: the network's parts.
    ``proposals``: the rest of the model's answer (batching, candidates); all of the model where its
    parts are not told apart.  ``decode``: spans of the scores.  ``resolve``: statements and names.
    """

    def __init__(self) -> None:
        self._within: list[float] = []
        self.reset()

    def reset(self) -> None:
        self.seconds = dict.fromkeys(STAGES, 0.0)
        self.lengths: list[int] = []  # of each window, in tokens
        self.looks: list[tuple[int, int]] = []  # words, cues of each window

    def timed(self, stage: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def clocked(*arguments: Any, **named: Any) -> Any:
            self._within.append(0.0)
            started = time.perf_counter()
            try:
                return work(*arguments, **named)
            finally:
                whole = time.perf_counter() - started
                self.seconds[stage] += whole - self._within.pop()
                if self._within:
                    self._within[-1] += whole

        return clocked

    def watch(self, extractor: Extractor) -> None:
        """Clocks around the parts of this one extractor.  The decoder is the module's: one
        extractor a process."""
        for name, stage in (("prepare", "tokenise"), ("finish", "resolve")):
            setattr(extractor, name, self.timed(stage, getattr(extractor, name)))
        decode = "decode_windows"
        timed = self.timed("decode", getattr(extractor_module, decode))
        setattr(extractor_module, decode, timed)
        model: Any = extractor.model
        for name, stage in _IN_MODEL.items():
            if callable(getattr(model, name, None)):
                setattr(model, name, self.timed(stage, getattr(model, name)))
        network = getattr(model, "network", None)
        for name, stage in _IN_NETWORK.items():
            if callable(getattr(network, name, None)):
                # Not setattr: torch modules keep their own book of attributes.
                network.__dict__[name] = self.timed(stage, getattr(network, name))
        score = self.timed("proposals", model.score)

        def counted(windows: Any) -> Any:
            scores = score(windows)
            for window, found in zip(windows, scores, strict=True):
                self.lengths.append(window.pieces)
                self.looks.append((window.words, len(found.channel)))
            return scores

        model.score = counted
