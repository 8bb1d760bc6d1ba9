"""The dashboard and the alerts ask for metrics that there are, and get answers."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
import yaml

from quotewire.client import Client
from quotewire.errors import ModelNotFoundError
from tests.conftest import ROOT
from tests.deploy.files import (
    DEPLOY,
    alert_queries,
    dashboard,
    dashboard_queries,
    load_yaml,
    names_and_labels,
    plain,
)
from tests.deploy.tools import program
from tests.serving.harness import PATIENCE_S, STORY, running

QUERIES = [*dashboard_queries(), *alert_queries()]
# Functions' words without brackets, and what Prometheus itself knows of every target.
NO_METRICS = {"and", "or", "on", "bool", "up"}


@pytest.fixture(scope="module")
def served() -> dict[str, str]:
    """Every series name that a server's registry can have, and the metric it belongs to."""
    endings = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
    with running() as server:
        families = list(server.server.metrics.registry.collect())
    return {
        family.name + ending: family.name + (ending if family.type == "counter" else "")
        for family in families
        for ending in endings.get(family.type, ("",))
    }


def documented_labels() -> dict[str, set[str]]:
    """The labels of each metric, from docs/observability.md."""
    page = (ROOT / "docs" / "observability.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \| \w+ \| ([^|]*) \|", page, re.MULTILINE)
    return {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows}


@pytest.mark.parametrize("query", QUERIES)
def test_every_metric_asked_for_exists_with_these_labels(
    query: str, served: dict[str, str]
) -> None:
    labels_of = documented_labels()
    asked = [one for one in names_and_labels(plain(query)) if one[0] not in NO_METRICS]
    assert asked or query.startswith("up{")
    for name, labels in asked:
        assert name in served
        if name.startswith("quotewire_"):
            assert labels <= labels_of[served[name]], name


def test_every_metric_of_ours_is_on_the_dashboard(served: dict[str, str]) -> None:
    shown = {name for query in dashboard_queries() for name, _ in names_and_labels(plain(query))}
    missing = {
        metric
        for metric in served.values()
        if metric.startswith("quotewire_") and not any(served.get(name) == metric for name in shown)
    }
    assert missing == set()


def test_panels_do_not_overlap_and_say_what_they_show() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in dashboard()["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells
        assert panel["type"] == "row" or panel["description"], panel["title"]


def test_grafana_finds_prometheus_and_the_dashboard() -> None:
    provisioning = ("deploy", "grafana", "provisioning")
    [source] = load_yaml(*provisioning, "datasources", "prometheus.yml")["datasources"]
    [provider] = load_yaml(*provisioning, "dashboards", "quotewire.yml")["providers"]
    services = load_yaml("docker-compose.yml")["services"]
    mounts = dict(volume.split(":")[:2][::-1] for volume in services["grafana"]["volumes"])
    assert mounts[provider["options"]["path"]] == "./deploy/grafana/dashboards"
    assert mounts["/etc/grafana/provisioning"] == "./deploy/grafana/provisioning"
    assert source["url"] == "http://prometheus:9090"
    home = services["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home == f"{provider['options']['path']}/quotewire.json"
    [variable] = [v for v in dashboard()["templating"]["list"] if v["name"] == "datasource"]
    assert variable["current"]["value"] == source["uid"]


def test_prometheus_takes_its_files() -> None:
    promtool = program("promtool", package="prometheus")
    for arguments in (["config", "prometheus.yml"], ["rules", "alerts.yml"]):
        result = subprocess.run(
            [promtool, "check", *arguments],
            cwd=DEPLOY / "prometheus",
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )
        assert result.returncode == 0, result.stderr


def test_a_real_prometheus_scrapes_a_real_server(tmp_path: Path) -> None:
    """With the configuration of deploy/, its target and pace aside: every query of the dashboard
    and the alerts is understood, and those that traffic must show in have values."""
    prometheus = program("prometheus", package="prometheus")
    with (
        running(metrics_port=0) as server,
        Client(server.target) as client,
        scraping(prometheus, tmp_path, f"127.0.0.1:{server.server.metrics_port}") as ask,
    ):
        until_answered(ask, 'up{job="quotewire"} == 1')
        until_answered(ask, "quotewire_serving == 1")
        # Series appear with the first call; a rate needs them to grow from scrape to scrape.
        ends = time.monotonic() + PATIENCE_S
        growing = "rate(quotewire_calls_total{code='NOT_FOUND'}[1m]) > 0"
        while not (ask(growing) and ask("rate(quotewire_batch_tokens_sum[1m]) > 0")):
            assert time.monotonic() < ends, "no rates"
            client.extract(STORY)
            with pytest.raises(ModelNotFoundError):
                client.extract(STORY, model="nobody")
            time.sleep(0.1)
        # Nothing of these happened.
        quiet = re.compile(
            "refusals|INTERNAL|cancellations|reloads|shadow_articles|exposures_total|feedback"
        )
        for query in map(plain, dashboard_queries()):
            assert ask(query) or quiet.search(query), query
        for query in alert_queries():
            assert ask(query) == [], query


@contextmanager
def scraping(prometheus: str, folder: Path, target: str) -> Iterator[Any]:
    """The program, scraping ``target``; yields a function from a query to its values."""
    shutil.copy(DEPLOY / "prometheus" / "alerts.yml", folder)
    config = load_yaml("deploy", "prometheus", "prometheus.yml")
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["scrape_configs"][0]["static_configs"] = [{"targets": [target]}]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    with socket.socket() as free:  # Prometheus does not tell which port it got for 0
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                prometheus,
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={address}",
            ],
            stdout=log,
            stderr=log,
        )

    def ask(query: str) -> Any:
        try:
            url = f"http://{address}/api/v1/query?{urlencode({'query': query})}"
            with urlopen(url, timeout=PATIENCE_S) as response:
                return json.load(response)["data"]["result"]
        except ConnectionError:  # not up yet
            return []
        except OSError as error:
            if isinstance(error, HTTPError) and error.code == 503:  # up, but not ready yet
                return []
            if isinstance(error.__cause__ or getattr(error, "reason", None), ConnectionError):
                return []
            raise AssertionError(f"{query}: {error}") from error

    try:
        yield ask
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def until_answered(ask: Any, query: str) -> None:
    ends = time.monotonic() + PATIENCE_S
    while not ask(query):
        assert time.monotonic() < ends, f"no answer to {query}"
        time.sleep(0.1)
