"""The image, docker compose and Kubernetes: the files are valid and fit the server and each other.

There is no engine to run them in; what they would run is run here by hand.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from click.testing import CliRunner

import quotewire
from quotewire.cli.common import Toolbox
from quotewire.cli.main import commands
from quotewire.serving.settings import PREFIX, Settings
from tests.conftest import ROOT
from tests.deploy.files import DEPLOY, load_yaml
from tests.deploy.tools import compose
from tests.serving.harness import PATIENCE_S, running

# The oldest and the newest Kubernetes whose schemas are at hand and who have what we use.
KUBERNETES = ("1.29", kubernetes_validate.latest_version())
KUSTOMIZATION = load_yaml("deploy", "kubernetes", "kustomization.yaml")
RESOURCES = KUSTOMIZATION["resources"]


def dockerfile() -> str:
    return (ROOT / "Dockerfile").read_text("utf-8")


def instruction(name: str) -> Any:
    """The JSON arguments of the last instruction of that name."""
    return json.loads(re.findall(rf"^{name} .*?(\[.*\])$", dockerfile(), re.MULTILINE)[-1])


def image_environment() -> dict[str, str]:
    return dict(re.findall(rf"({PREFIX}\w+)=(\S+)", dockerfile()))


def manifest(name: str) -> Any:
    return load_yaml("deploy", "kubernetes", f"{name}.yaml")


def container() -> Any:
    [one] = manifest("deployment")["spec"]["template"]["spec"]["containers"]
    return one


# ---------------------------------------------------------------- the image


def test_a_linter_has_nothing_against_the_dockerfile() -> None:
    hadolint = Path(sys.executable).parent / "hadolint"
    result = subprocess.run(
        [hadolint, ROOT / "Dockerfile"], capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert (result.returncode, result.stdout) == (0, "")


def test_the_image_runs_as_nobody_and_leaves_its_tools_behind() -> None:
    stages = re.split(r"^FROM ", dockerfile(), flags=re.MULTILINE)[1:]
    assert len(stages) == 2
    assert re.search(r"^USER 10001:10001$", stages[1], re.MULTILINE)
    assert "pip install" not in stages[1]


def test_every_file_that_the_image_copies_is_there() -> None:
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", dockerfile(), re.MULTILINE)
    names = [name for line in copied for name in line.split()]
    assert {"pyproject.toml", "service"} <= set(names)
    assert [name for name in names if not (ROOT / name).exists()] == []
    ignored = (ROOT / ".dockerignore").read_text("utf-8").split()
    assert not set(names) & set(ignored)


def test_the_image_s_commands_are_quotewire_s() -> None:
    assert instruction("ENTRYPOINT") == ["quotewire"]
    [serve] = instruction("CMD")
    [program, health] = instruction("HEALTHCHECK")
    assert program == "quotewire"
    assert {serve, health} <= commands.commands.keys()
    assert (
        health
        == load_yaml("docker-compose.yml")["services"]["quotewire"]["healthcheck"]["test"][-1]
    )


def test_the_settings_given_are_settings_that_there_are() -> None:
    compose = load_yaml("docker-compose.yml")["services"]["quotewire"]["environment"]
    for given in (image_environment(), compose, manifest("configmap")["data"]):
        assert given
        names = {variable.removeprefix(PREFIX).lower() for variable in given}
        settings = Settings.from_environment(given)
        unchanged = {name for name in names if getattr(settings, name) == getattr(Settings(), name)}
        # A value that is the default one is no mistake, a name that is none raises above.
        assert unchanged <= {"grace_s"}


# ---------------------------------------------------------------- docker compose


def test_compose_takes_the_file() -> None:
    result = subprocess.run(
        [*compose(), "--profile", "client", "config"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert result.returncode == 0, result.stderr
    services = yaml.safe_load(result.stdout)["services"]
    assert set(services) == {"quotewire", "prometheus", "grafana", "client"}


@pytest.mark.parametrize("name", load_yaml("docker-compose.yml")["services"])
def test_a_compose_service_has_no_rights_and_bounded_resources(name: str) -> None:
    service = load_yaml("docker-compose.yml")["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["deploy"]["resources"]["limits"].keys() == {"cpus", "memory"}
    assert service["pids_limit"] > 0
    assert "healthcheck" in service
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))


def test_compose_gives_the_drain_its_time() -> None:
    service = load_yaml("docker-compose.yml")["services"]["quotewire"]
    assert int(service["stop_grace_period"].removesuffix("s")) > Settings().grace_s


def test_what_the_one_shot_client_runs_works() -> None:
    client = load_yaml("docker-compose.yml")["services"]["client"]
    [mount] = client["volumes"]
    folder, inside, _ = mount.split(":")
    with running() as server:
        arguments = [
            word.replace(inside, str(ROOT / folder)).replace("quotewire:50051", server.target)
            for word in client["command"]
        ]
        result = CliRunner().invoke(commands, arguments, obj=Toolbox(), prog_name="quotewire")
    assert result.exit_code == 0, result.stderr
    assert "fake@1.0.0" in result.stdout


def test_prometheus_scrapes_where_the_image_answers() -> None:
    [job] = load_yaml("deploy", "prometheus", "prometheus.yml")["scrape_configs"]
    [targets] = job["static_configs"]
    assert targets["targets"] == [f"quotewire:{image_environment()['QUOTEWIRE_METRICS_PORT']}"]


# ---------------------------------------------------------------- Kubernetes


@pytest.mark.parametrize("version", KUBERNETES)
@pytest.mark.parametrize("name", RESOURCES)
def test_a_manifest_fits_its_schema(name: str, version: str) -> None:
    manifest = load_yaml("deploy", "kubernetes", name)
    kubernetes_validate.validate(manifest, version, strict=True)


def test_the_schemas_would_notice() -> None:
    broken = manifest("autoscaler")
    broken["spec"]["maxReplicas"] = "ten"
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, KUBERNETES[-1], strict=True)


def test_every_manifest_is_part_of_the_whole() -> None:
    files = {path.name for path in (DEPLOY / "kubernetes").glob("*.yaml")}
    assert files == {*RESOURCES, "kustomization.yaml"}
    [image] = KUSTOMIZATION["images"]
    assert image["newTag"] == quotewire.__version__
    assert image["name"] == container()["image"]


def test_the_manifests_speak_of_the_same_pods_and_ports() -> None:
    deployment = manifest("deployment")["spec"]
    pods = deployment["template"]["metadata"]["labels"]
    assert deployment["selector"]["matchLabels"] == pods
    assert manifest("service")["spec"]["selector"] == pods
    assert manifest("disruption-budget")["spec"]["selector"]["matchLabels"] == pods
    assert manifest("network-policy")["spec"]["podSelector"]["matchLabels"] == pods
    ports = {port["name"]: port["containerPort"] for port in container()["ports"]}
    assert ports == {
        "grpc": Settings().port,
        "metrics": int(image_environment()["QUOTEWIRE_METRICS_PORT"]),
    }
    assert {p["targetPort"]: p["port"] for p in manifest("service")["spec"]["ports"]} == ports
    ingress = manifest("network-policy")["spec"]["ingress"]
    assert {port["port"] for rule in ingress for port in rule["ports"]} == set(ports.values())
    target = manifest("autoscaler")["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == (
        "Deployment",
        manifest("deployment")["metadata"]["name"],
    )


def test_the_probes_ask_the_server_s_own_health_service() -> None:
    import grpc
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    probes = [container()[name] for name in ("startupProbe", "readinessProbe", "livenessProbe")]
    with running() as server, grpc.insecure_channel(server.target) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        for probe in probes:
            assert probe["grpc"]["port"] == Settings().port
            request = health_pb2.HealthCheckRequest(service=probe["grpc"].get("service", ""))
            answer = stub.Check(request, timeout=PATIENCE_S)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_a_pod_has_the_time_to_drain() -> None:
    pod = manifest("deployment")["spec"]["template"]["spec"]
    [pause] = re.findall(
        r"sleep\((\d+)\)", container()["lifecycle"]["preStop"]["exec"]["command"][-1]
    )
    grace = float(manifest("configmap")["data"]["QUOTEWIRE_GRACE_S"])
    assert pod["terminationGracePeriodSeconds"] > grace + int(pause)


def test_a_pod_has_no_rights() -> None:
    pod = manifest("deployment")["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    assert f"USER {pod['securityContext']['runAsUser']}:" in dockerfile()
    assert container()["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
