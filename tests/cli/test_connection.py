"""``quotewire health`` and ``quotewire extract --server`` over TLS, mTLS and with tokens."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import pytest
import trustme

from quotewire.cli.connection import TOKEN_VARIABLE, VARIABLES
from quotewire.serving.settings import PREFIX, Settings
from tests.cli.conftest import Run, one_line
from tests.conftest import ROOT
from tests.serving.harness import STORY, running

TOKEN = "desk-token-0123456789"
# In no address: clients have to be told that the certificate bears it.
NAME = "quotewire.example"


@dataclass(frozen=True)
class Guarded:
    """A server that wants a certificate and a token, and the files of a client that has both."""

    target: str
    folder: Path

    @property
    def tls(self) -> dict[str, str]:
        """The options that pass its TLS."""
        return {
            "--tls-ca": f"{self.folder / 'ca.pem'}",
            "--tls-client-certificate": f"{self.folder / 'client.pem'}",
            "--tls-client-key": f"{self.folder / 'client.key'}",
            "--tls-server-name": NAME,
        }

    @property
    def all(self) -> dict[str, str]:
        return {**self.tls, "--token-file": f"{self.folder / 'token'}"}


def words(options: dict[str, str]) -> list[str]:
    return [word for pair in options.items() for word in pair]


def variables(options: dict[str, str]) -> dict[str, str]:
    return {f"{PREFIX}{flag[2:].replace('-', '_').upper()}": options[flag] for flag in options}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("tls")
    ca = trustme.CA()
    ca.cert_pem.write_to_path(folder / "ca.pem")
    trustme.CA().cert_pem.write_to_path(folder / "other-ca.pem")
    for name, issued in (
        ("server", ca.issue_cert(NAME)),
        ("client", ca.issue_cert("desk.example")),
        ("stranger", trustme.CA().issue_cert("desk.example")),
    ):
        issued.cert_chain_pems[0].write_to_path(folder / f"{name}.pem")
        issued.private_key_pem.write_to_path(folder / f"{name}.key")
    (folder / "token").write_text(TOKEN + "\n")
    (folder / "article.txt").write_text(STORY, encoding="utf-8")
    with running(
        tls_certificate=folder / "server.pem",
        tls_key=folder / "server.key",
        tls_client_ca=folder / "ca.pem",
        tokens=(f"desk:{TOKEN}",),
    ) as server:
        yield Guarded(server.target, folder)


def test_health_over_mtls(run: Run, guarded: Guarded) -> None:
    result = run("health", guarded.target, *words(guarded.tls))
    assert (result.exit_code, result.stdout) == (0, "SERVING\n"), result.stderr
    service = ("--service", "quotewire.v1.ExtractionService")
    assert run("health", guarded.target, *words(guarded.all), *service).stdout == "SERVING\n"


def test_extract_over_mtls_with_a_token(run: Run, guarded: Guarded) -> None:
    command = ["extract", guarded.folder / "article.txt", "--server", guarded.target]
    result = run(*command, *words(guarded.all))
    assert result.exit_code == 0, result.stderr
    assert "fake@1.0.0" in result.stdout
    result = run(*command, *words(guarded.tls))
    assert result.exit_code == 2
    assert "wants a token" in one_line(result)


def test_the_environment_does_as_well(
    run: Run, guarded: Guarded, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in variables(guarded.tls).items():
        assert variable in VARIABLES
        monkeypatch.setenv(variable, value)
    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
    assert run("health", guarded.target).stdout == "SERVING\n"
    article = guarded.folder / "article.txt"
    assert run("extract", article, "--server", guarded.target).exit_code == 0
    assert run("models").exit_code == 0, "and is no matter of other commands"
    monkeypatch.setenv(TOKEN_VARIABLE, "wrong-token-0123456789")
    assert run("extract", article, "--server", guarded.target).exit_code == 2
    file = ("--token-file", guarded.folder / "token")
    assert run("extract", article, "--server", guarded.target, *file).exit_code == 0


@pytest.mark.parametrize(
    "change",
    [
        {"--tls-server-name": None},
        {"--tls-server-name": "other.example"},
        {"--tls-ca": "other-ca.pem"},
        {"--tls-client-certificate": "stranger.pem", "--tls-client-key": "stranger.key"},
        {"--tls-client-certificate": None, "--tls-client-key": None},
        dict.fromkeys(
            ("--tls-ca", "--tls-client-certificate", "--tls-client-key", "--tls-server-name")
        ),
    ],
    ids=["no name", "wrong name", "wrong authority", "stranger", "no certificate", "plain text"],
)
def test_whoever_does_not_fit_is_not_let_in(
    run: Run, guarded: Guarded, change: dict[str, str | None]
) -> None:
    options = dict(guarded.tls)
    for flag, value in change.items():
        if value is None:
            del options[flag]
        else:
            options[flag] = str(guarded.folder / value) if value.endswith(("pem", "key")) else value
    result = run("health", guarded.target, "--timeout", "2", *words(options))
    assert result.exit_code == 1, result.stdout
    assert one_line(result).startswith(f"quotewire: {guarded.target}: ")


def test_tls_without_an_authority_of_its_own_trusts_the_known_ones(
    run: Run, guarded: Guarded
) -> None:
    """Which do not know ours."""
    result = run("health", guarded.target, "--tls", "--timeout", "2")
    assert result.exit_code == 1
    assert "UNAVAILABLE" in one_line(result)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"--tls-ca": "none.pem"}, "--tls-ca: .*none.pem: No such file"),
        ({"--tls-ca": "token"}, "--tls-ca: .*token: holds no PEM"),
        ({"--tls-client-key": "client.key"}, "--tls-client-key: got one of them"),
        ({"--token-file": "none"}, "--token-file: .*none: No such file"),
        ({"--token-file": "empty"}, "--token-file: .*empty: is empty"),
        ({"--token-file": "two-lines"}, "--token-file: .*two-lines: allowed: one line"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(
    run: Run, guarded: Guarded, options: dict[str, str], complaint: str
) -> None:
    (guarded.folder / "empty").write_text("\n")
    (guarded.folder / "two-lines").write_text("secret\nsecret\n")
    files = {flag: str(guarded.folder / name) for flag, name in options.items()}
    result = run("health", guarded.target, *words(files))
    assert result.exit_code == 2
    assert re.search(complaint, one_line(result))
    assert "secret" not in result.output


def test_options_of_a_server_need_one(run: Run, guarded: Guarded) -> None:
    result = run("extract", guarded.folder / "article.txt", "--tls")
    assert result.exit_code == 2
    assert one_line(result) == "quotewire: --tls: got one without --server"


def test_no_variable_means_two_things_and_each_is_documented() -> None:
    settings = {PREFIX + setting.name.upper() for setting in fields(Settings)}
    assert not settings & set(VARIABLES)
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    assert {variable for variable in VARIABLES if f"`{variable}`" not in page} == set()
