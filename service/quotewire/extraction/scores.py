"""The seam between the model and everything else: what a model says of a window.

Anything with :meth:`Model.score` can stand behind the extractor: the transformer, or in tests a
fake whose scores a person can compute by hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from quotewire.extraction.chain import FloatArray
from quotewire.extraction.windows import Window


@dataclass(frozen=True, slots=True, eq=False)
class WindowScores:
    """What a model says of one window with W words; C candidate cues, all in the window's core.

    ``channel`` (index into CUE_CHANNELS), ``first``, ``last`` (words of the window, both
    included): [C].  ``cue_logp``: [C] log posterior of that exact span.  ``roles``:
    [C, roles, W, 3] chain scores.  ``valid``: [C] log odds of being a cue.  ``act`` [C, 2],
    ``speaker_type`` [C, 4], ``intermediary_kind`` [C, 5]: logits.
    """

    channel: npt.NDArray[np.int64]
    first: npt.NDArray[np.int64]
    last: npt.NDArray[np.int64]
    cue_logp: FloatArray
    roles: FloatArray
    valid: FloatArray
    act: FloatArray
    speaker_type: FloatArray
    intermediary_kind: FloatArray


class Model(Protocol):
    """Scores windows; one call at a time."""

    def score(self, windows: Sequence[Window]) -> list[WindowScores]:
        """One answer a window, in order.  ``windows`` may be empty."""
        ...
