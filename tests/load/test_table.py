"""The tables that scripts/reliability_table.py makes of the soak's lines."""

from __future__ import annotations

import ast
import json
from typing import Any

import pytest

from scripts.reliability_table import BEGIN, END, PAGE, ROWS, last_of_each, tables, written
from tests.conftest import ROOT

ON = {
    "commit": "abc1234",
    "grpcio": "1.83.2",
    "python": "3.11.7",
    "model": "fake",
    "processors": "2 x Some Processor",
    "load_of_last_minute": 1.25,
}
HOSTILE = {
    "test": "hostile articles",
    "answered": 900,
    "INVALID_ARGUMENT": 90,
    "NOT_FOUND": 10,
    "rss_half_mib": 100.0,
    "rss_end_mib": 101.0,
    "growth_of_second_half": 0.02,
}
SHADOW = {
    "test": "a shadow's cost",
    "calls": 600,
    "shadowed": 590,
    "without_p50_ms": 18.6,
    "with_p50_ms": 18.5,
    "without_p99_ms": 20.1,
    "with_p99_ms": 22.5,
    "p99_with_minus_without_ms": [1.1, 3.2],
    "p99_without_minus_without_ms": [-0.4, 0.5],
    "mean_with_minus_without_ms": [-0.1, 0.1],
    "mean_without_minus_none_ms": [0.1, 0.2],
}
KILLS = {"test": "kill -9", "kills": 5, "streamed": 2000, "lost": 0, "calls_repeated": 3}


def lines(*figures: dict[str, Any], **on: Any) -> list[str]:
    return [json.dumps({**one, "measured_on": {**ON, **on}}) for one in figures]


def test_the_last_line_of_each_test_is_told() -> None:
    old = lines({**KILLS, "lost": 7}, commit="old0000")
    text = tables(last_of_each([*old, *lines({"test": "A/A"}, HOSTILE, KILLS)]))
    assert text.splitlines() == [
        "The fake model, commit abc1234, grpcio 1.83.2, Python 3.11.7, 2 x Some Processor; "
        "load of the last minute 1.2 to 1.2, that of the tests included:",
        "",
        "| test | measured |",
        "|---|---|",
        "| hostile articles | 900 articles answered, 100 refused as their sender's fault, "
        "**no INTERNAL**; memory of the server 100.0 MiB at half, 101.0 MiB in the end, "
        "**at most +2.0% over the second half** |",
        "| `kill -9` | 5 kills, 2,000 articles streamed, **0 lost**; 3 single calls repeated |",
    ]


def test_what_was_measured_elsewhere_stands_in_a_table_of_its_own() -> None:
    text = tables(last_of_each([*lines(HOSTILE), *lines(KILLS, commit="def5678")]))
    assert text.count("| test | measured |") == 2


def test_a_figure_beyond_its_bar_is_marked() -> None:
    text = tables(last_of_each(lines({**HOSTILE, "growth_of_second_half": 0.081})))
    assert "**at most +8.1% over the second half** (**the test holds 5%: it failed**)" in text


def test_a_shadow_that_costs_more_than_noise_is_marked() -> None:
    held = "(**the test holds p99 within noise: it failed**)"
    assert held in tables(last_of_each(lines(SHADOW)))
    free = {**SHADOW, "p99_with_minus_without_ms": [-0.3, 0.6]}
    text = tables(last_of_each(lines(free)))
    assert held not in text
    assert "**-0.3 to +0.6 ms**, noise -0.4 to +0.5 ms; mean -0.1 to +0.1 ms" in text


def test_the_page_has_a_place_for_them() -> None:
    page = written(PAGE.read_text("utf-8"), "the tables")
    assert f"{BEGIN}\n\nthe tables\n\n{END}" in page
    assert written(page, "the tables") == page
    with pytest.raises(SystemExit, match="no lines"):
        written("a page without", "the tables")


def test_every_test_that_reports_has_its_row() -> None:
    """By the names in the sources of tests/load and tests/chaos."""
    names = set()
    for path in [*ROOT.glob("tests/load/*.py"), *ROOT.glob("tests/chaos/*.py")]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "report":
                [name] = [one.value for one in node.args if isinstance(one, ast.Constant)]
                names.add(name)
    assert names == ROWS.keys()
