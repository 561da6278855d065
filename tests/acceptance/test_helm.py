"""The Helm chart, rendered by Helm's own library, against Kubernetes' schemas and the server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import helm_python as helm
import kubernetes_validate
import pytest
import typer.main
import yaml

from memory.api import create_app
from memory.cli.app import app as command
from memory.settings import Settings

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy" / "helm" / "parametric-memory"
PAGE = (ROOT / "docs" / "kubernetes.md").read_text(encoding="utf-8")
NEEDED: dict[str, Any] = {
    "image": {"repository": "registry.example/memory"},
    "database": {"existingSecret": "memory-database"},
    "objectStore": {"url": "s3://bucket/adapters"},
}
EVERYTHING: dict[str, Any] = {
    "image": {"repository": "registry.example/memory", "pullSecrets": ["pull"]},
    "objectStore": {"url": "s3://bucket/adapters", "existingSecret": "memory-bucket", "ports": [9000]},
    "settings": {"MEMORY_INDEX": "pgvector", "MEMORY_SERVER_THREADS": 32},
    "secretSettings": ["memory-upstream"],
    "server": {"autoscaling": {"enabled": False}, "replicas": 3, "nodeSelector": {"gpu": "yes"}},
    "workers": {"tolerations": [{"key": "gpu", "operator": "Exists"}], "podAnnotations": {"a": "b"}},
    "ingress": {"enabled": True, "host": "memory.example", "tlsSecret": "tls", "className": "nginx"},
    "serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/memory"}},
    "networkPolicy": {"egress": [{"ports": [{"port": 11434, "protocol": "TCP"}]}]},
}


def rendered(values: dict[str, Any]) -> list[dict[str, Any]]:
    """All objects that the chart makes of the values."""
    merged = {**NEEDED, **values}
    files = helm.Chart.load(CHART).render(merged, name="memory", namespace="default")
    texts = [text for path, text in files.items() if path.endswith(".yaml")]
    return [found for text in texts for found in yaml.safe_load_all(text) if found]


def pods(objects: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The templates of pods in them."""
    for found in objects:
        if found["kind"] == "Deployment":
            yield found["spec"]["template"]
        if found["kind"] == "CronJob":
            yield found["spec"]["jobTemplate"]["spec"]["template"]


def named(objects: list[dict[str, Any]], kind: str, end: str = "") -> dict[str, Any]:
    [found] = [one for one in objects if one["kind"] == kind and one["metadata"]["name"].endswith(end)]
    return found


@pytest.mark.parametrize("values", [{}, EVERYTHING])
def test_helm_and_kubernetes_accept_the_chart(values: dict[str, Any]) -> None:
    """Lint finds no error, and every object fits its schema, unknown fields refused."""
    report = helm.lint(CHART, {**NEEDED, **values}, strict=True)
    assert report["errors"] == []
    objects = rendered(values)
    assert len(objects) > 7
    for found in objects:
        for version in ("1.28", "1.34"):
            kubernetes_validate.validate(found, version, strict=True)


def test_what_has_to_be_named_is_asked_for() -> None:
    """The image, the database and the store of adapters; a password has no place in a value."""
    chart = helm.Chart.load(CHART)
    with pytest.raises(helm.HelmValuesError) as refused:
        chart.render({}, name="memory", namespace="default")
    for needed in ("/image/repository", "/database/existingSecret", "/objectStore/url"):
        assert needed in str(refused.value)
    for wrong in ({"objectStore": {"url": "s3://me:pw@bucket"}}, {"settings": {"PATH": "/"}}):
        with pytest.raises(helm.HelmValuesError):
            chart.render({**NEEDED, **wrong}, name="memory", namespace="default")


@pytest.mark.parametrize("values", [{}, EVERYTHING])
def test_no_pod_has_more_rights_than_it_needs(values: dict[str, Any]) -> None:
    """Nobody is root, writes to the image, has a capability or a token; folders to write are volumes."""
    found = list(pods(rendered(values)))
    assert len(found) == 3
    for pod in found:
        spec = pod["spec"]
        assert spec["automountServiceAccountToken"] is spec["enableServiceLinks"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert f"--uid {spec['securityContext']['runAsUser']} " in (ROOT / "Dockerfile").read_text()
        [container] = spec["containers"]
        context = container["securityContext"]
        assert (context["readOnlyRootFilesystem"], context["allowPrivilegeEscalation"]) == (True, False)
        assert context["capabilities"] == {"drop": ["ALL"]}
        mounted = {mount["mountPath"] for mount in container["volumeMounts"]}
        environment = {one["name"]: one for one in container["env"]}
        assert {environment["HOME"]["value"], environment["MEMORY_HOME"]["value"]} <= mounted
        assert "value" not in environment["MEMORY_DATABASE_URL"]
        assert container["resources"]["limits"]["memory"]


def test_variables_are_settings_and_commands_are_verbs() -> None:
    """A name that is none would be passed over in silence."""
    known = {f"MEMORY_{name.upper()}" for name in Settings.model_fields}
    verbs = typer.main.get_command(command).commands  # type: ignore[attr-defined]
    for pod in pods(rendered(EVERYTHING)):
        [container] = pod["spec"]["containers"]
        given = {one["name"]: one.get("value") for one in container["env"]}
        assert set(given) - {"HOME"} <= known
        told = {n.removeprefix("MEMORY_").lower(): v for n, v in given.items() if v and n != "HOME"}
        Settings.load(**told)
        assert container["args"][1] in verbs


def test_probes_and_ports_are_those_of_the_server() -> None:
    """Ready is not asked for to keep a pod alive: a database that is away would restart all of them."""
    objects = rendered({})
    routes = set(create_app().openapi()["paths"])
    for part in ("server", "workers"):
        [container] = named(objects, "Deployment", part)["spec"]["template"]["spec"]["containers"]
        probes = ("startupProbe", "livenessProbe", "readinessProbe")
        paths = [container[probe]["httpGet"]["path"] for probe in probes]
        assert paths == ["/health/live", "/health/live", "/health/ready"]
        assert set(paths) <= routes
        assert container["ports"] == [{"name": "http", "containerPort": 8750}]
        assert {"name": "MEMORY_PORT", "value": "8750"} in container["env"]


def test_selectors_find_what_they_are_for() -> None:
    """Requests reach servers alone; the policy is for all pods; the scaler's target is there."""
    objects = rendered({})
    every = [pod["metadata"]["labels"] for pod in pods(objects)]
    labels = {found["app.kubernetes.io/component"]: found for found in every}
    assert set(labels) == {"server", "workers", "sweep"}

    def chosen(selector: dict[str, str]) -> set[str]:
        return {part for part, found in labels.items() if selector.items() <= found.items()}

    assert chosen(named(objects, "Service")["spec"]["selector"]) == {"server"}
    assert chosen(named(objects, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"]) == {"server"}
    assert chosen(named(objects, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"]) == set(labels)
    for part in ("server", "workers"):
        deployment = named(objects, "Deployment", part)
        assert chosen(deployment["spec"]["selector"]["matchLabels"]) == {part}
    target = named(objects, "HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]["name"]
    assert named(objects, "Deployment", "server")["metadata"]["name"] == target
    assert "replicas" not in named(objects, "Deployment", "server")["spec"]
    assert named(rendered(EVERYTHING), "Deployment", "server")["spec"]["replicas"] == 3


def test_jobs_have_pods_of_their_own_and_time_to_end() -> None:
    """Servers take none, so that a compaction slows no request; no pod is killed before its work ends."""
    objects = rendered({})
    for part, threads in (("server", "0"), ("workers", "2")):
        spec = named(objects, "Deployment", part)["spec"]["template"]["spec"]
        assert {"name": "MEMORY_JOB_WORKERS", "value": threads} in spec["containers"][0]["env"]
        stop = int(spec["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][1])
        assert spec["terminationGracePeriodSeconds"] > Settings.model_fields["shutdown_s"].default + stop


def test_every_value_is_used_and_explained() -> None:
    """A value that no template reads does nothing; the page names each group of them."""
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    templates = "".join(path.read_text() for path in (CHART / "templates").iterdir())
    for group, inside in values.items():
        assert f".Values.{group}" in templates
        assert f"`{group}" in PAGE, f"docs/kubernetes.md does not name {group}"
        for name in inside if isinstance(inside, dict) else ():
            assert re.search(rf"(\.Values\.{group}|\.of)\.{name}\b", templates), f"{group}.{name} is not read"
