"""Who was right, by the verdicts of editors on statements that were served."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from quotewire.experiments.observations import Observation
from quotewire.experiments.records import Verdict
from quotewire.types import Statement


def judged_pairs(
    pairs: Iterable[tuple[Observation, Observation]],
) -> Iterator[tuple[str, bool, bool]]:
    """(article, A right, B right) for every judged statement of an article that both answered.

    A statement accepted by an editor is right in every answer that reads it the same; one that was
    rejected is wrong in every answer that has it, and it is right not to have it.  Of a corrected
    one only answers that read it as it was served are known to be wrong: where the other reads it
    otherwise, the item is left out.
    """
    for a, b in pairs:
        served = a if a.served else b
        known = [{statement.id: statement for statement in one.statements} for one in (a, b)]
        said = {**a.verdicts, **b.verdicts}
        shown = {statement.id: statement for statement in served.statements}
        for name, statement in shown.items():
            if name not in said:
                continue
            right = [_right(side.get(name), statement, said[name]) for side in known]
            if right[0] is not None and right[1] is not None:
                yield a.article, right[0], right[1]


def _right(own: Statement | None, shown: Statement, verdict: Verdict) -> bool | None:
    if verdict is Verdict.REJECTED:
        return own is None
    if own is None:
        return False
    same = reading(own) == reading(shown)
    if verdict is Verdict.CORRECTED:
        return False if same else None
    return same


def reading(statement: Statement) -> tuple[object, ...]:
    """What an editor sees of a statement beside its quote and cue (which are in its id).  Names are
    left out: logs without texts have none."""
    speaker = statement.speaker
    return (
        statement.act,
        None if speaker is None else speaker.mention,
        tuple((via.mention, via.kind) for via in statement.intermediaries),
        statement.addressee,
    )
