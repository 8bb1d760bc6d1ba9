"""TLS and mTLS, certificates reloaded without a restart.

At every handshake the files are looked at; changed ones are taken for this and all later
connections, unless they do not fit together (a renewal writes two files, one after the other):
then the last good ones stay.
"""

from __future__ import annotations

import logging
import ssl
from dataclasses import dataclass
from pathlib import Path

import grpc

from quotewire.errors import ConfigError

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files: the server's certificate chain, its private key and, for mTLS, the authorities
    whose certificates clients must show."""

    certificate: Path
    key: Path
    client_ca: Path | None = None

    def credentials(self) -> grpc.ServerCredentials:
        """Raises ConfigError where the files cannot be used now."""
        return grpc.dynamic_ssl_server_credentials(
            self.configuration(),
            _Fetcher(self),  # type: ignore[arg-type]  # None means: no change
            require_client_authentication=self.client_ca is not None,
        )

    def configuration(self) -> grpc.ServerCertificateConfiguration:
        """What the files say now.  Raises ConfigError naming the file."""
        chain, key = _read(self.certificate, "tls_certificate"), _read(self.key, "tls_key")
        authorities = _read(self.client_ca, "tls_client_ca") if self.client_ca else None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            # No password: gRPC takes plain keys only, and nobody is there to be asked.
            context.load_cert_chain(self.certificate, self.key, password=lambda: b"")
        except (ssl.SSLError, ValueError, OSError) as error:
            raise ConfigError(
                f"tls_certificate, tls_key: {self.certificate} and {self.key} are no pair of a "
                f"PEM certificate and its unencrypted key ({error})"
            ) from None
        if authorities is not None:
            try:
                context.load_verify_locations(cadata=authorities.decode())
            except (ssl.SSLError, ValueError) as error:
                raise ConfigError(
                    f"tls_client_ca: {self.client_ca} has no PEM certificates ({error})"
                ) from None
        return grpc.ssl_server_certificate_configuration([(key, chain)], authorities)

    def stamp(self) -> tuple[tuple[int, int, int], ...]:
        """Changes when a file does (also one behind a symbolic link, as Kubernetes has them)."""
        files = (self.certificate, self.key, self.client_ca)
        stats = [file.stat() for file in files if file]
        return tuple((stat.st_ino, stat.st_mtime_ns, stat.st_size) for stat in stats)


class _Fetcher:
    """Called by gRPC at every handshake, in its own threads: a new configuration, or None."""

    def __init__(self, files: TlsFiles) -> None:
        self._files = files
        self._seen = files.stamp()

    def __call__(self) -> grpc.ServerCertificateConfiguration | None:
        try:
            stamp = self._files.stamp()
            if stamp == self._seen:
                return None
            configuration = self._files.configuration()
        except (ConfigError, OSError) as error:
            logger.warning("the old certificate stays in use: %s", error)
            return None
        self._seen = stamp
        logger.info("took the changed certificate %s", self._files.certificate)
        return configuration


def _read(path: Path, setting: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{setting}: {path}: {error.strerror}") from None
