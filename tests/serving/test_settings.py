"""Settings: defaults, environment, ranges, and that each one is documented."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from quotewire.errors import ConfigError
from quotewire.serving.settings import PREFIX, Settings

DOCS = Path(__file__).parents[2] / "docs" / "settings.md"


def test_an_empty_environment_gives_the_defaults() -> None:
    assert Settings.from_environment({}) == Settings()


def test_the_environment_is_read_and_overrides_go_before_it() -> None:
    environment = {
        "QUOTEWIRE_PORT": "7000",
        "QUOTEWIRE_MODELS": "base, small",
        "QUOTEWIRE_GRACE_S": "2.5",
        "QUOTEWIRE_MODEL_THREADS": "1",
        "QUOTEWIRE_HOST": "",
    }
    read = Settings.from_environment(environment, port=8000, host=None)
    assert read == Settings(port=8000, models=("base", "small"), grace_s=2.5, model_threads=1)


@pytest.mark.parametrize(("variable", "value"), [("PORT", "http"), ("GRACE_S", "soon")])
def test_a_value_that_is_no_number_names_its_variable(variable: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"QUOTEWIRE_{variable}: got '{value}'"):
        Settings.from_environment({f"QUOTEWIRE_{variable}": value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", 65_536),
        ("port", -1),
        ("workers", 0),
        ("models", ()),
        ("models", ("",)),
        ("model_threads", 0),
        ("grace_s", float("nan")),
        ("max_text_bytes", Settings().max_request_bytes + 1),
    ],
)
def test_a_value_outside_its_range_names_its_setting(name: str, value: object) -> None:
    with pytest.raises(ConfigError, match=f"^{name}: got .*; allowed: "):
        Settings(**{name: value})  # type: ignore[arg-type]


def test_grpc_takes_larger_messages_than_we_do() -> None:
    assert Settings().max_message_bytes > Settings().max_request_bytes


def test_every_setting_is_documented_with_its_default() -> None:
    rows = [line for line in DOCS.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    for setting in fields(Settings):
        default = setting.default
        shown = ",".join(default) if isinstance(default, tuple) else str(default)
        start = (
            f"| `{PREFIX}{setting.name.upper()}` | {'none' if default is None else f'`{shown}`'} |"
        )
        assert any(row.startswith(start) for row in rows), start
