from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quotewire.evaluation.disturbances import (
    DISTURBANCES,
    ONE_PARAGRAPH,
    as_one_paragraph,
    disturbed,
)
from quotewire.evaluation.reliability import reliability_svg
from quotewire.evaluation.rows import GoldArticle
from quotewire.evaluation.score import score_rows
from tests.evaluation.make import TEXT, article, report, row

GOLD = row("said", source="Ann Lee", content="the old bridge is perfectly safe")
INNER = row("denied", source="Cy Dunn", content="any delay", nested=True, reported_in=0)


@pytest.mark.parametrize("name", DISTURBANCES)
@given(text=st.text())
def test_every_disturbance_keeps_every_place(name: str, text: str) -> None:
    before = GoldArticle(id="a", text=text, rows=())
    (after,) = disturbed([before], name)
    assert len(after.text) == len(text)
    assert disturbed([before], name) == [after]


@pytest.mark.parametrize("name", DISTURBANCES)
def test_every_disturbance_disturbs(name: str) -> None:
    (after,) = disturbed([article([], text=TEXT * 20)], name)
    assert after.text != TEXT * 20


def test_one_paragraph_holds_every_article_with_its_labels() -> None:
    gold = [article([GOLD, INNER], id="a"), article([GOLD, INNER], id="b")]
    (joined,) = disturbed(gold, ONE_PARAGRAPH)
    assert "\n" not in joined.text
    assert [r.cue.slice(joined.text) for r in joined.rows] == ["said", "denied"] * 2
    assert [r.reported_in for r in joined.rows] == [None, 0, None, 2]
    assert joined == as_one_paragraph(gold)
    scored = score_rows([joined], [list(joined.rows)], model="m")
    assert scored.value("exact_f1") == scored.value("nested_f1") == 1
    assert scored.value("speaker_name_accuracy") is None


def test_the_picture_has_a_disc_for_every_bin_that_holds_statements() -> None:
    sure, unsure = replace(GOLD, confidence=0.9), replace(INNER, nested=False, confidence=0.2)
    root = ET.fromstring(reliability_svg(report([GOLD], [sure, unsure])))
    discs = root.findall("{http://www.w3.org/2000/svg}circle")
    assert [disc[0].text for disc in discs] == [
        "1 statements: confidence 0.20, right 0.00",
        "1 statements: confidence 0.90, right 1.00",
    ]
    heights = [float(disc.attrib["cy"]) for disc in discs]
    assert heights[0] > heights[1]
