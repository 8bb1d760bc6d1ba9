"""The documentation site, and the reference that is generated for it."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import yaml

from quotewire.pb.v1 import (
    admin_service_pb2,
    extraction_pb2,
    extraction_service_pb2,
    feedback_service_pb2,
    model_service_pb2,
)
from tests.conftest import ROOT

CONTRACT = (
    admin_service_pb2,
    extraction_pb2,
    extraction_service_pb2,
    feedback_service_pb2,
    model_service_pb2,
)


def places(nav: Any) -> list[str]:
    """The files of a navigation, in order."""
    if isinstance(nav, str):
        return [nav]
    inner = nav if isinstance(nav, list) else nav.values()
    return [place for one in inner for place in places(one)]


def test_every_page_is_in_the_navigation_once() -> None:
    site = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    pages = [path.name for path in (ROOT / "docs").glob("*.md")]
    assert sorted(places(site["nav"])) == sorted([*pages, "reference.md"])
    assert site["strict"] is True


@pytest.fixture(scope="module")
def reference() -> str:
    result = subprocess.run(
        [sys.executable, ROOT / "scripts" / "proto_reference.py"],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_the_reference_has_the_whole_contract(reference: str) -> None:
    headings = {line.lstrip("# ") for line in reference.splitlines() if line.startswith("##")}
    for module in CONTRACT:
        descriptor = module.DESCRIPTOR
        named = [
            *descriptor.services_by_name,
            *descriptor.message_types_by_name,
            *descriptor.enum_types_by_name,
        ]
        assert set(named) <= headings
        for service in descriptor.services_by_name.values():
            assert all(f"| `{method.name}` |" in reference for method in service.methods)
        for message in descriptor.message_types_by_name.values():
            assert all(f"| `{field.name}` |" in reference for field in message.fields)
        for enum in descriptor.enum_types_by_name.values():
            assert all(f"| `{value.name}` |" in reference for value in enum.values)


def test_the_reference_says_what_the_contract_says(reference: str) -> None:
    """One of each shape: an optional field, a list, one of several, a map, a stream."""
    for row in (
        "| `min_confidence` | `double`, optional | Statements with a lower confidence are",
        "| `statements` | list of [`Statement`](#statement) | The statements, in text order. |",
        "| `error` | `google.rpc.Status`, one of `outcome` |",
        "| `metrics` | map of `string` to `double` |",
        "| `ExtractStream` | a stream of [`ExtractStreamRequest`](#extractstreamrequest) |",
        "| `QUOTE_KIND_MIXED` | 3 | Some of it. |",
    ):
        assert row in reference
    empty = [line for line in reference.splitlines() if line.endswith("|  |")]
    assert empty == [], "something has no comment"
