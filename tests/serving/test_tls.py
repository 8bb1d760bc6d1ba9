"""TLS and mTLS with certificates that change while the server runs."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
import trustme

from quotewire.client import Client
from quotewire.errors import ConfigError
from quotewire.pb.v1.model_service_pb2 import ListModelsRequest
from quotewire.serving.tls import TlsFiles
from tests.serving.harness import PATIENCE_S, Running, running


class Authority:
    """Issues certificates into files."""

    def __init__(self, folder: Path) -> None:
        self.ca = trustme.CA()
        self.folder = folder
        self.files = TlsFiles(folder / "server.pem", folder / "server.key", folder / "ca.pem")
        self.ca.cert_pem.write_to_path(folder / "ca.pem")
        self.issue("first")

    def issue(self, name: str) -> None:
        """A new certificate of the server, with that common name."""
        issued = self.ca.issue_cert("127.0.0.1", common_name=name)
        self.files.certificate.write_bytes(issued.cert_chain_pems[0].bytes())
        self.files.key.write_bytes(issued.private_key_pem.bytes())

    def credentials(self, client: trustme.LeafCert | None = None) -> grpc.ChannelCredentials:
        if client is None:
            return grpc.ssl_channel_credentials(self.ca.cert_pem.bytes())
        return grpc.ssl_channel_credentials(
            self.ca.cert_pem.bytes(),
            client.private_key_pem.bytes(),
            client.cert_chain_pems[0].bytes(),
        )

    def channel(self, client: trustme.LeafCert | None = None) -> Callable[[str], grpc.Channel]:
        return lambda target: grpc.secure_channel(target, self.credentials(client))

    def name_shown(self, port: int) -> str:
        """The common name of the certificate that the server shows to a new connection."""
        context = ssl.create_default_context(cadata=self.ca.cert_pem.bytes().decode())
        context.set_alpn_protocols(["h2"])
        with (
            socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1") as tls,
        ):
            shown = tls.getpeercert()
        assert shown is not None
        return next(pair[1] for [pair] in shown["subject"] if pair[0] == "commonName")  # type: ignore


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def models(server: Running) -> int:
    return len(server.models.ListModels(ListModelsRequest(), timeout=PATIENCE_S).models)


def test_calls_go_through_tls_and_no_other_way(authority: Authority) -> None:
    files = authority.files
    with running(
        tls_certificate=files.certificate, tls_key=files.key, channel=authority.channel()
    ) as server:
        assert models(server) == 1
        with Client(server.target, credentials=authority.credentials()) as client:
            assert len(client.models()) == 1
        with grpc.insecure_channel(server.target) as plain, pytest.raises(grpc.RpcError):
            Running(server.server, server.port, server.loop, plain).models.ListModels(
                ListModelsRequest(), timeout=2
            )


def test_a_changed_certificate_is_taken_without_a_restart(authority: Authority) -> None:
    files = authority.files
    with running(
        tls_certificate=files.certificate, tls_key=files.key, channel=authority.channel()
    ) as server:
        assert authority.name_shown(server.port) == "first"
        assert models(server) == 1
        authority.issue("second")
        assert authority.name_shown(server.port) == "second"
        assert models(server) == 1, "the old connection lives on"
        files.certificate.write_text("half written", encoding="utf-8")
        assert authority.name_shown(server.port) == "second", "the last good one stays"
        authority.issue("third")
        assert authority.name_shown(server.port) == "third"


def test_mtls_asks_clients_for_a_certificate_and_takes_its_name(authority: Authority) -> None:
    files = authority.files
    desk = authority.ca.issue_cert("desk.example", common_name="news desk")
    with running(
        tls_certificate=files.certificate,
        tls_key=files.key,
        tls_client_ca=files.client_ca,
        channel=authority.channel(desk),
    ) as server:
        assert models(server) == 1
        labels = {"method": "ListModels", "code": "OK", "client": "news desk"}
        labels |= {"model": "", "variant": ""}
        assert server.server.metrics.registry.get_sample_value("quotewire_calls_total", labels) == 1
        stranger = trustme.CA().issue_cert("desk.example")
        for credentials in (authority.credentials(), authority.credentials(stranger)):
            with grpc.secure_channel(server.target, credentials) as channel:
                other = Running(server.server, server.port, server.loop, channel)
                with pytest.raises(grpc.RpcError) as caught:
                    other.models.ListModels(ListModelsRequest(), timeout=2)
                assert caught.value.code() is not grpc.StatusCode.OK


def test_files_that_do_not_fit_stop_the_start(authority: Authority, tmp_path: Path) -> None:
    files = authority.files
    other = authority.ca.issue_cert("127.0.0.1")
    (tmp_path / "other.key").write_bytes(other.private_key_pem.bytes())
    with pytest.raises(ConfigError, match="no pair"):
        TlsFiles(files.certificate, tmp_path / "other.key").credentials()
    with pytest.raises(ConfigError, match=r"tls_key: .*none\.key: No such file"):
        TlsFiles(files.certificate, tmp_path / "none.key").credentials()
    (tmp_path / "empty.pem").write_text("", encoding="utf-8")
    with pytest.raises(ConfigError, match="tls_client_ca"):
        TlsFiles(files.certificate, files.key, tmp_path / "empty.pem").credentials()
