"""Settings: defaults, environment, ranges, and that each one is documented."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

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
        ("admin_port", 65_536),
        ("metrics_port", -1),
        ("max_call_s", 0),
        ("log_format", "xml"),
        ("precision", "fp64"),
    ],
)
def test_a_value_outside_its_range_names_its_setting(name: str, value: object) -> None:
    with pytest.raises(ConfigError, match=f"^{name}: got .*; allowed: "):
        Settings(**{name: value})  # type: ignore[arg-type]


def test_files_and_tokens_are_read_from_the_environment() -> None:
    environment = {
        "QUOTEWIRE_MODELS_FILE": "models.toml",
        "QUOTEWIRE_TOKENS": "desk:0123456789abcdef, archive:fedcba9876543210",
        "QUOTEWIRE_METRICS_PORT": "9464",
        "QUOTEWIRE_OTLP_ENDPOINT": "http://collector:4317",
    }
    read = Settings.from_environment(environment)
    assert read.models_file == Path("models.toml")
    assert read.tokens == ("desk:0123456789abcdef", "archive:fedcba9876543210")
    assert (read.metrics_port, read.otlp_endpoint) == (9464, "http://collector:4317")
    assert "0123456789abcdef" not in repr(read), "settings may be logged"


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"tls_certificate": Path("a.pem")}, "tls_certificate, tls_key: got one of them"),
        ({"tls_client_ca": Path("a.pem")}, "tls_client_ca: got one without"),
        ({"admin_port": 0, "admin_host": "0.0.0.0"}, "admin_host: got '0.0.0.0' without"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(
    values: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ConfigError, match=complaint):
        Settings(**values)


def test_an_open_admin_port_needs_a_token() -> None:
    Settings(admin_port=0, admin_host="0.0.0.0", admin_token_file=Path("token"))


def test_grpc_takes_larger_messages_than_we_do() -> None:
    assert Settings().max_message_bytes > Settings().max_request_bytes


def test_every_setting_is_documented_with_its_default() -> None:
    rows = [line for line in DOCS.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    for setting in fields(Settings):
        default = setting.default
        shown = ",".join(default) if isinstance(default, tuple) else str(default)
        empty = default is None or default == ()
        start = f"| `{PREFIX}{setting.name.upper()}` | {'none' if empty else f'`{shown}`'} |"
        assert any(row.startswith(start) for row in rows), start
