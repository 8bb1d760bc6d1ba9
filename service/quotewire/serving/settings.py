"""What a server can be told, read once and frozen.

Every field is a setting: environment variable ``QUOTEWIRE_<NAME>``, described in docs/settings.md
(a test holds that none is missing there).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from quotewire.errors import ConfigError
from quotewire.types import PRECISIONS

PREFIX = "QUOTEWIRE_"
MIB = 1024 * 1024
LOG_FORMATS = ("auto", "json", "text")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings of a server.  Raises ConfigError for a value outside its range."""

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = 50051
    """Port to listen on, 0 for any free one."""
    models: tuple[str, ...] = ("quotewire-base",)
    """Names or folders of the models to load; the first is the default."""
    models_file: Path | None = None
    """TOML file with models, aliases and default instead, read again at a reload."""
    model_threads: int | None = None
    """Threads of matrix multiplication, of all batches together; None for torch's own choice."""
    model_batches: int = 4
    """How many batches a model computes at once while more wait, sharing its threads."""
    precision: str = "auto"
    """Arithmetic of the models' encoders, one of types.PRECISIONS."""
    workers: int = 2
    """Threads that tokenise and decode, beside the model's own."""
    tokens_per_batch: int = 2048
    """Token budget of one batch of the model: windows times longest window, in word pieces."""
    max_queue_tokens: int = 131_072
    """How many word pieces may wait for a model before calls are refused."""
    max_text_bytes: int = 10 * MIB
    """Longest text of one article, in bytes of UTF-8."""
    max_request_bytes: int = 32 * MIB
    """Longest request message, in bytes."""
    max_batch_articles: int = 256
    """Most articles of one BatchExtract call."""
    max_in_flight_per_call: int = 32
    """How many articles of one stream or batch are worked on at once."""
    grace_s: float = 30.0
    """How long calls may finish after SIGTERM, in seconds."""
    rest_after_s: float = 30.0
    """Seconds without work after which free memory is given back to the system."""
    max_connection_age_s: int = 1800
    """Seconds until a connection is closed gently, so that clients spread over replicas."""
    max_call_s: float = 600.0
    """Longest time of an Extract or BatchExtract call, or of a stream's article, in seconds."""
    max_idle_s: float = 300.0
    """How long a stream may stand still before it is ended, in seconds."""
    experiments_file: Path | None = None
    """TOML file with the experiments (docs/experiments.md); read again at a reload."""
    experiments_log: str | None = field(default=None, repr=False)
    """Folder or ``postgresql://…`` of exposures and feedback; None for the folder
    ``experiments-log`` beside ``experiments_file``, or for none."""
    exposure_queue_rows: int = 4096
    """How many rows may wait for the exposure log; more are dropped."""
    exposure_file_bytes: int = 64 * MIB
    """Size after which the exposure log begins a new file, in bytes."""
    shadow_queue_articles: int = 256
    """How many articles may wait for shadow models; more are dropped."""
    clients_file: Path | None = None
    """TOML file with the clients that may call, their tokens and rates; read again at a reload."""
    tokens: tuple[str, ...] = field(default=(), repr=False)
    """Clients without limits, each ``name:token``, beside those of the file."""
    tls_certificate: Path | None = None
    """PEM file with the server's certificate chain; None for plain text."""
    tls_key: Path | None = None
    """PEM file with its private key."""
    tls_client_ca: Path | None = None
    """PEM file with the authorities whose certificates clients must show (mTLS)."""
    admin_host: str = "127.0.0.1"
    """Address of the admin port."""
    admin_port: int | None = None
    """Port of AdminService, 0 for any free one; None for no such service."""
    admin_token_file: Path | None = None
    """File with the token that AdminService asks for."""
    metrics_host: str = "127.0.0.1"
    """Address of the metrics port."""
    metrics_port: int | None = None
    """HTTP port of /metrics, 0 for any free one; None for none."""
    desk: str | None = None
    """``HOST:PORT`` of the desk, the page to look at statements; None for none."""
    desk_max_text_bytes: int = MIB
    """Longest text of one article on the desk, in bytes of UTF-8."""
    desk_timeout_s: float = 120.0
    """How long the desk waits for an answer, in seconds."""
    otlp_endpoint: str | None = None
    """Where traces go (OTLP over gRPC, ``http://host:4317``); None for no traces."""
    log_format: str = "auto"
    """``json``, ``text``, or ``auto``: text on a terminal, else JSON."""

    def __post_init__(self) -> None:
        for name, low, high in (
            ("port", 0, 65_535),
            ("workers", 1, 1024),
            ("model_batches", 1, 1024),
            ("tokens_per_batch", 1, 1_000_000),
            ("max_queue_tokens", 1, 1_000_000_000),
            # Four times this is gRPC's own limit, which has to fit 31 bits.
            ("max_request_bytes", 1, 511 * MIB),
            ("max_text_bytes", 1, self.max_request_bytes),
            ("max_batch_articles", 1, 100_000),
            ("max_in_flight_per_call", 1, 100_000),
            ("grace_s", 0, 86_400),
            ("rest_after_s", 0.1, 86_400),
            ("max_connection_age_s", 1, 31_536_000),
            ("max_call_s", 0.001, 86_400),
            ("exposure_queue_rows", 1, 10_000_000),
            ("exposure_file_bytes", 1, 1024 * 1024 * MIB),
            ("shadow_queue_articles", 0, 1_000_000),
            ("max_idle_s", 0.001, 86_400),
            ("desk_max_text_bytes", 1, 511 * MIB),
            ("desk_timeout_s", 0.001, 86_400),
        ):
            _check_range(name, getattr(self, name), low, high)
        for name, low, high in (
            ("model_threads", 1, 1024),
            ("admin_port", 0, 65_535),
            ("metrics_port", 0, 65_535),
        ):
            if getattr(self, name) is not None:
                _check_range(name, getattr(self, name), low, high)
        if not self.models or not all(self.models):
            raise ConfigError(f"models: got {self.models!r}; allowed: at least one name or folder")
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ConfigError("tls_certificate, tls_key: got one of them; allowed: both or none")
        if self.tls_client_ca is not None and self.tls_key is None:
            raise ConfigError("tls_client_ca: got one without tls_certificate and tls_key")
        if self.precision not in PRECISIONS:
            raise ConfigError(
                f"precision: got {self.precision!r}; allowed: {', '.join(PRECISIONS)}"
            )
        if self.log_format not in LOG_FORMATS:
            raise ConfigError(
                f"log_format: got {self.log_format!r}; allowed: {', '.join(LOG_FORMATS)}"
            )
        if (
            self.admin_port is not None
            and self.admin_token_file is None
            and not is_loopback(self.admin_host)
        ):
            raise ConfigError(
                f"admin_host: got {self.admin_host!r} without admin_token_file; allowed: a "
                "loopback address, or any with a token"
            )

    @property
    def experiments_place(self) -> str | None:
        """Where exposures and feedback go; None for nowhere."""
        if self.experiments_log or self.experiments_file is None:
            return self.experiments_log
        return str(self.experiments_file.parent / "experiments-log")

    @property
    def max_message_bytes(self) -> int:
        """gRPC's own limit.  Far above ours, since a message beyond it gets RESOURCE_EXHAUSTED,
        the code of overload, which clients would retry."""
        return 4 * self.max_request_bytes

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], **overrides: Any) -> Settings:
        """Settings from ``QUOTEWIRE_…`` variables; an override that is not None goes before them.

        ``QUOTEWIRE_MODELS`` and ``QUOTEWIRE_TOKENS`` are lists separated by commas.
        Raises ConfigError naming the variable.
        """
        values: dict[str, Any] = {}
        for setting in fields(cls):
            variable = PREFIX + setting.name.upper()
            if overrides.get(setting.name) is not None:
                values[setting.name] = overrides[setting.name]
            elif environment.get(variable):
                values[setting.name] = _read(variable, environment[variable], str(setting.type))
        return cls(**values)


def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this machine only."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_range(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ConfigError(f"{name}: got {value}; allowed: {low} to {high}")


def _read(variable: str, raw: str, kind: str) -> Any:
    readers: dict[str, Callable[[str], Any]] = {
        "str": str,
        "int": int,
        "int | None": int,
        "str | None": str,
        "Path | None": Path,
        "float": float,
        "tuple[str, ...]": lambda text: tuple(part.strip() for part in text.split(",")),
    }
    try:
        return readers[kind](raw)
    except ValueError:
        allowed = "a number" if kind == "float" else "a whole number"
        raise ConfigError(f"{variable}: got {raw!r}; allowed: {allowed}") from None
