"""How the commands reach a server: its TLS, and the token that they show it."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from click.core import ParameterSource

from quotewire.cli.common import UserError

if TYPE_CHECKING:
    import grpc

    from quotewire.client import Client

# The token itself comes from the environment only: others can read a command line.
TOKEN_VARIABLE: Final = "QUOTEWIRE_TOKEN"

_FILE: Final[dict[str, Any]] = {
    "type": click.Path(path_type=Path, dir_okay=False),
    "metavar": "FILE",
}
# By flag; the variable of --tls-ca is QUOTEWIRE_TLS_CA.  None of them is a setting of the server:
# one environment may hold both, as a container's does for its health check.
_OPTIONS: Final[dict[str, dict[str, Any]]] = {
    "--token-file": {
        **_FILE,
        "help": f"File with the token to show the server; or put the token into {TOKEN_VARIABLE}.",
    },
    "--tls": {
        "is_flag": True,
        "help": "TLS, by the authorities that gRPC knows.  The options below imply it.",
    },
    "--tls-ca": {**_FILE, "help": "TLS, by these authorities (PEM) instead."},
    "--tls-client-certificate": {
        **_FILE,
        "help": "Certificate (PEM) to show to a server that asks for one (mTLS).",
    },
    "--tls-client-key": {**_FILE, "help": "Its private key (PEM, unencrypted)."},
    "--tls-server-name": {
        "metavar": "NAME",
        "help": "The name that the server's certificate bears, where that is not HOST.",
    },
}
_NAMES: Final = {flag: flag.removeprefix("--").replace("-", "_") for flag in _OPTIONS}
_VARIABLES: Final = {flag: f"QUOTEWIRE_{name.upper()}" for flag, name in _NAMES.items()}
# Every environment variable that a command reads to reach a server.
VARIABLES: Final = (TOKEN_VARIABLE, *_VARIABLES.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """What options and environment say; files are read when a connection is made.

    ``flags`` are those that stood on the command line.
    """

    token: str | None = None
    token_file: Path | None = None
    tls: bool = False
    tls_ca: Path | None = None
    tls_client_certificate: Path | None = None
    tls_client_key: Path | None = None
    tls_server_name: str | None = None
    flags: tuple[str, ...] = ()

    def client(self, target: str) -> Client:
        """The Python client.  Raises UserError naming the option."""
        from quotewire.client import Client

        return Client(
            target,
            credentials=self._credentials(),
            token=self._token(),
            server_name=self.tls_server_name,
        )

    def channel(self, target: str) -> grpc.Channel:
        """A bare channel, for services that the client does not know.  Raises likewise."""
        import grpc

        credentials = self._credentials()
        if credentials is None:
            return grpc.insecure_channel(target)
        name = self.tls_server_name
        options = [("grpc.ssl_target_name_override", name)] if name else []
        return grpc.secure_channel(target, credentials, options=options)

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """What a call over channel() is to carry.  Raises likewise."""
        token = self._token()
        return (("authorization", f"Bearer {token}"),) if token else ()

    def _token(self) -> str | None:
        if self.token_file is None:
            token, source = self.token, TOKEN_VARIABLE
        else:
            token = _read(self.token_file, "--token-file").decode("utf-8", "replace").strip()
            source = f"--token-file: {self.token_file}"
            if not token:
                raise UserError(f"{source}: is empty; allowed: a token")
        if token and not (token.isascii() and token.isprintable()):  # never quoted: it is a secret
            raise UserError(f"{source}: allowed: one line of printable ASCII characters")
        return token or None

    def _credentials(self) -> grpc.ChannelCredentials | None:
        """None for plain text."""
        certificate, key = self.tls_client_certificate, self.tls_client_key
        if (certificate is None) != (key is None):
            raise UserError(
                "--tls-client-certificate, --tls-client-key: got one of them; allowed: both or none"
            )
        if not (self.tls or self.tls_ca or certificate or self.tls_server_name):
            return None
        import grpc

        return grpc.ssl_channel_credentials(
            root_certificates=_read_pem(self.tls_ca, "--tls-ca"),
            private_key=_read_pem(key, "--tls-client-key"),
            certificate_chain=_read_pem(certificate, "--tls-client-certificate"),
        )


def connection_options(command: Callable[..., None]) -> Callable[..., None]:
    """Adds the options; the command gets them as ``connection``."""

    @functools.wraps(command)
    def connected(*arguments: Any, **values: Any) -> None:
        context = click.get_current_context()
        told = {name: values.pop(name) for name in _NAMES.values()}
        flags = tuple(
            flag
            for flag, name in _NAMES.items()
            if context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        )
        connection = Connection(token=os.environ.get(TOKEN_VARIABLE), flags=flags, **told)
        command(*arguments, connection=connection, **values)

    for flag, details in reversed(_OPTIONS.items()):
        add = click.option(flag, envvar=_VARIABLES[flag], show_envvar=True, **details)
        connected = add(connected)
    return connected


def _read_pem(path: Path | None, flag: str) -> bytes | None:
    if path is None:
        return None
    data = _read(path, flag)
    if b"-----BEGIN " not in data:
        raise UserError(f"{flag}: {path}: holds no PEM")
    return data


def _read(path: Path, flag: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{flag}: {path}: {error.strerror}") from error
