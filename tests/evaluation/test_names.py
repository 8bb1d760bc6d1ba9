from __future__ import annotations

import pytest

from quotewire.evaluation.names import same_name, score_names

SAME = [
    ("Ann Lee", "ANN LEE"),
    ("José Peña", "Jose Pena"),
    ("The Harbour Times", "Harbour Times"),
    ("a spokesman", "Spokesman"),
    ("Ann Lee", "Sen. Ann Lee"),
    ("Ann Lee", "Ms. Ann Lee"),
    ("Ann B. Lee", "Ann Lee"),
    ("Ann Lee", "Ann Lee’s"),
    ("Ann Lee", "Ann Lee's"),
    ("the Democrats", "Democrats’"),
    ("Liam O’Dowd", "Liam O'Dowd"),
    ("“Fox Morning”", "Fox Morning"),
    ("U.N. Council", "UN Council"),
    ("Ann\u00a0Lee", "Ann  Lee"),
    ("Bo-Ra Kim", "Bo Ra Kim"),
    ("Ann Lee and Bob Ray", "Bob Ray and Ann Lee"),
    ("Ann Lee, Bob Ray, and Cy Dunn", "Cy Dunn, Ann Lee and Bob Ray"),
    ("President", "the president"),
    ("Malcolm X", "Malcolm X"),
    (None, None),
]
DIFFERENT = [
    ("Ann Lee", "Lee"),
    ("Ann Lee", "Bob Lee"),
    ("Ann Lee", None),
    (None, "Ann Lee"),
    ("Ann Lee", ""),
    ("Ann Lee and Bob Ray", "Ann Lee"),
    ("Malcolm X", "Malcolm"),
    ("Justice Department", "State Department"),
    ("Ann Lee’s office", "Ann Lee"),
    ("two voters", "three voters"),
    ("the president", "the governor"),
]


@pytest.mark.parametrize(("gold", "predicted"), SAME)
def test_same(gold: str | None, predicted: str | None) -> None:
    assert same_name(gold, predicted)
    assert same_name(predicted, gold)


@pytest.mark.parametrize(("gold", "predicted"), DIFFERENT)
def test_different(gold: str | None, predicted: str | None) -> None:
    assert not same_name(gold, predicted)
    assert not same_name(predicted, gold)


def test_score_is_the_share_of_right_names() -> None:
    score = score_names([*SAME[:3], DIFFERENT[0]])
    assert (score.right, score.total, score.accuracy) == (3, 4, 0.75)
    assert score_names([]).accuracy is None
