"""TLS in containers: what the files of deploy/ set up is run by hand, against a real server."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import trustme
import yaml
from click.testing import CliRunner, Result

from quotewire.cli.common import Toolbox
from quotewire.cli.connection import VARIABLES
from quotewire.cli.main import commands
from quotewire.serving.settings import PREFIX, Settings
from tests.conftest import ROOT
from tests.deploy.files import load_yaml
from tests.deploy.tools import compose
from tests.serving.harness import PATIENCE_S, running

COMPOSE = ("deploy", "tls", "docker-compose.yml")
OVERLAY = ("deploy", "kubernetes-tls", "kustomization.yaml")
TOKEN = "one-shot-token-0123456789"


@dataclass(frozen=True)
class Secrets:
    """The files that the containers find in /tls, for servers of these names."""

    folder: Path

    @classmethod
    def made(cls, folder: Path, *names: str) -> Secrets:
        ca = trustme.CA()
        ca.cert_pem.write_to_path(folder / "ca.crt")
        for stem, issued in (
            ("tls", ca.issue_cert(*names)),
            ("client", ca.issue_cert("client.example")),
        ):
            issued.cert_chain_pems[0].write_to_path(folder / f"{stem}.crt")
            issued.private_key_pem.write_to_path(folder / f"{stem}.key")
        (folder / "client.token").write_text(TOKEN)
        (folder / "clients.toml").write_text(
            '[[clients]]\nname = "one-shot"\ntoken_file = "client.token"\n'
        )
        return cls(folder)

    def here(self, value: str) -> str:
        return value.replace("/tls/", f"{self.folder}/")

    def settings(self, environment: Mapping[str, str]) -> dict[str, Any]:
        """Those of the server among the variables, as far as they are about TLS and tokens."""
        given = Settings.from_environment(
            {name: self.here(value) for name, value in environment.items()}
        )
        names = ("tls_certificate", "tls_key", "tls_client_ca", "clients_file")
        return {name: getattr(given, name) for name in names}

    def run(self, command: list[str], environment: Mapping[str, str], *, target: str) -> Result:
        """A container's command, by hand: its files lie elsewhere, and so does its server."""
        words = [word.replace("quotewire:50051", target) for word in command]
        if "health" in command:
            words.insert(1, target)
        reaching = {name: self.here(environment[name]) for name in VARIABLES if name in environment}
        return CliRunner().invoke(
            commands, words, obj=Toolbox(), prog_name="quotewire", env=reaching
        )


# ---------------------------------------------------------------- docker compose


def compose_environment(service: str) -> dict[str, str]:
    """What the override adds, the interpolated default in its place."""
    environment = load_yaml(*COMPOSE)["services"][service]["environment"]
    return {
        name: value.replace("${QUOTEWIRE_TLS_SERVER_NAME:-quotewire}", "quotewire")
        for name, value in environment.items()
    }


def test_compose_takes_both_files() -> None:
    result = subprocess.run(
        [*compose(), "-f", "docker-compose.yml", "-f", str(Path(*COMPOSE)), "config"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert result.returncode == 0, result.stderr
    service = yaml.safe_load(result.stdout)["services"]["quotewire"]
    assert service["environment"].keys() > compose_environment("quotewire").keys()
    assert service["read_only"] is True
    assert "x-reaches-the-server" not in service


def test_the_health_check_and_the_one_shot_client_of_compose_get_through(tmp_path: Path) -> None:
    secrets = Secrets.made(tmp_path, "quotewire")
    plain = load_yaml("docker-compose.yml")["services"]
    server_side, client_side = compose_environment("quotewire"), compose_environment("client")
    with running(**secrets.settings(server_side)) as server:
        health = plain["quotewire"]["healthcheck"]["test"][2:]
        result = secrets.run(health, server_side, target=server.target)
        assert (result.exit_code, result.stdout) == (0, "SERVING\n"), result.stderr
        [mount] = plain["client"]["volumes"]
        local, inside, _ = mount.split(":")
        command = [word.replace(inside, str(ROOT / local)) for word in plain["client"]["command"]]
        result = secrets.run(command, client_side, target=server.target)
        assert result.exit_code == 0, result.stderr
        assert "fake@1.0.0" in result.stdout
        del client_side["QUOTEWIRE_TOKEN_FILE"]
        assert secrets.run(command, client_side, target=server.target).exit_code == 2
        del server_side["QUOTEWIRE_TLS_CLIENT_KEY"], server_side["QUOTEWIRE_TLS_CLIENT_CERTIFICATE"]
        assert secrets.run(health, server_side, target=server.target).exit_code == 1


# ---------------------------------------------------------------- Kubernetes


def patched(kind: str) -> Any:
    """The manifest of that kind with the overlay's operations (RFC 6902: add and replace)."""
    manifest = load_yaml("deploy", "kubernetes", f"{kind.lower()}.yaml")
    [patch] = [p for p in load_yaml(*OVERLAY)["patches"] if p["target"]["kind"] == kind]
    assert manifest["metadata"]["name"] == patch["target"]["name"]
    for operation in yaml.safe_load(patch["patch"]):
        *way, last = operation["path"].split("/")[1:]
        place = manifest
        for step in way:
            place = place[int(step)] if isinstance(place, list) else place[step]
        assert operation["op"] == ("replace" if last in place else "add"), operation["path"]
        if isinstance(place, list):
            assert last == "-"
            place.append(operation["value"])
        else:
            place[last] = operation["value"]
    return manifest


@pytest.fixture(scope="module")
def pod() -> Any:
    return patched("Deployment")["spec"]["template"]["spec"]


@pytest.mark.parametrize("kind", ["ConfigMap", "Deployment"])
def test_a_patched_manifest_fits_its_schema(kind: str) -> None:
    newest = kubernetes_validate.latest_version()
    kubernetes_validate.validate(patched(kind), newest, strict=True)


def test_the_overlay_stands_on_the_plain_manifests() -> None:
    [base] = load_yaml(*OVERLAY)["resources"]
    assert (ROOT.joinpath(*OVERLAY).parent / base / "kustomization.yaml").exists()


def test_the_secret_is_mounted_where_the_settings_look(pod: Any) -> None:
    [container] = pod["containers"]
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert mounts["tls"] == "/tls"
    [volume] = [volume for volume in pod["volumes"] if volume["name"] == "tls"]
    assert volume["secret"]
    files = [value for value in patched("ConfigMap")["data"].values() if value.startswith("/tls/")]
    assert {Path(file).name for file in files} == {"tls.crt", "tls.key", "ca.crt"}


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Secrets:
    name = patched("ConfigMap")["data"]["QUOTEWIRE_TLS_SERVER_NAME"]
    return Secrets.made(tmp_path_factory.mktemp("secrets"), name)


@pytest.mark.parametrize("name", ["startupProbe", "readinessProbe", "livenessProbe"])
def test_the_probes_get_through(pod: Any, secrets: Secrets, name: str) -> None:
    [container] = pod["containers"]
    probe, data = container[name], patched("ConfigMap")["data"]
    assert "grpc" not in probe
    program, *command = probe["exec"]["command"]
    assert program == "quotewire"
    with running(**secrets.settings(data)) as server:
        result = secrets.run(command, data, target=server.target)
        assert (result.exit_code, result.stdout) == (0, "SERVING\n"), result.stderr
    assert secrets.run(command, data, target=server.target).exit_code == 1


def test_variables_of_both_sides_live_together() -> None:
    for environment in (compose_environment("quotewire"), patched("ConfigMap")["data"]):
        assert all(name.startswith(PREFIX) for name in environment)
        known = {name for name in environment if name not in VARIABLES}
        fields = {PREFIX + name.upper() for name in Settings.__slots__}
        assert known <= fields
