"""A second fake model, which sees some things otherwise than the first."""

from __future__ import annotations

from collections.abc import Sequence

from quotewire.extraction.extractor import Extractor
from quotewire.extraction.scores import WindowScores
from quotewire.extraction.windows import Window
from tests.fakes import FakeModel, fake_extractor


class OtherModel(FakeModel):
    """Misses the first statement of every window, and the source of the second."""

    def score(self, windows: Sequence[Window]) -> list[WindowScores]:
        return [_otherwise(scores) for scores in super().score(windows)]


def other_extractor() -> Extractor:
    return fake_extractor("other", "2.0.0", model=OtherModel())


def _otherwise(scores: WindowScores) -> WindowScores:
    roles = scores.roles[1:].copy()
    if len(roles):
        roles[0, 0, :, 1] = -abs(roles[0, 0, :, 1])
    return WindowScores(
        channel=scores.channel[1:],
        first=scores.first[1:],
        last=scores.last[1:],
        cue_logp=scores.cue_logp[1:],
        roles=roles,
        valid=scores.valid[1:],
        act=scores.act[1:],
        speaker_type=scores.speaker_type[1:],
        intermediary_kind=scores.intermediary_kind[1:],
    )
