"""The files of deploy/, read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml

from tests.conftest import ROOT

DEPLOY = ROOT / "deploy"
DASHBOARD = DEPLOY / "grafana" / "dashboards" / "quotewire.json"


def load_yaml(*path: str) -> Any:
    return yaml.safe_load(ROOT.joinpath(*path).read_text("utf-8"))


def dashboard() -> Any:
    return json.loads(DASHBOARD.read_text("utf-8"))


def dashboard_queries() -> list[str]:
    """Every PromQL expression of the dashboard's panels."""
    panels = dashboard()["panels"]
    return [target["expr"] for panel in panels for target in panel.get("targets", ())]


def alert_queries() -> list[str]:
    rules = load_yaml("deploy", "prometheus", "alerts.yml")
    return [rule["expr"] for group in rules["groups"] for rule in group["rules"]]


def plain(query: str, *, window: str = "1m") -> str:
    """A dashboard's query without Grafana's variables: everything is selected."""
    return (
        query.replace("$__rate_interval", window).replace("$model", ".*").replace("$client", ".*")
    )


def names_and_labels(query: str) -> Iterator[tuple[str, set[str]]]:
    """Each metric of a PromQL expression with the labels it is selected by.

    The labels of by (…) belong to every metric of the expression.  Good for our own queries, no
    parser of the language.
    """
    bare = re.sub(r'"[^"]*"', '""', query)
    grouped = {
        label.strip()
        for labels in re.findall(r"\bby\s*\(([^)]*)\)", bare)
        for label in labels.split(",")
    } - {"le", "instance"}
    bare = re.sub(r"\bby\s*\([^)]*\)|\[[^]]*\]", " ", bare)
    for name, selectors in re.findall(
        r"\b([a-zA-Z_]\w*)\b(?!\s*\()(?:\{([^}]*)\})?", re.sub(r'""', "", bare)
    ):
        matched = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selectors)) - {"job"}
        yield name, matched | grouped
