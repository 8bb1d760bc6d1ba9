"""Reloading a running server: load, warm up, flip, drain; or refuse and change nothing."""

from __future__ import annotations

import asyncio
import pickle
import re
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from quotewire.extraction.extractor import Extractor
from quotewire.pb.v1 import admin_service_pb2 as admin_pb
from quotewire.pb.v1 import extraction_pb2 as pb
from quotewire.pb.v1.admin_service_pb2_grpc import AdminServiceStub
from quotewire.pb.v1.extraction_service_pb2 import BatchExtractRequest, ExtractRequest
from quotewire.pb.v1.model_service_pb2 import ListModelsRequest
from tests.conftest import ROOT
from tests.fakes import FakeModel, fake_extractor
from tests.serving.harness import (
    PATIENCE_S,
    STORY,
    GatedModel,
    Running,
    error_info,
    rich_status,
    running,
    until,
)


class Shop:
    """Models by source ("name@version"), and a models file that names some of them."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "models.toml"
        self.models: dict[str, FakeModel] = {}
        self.loads: list[str] = []

    def write(self, *sources: str, default: str = "", **aliases: str) -> None:
        lines = [f'default = "{default}"']
        lines += [f'[[models]]\nfolder = "{source}"' for source in sources]
        lines += ["[aliases]", *(f'{alias} = "{target}"' for alias, target in aliases.items())]
        self.path.write_text("\n".join(lines), encoding="utf-8")

    def load(self, source: str) -> Extractor:
        name, _, version = Path(source).name.partition("@")
        self.loads.append(source)
        if name == "broken":
            raise RuntimeError("cannot be loaded")
        return fake_extractor(name, version, model=self.models.get(source))


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


@contextmanager
def open_(shop: Shop, **changes: Any) -> Iterator[tuple[Running, AdminServiceStub]]:
    with (
        running(load=shop.load, models_file=shop.path, admin_port=0, **changes) as server,
        grpc.insecure_channel(f"127.0.0.1:{server.server.admin_port}") as channel,
    ):
        yield server, AdminServiceStub(channel)


def reload(admin: AdminServiceStub) -> admin_pb.ReloadResponse:
    return admin.Reload(admin_pb.ReloadRequest(), timeout=PATIENCE_S)


def answered_by(server: Running, model: str = "") -> str:
    request = ExtractRequest(article=pb.Article(text=STORY), model=model)
    extraction = server.extraction.Extract(request, timeout=PATIENCE_S).extraction
    assert len(extraction.statements) == 3
    return extraction.model


def test_versions_names_and_aliases_select_a_model(shop: Shop) -> None:
    shop.write("a@1", "a@2", "b@1", default="stable", stable="a@2", canary="b")
    with open_(shop) as (server, _):
        selectors = ("", "stable", "canary", "a", "a@1", "a@2", "b")
        assert [answered_by(server, one) for one in selectors] == [
            "a@2",
            "a@2",
            "b@1",
            "a@1",
            "a@1",
            "a@2",
            "b@1",
        ]
        models = server.models.ListModels(ListModelsRequest(), timeout=PATIENCE_S).models
        assert [(m.version, list(m.aliases), m.is_default) for m in models] == [
            ("2", ["stable"], True),
            ("1", [], False),
            ("1", ["canary"], False),
        ]


def test_a_reload_flips_the_alias_and_takes_the_old_model_away(shop: Shop) -> None:
    shop.write("a@1", stable="a@1")
    with open_(shop) as (server, admin):
        assert answered_by(server, "stable") == "a@1"
        shop.write("a@2", stable="a@2")
        done = reload(admin)
        assert (list(done.loaded), list(done.removed)) == (["a@2"], ["a@1"])
        assert [model.version for model in done.models] == ["2"]
        assert answered_by(server, "stable") == answered_by(server) == "a@2"
        with pytest.raises(grpc.RpcError) as caught:
            answered_by(server, "a@1")
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND


def test_calls_running_on_the_old_model_are_finished_by_it(shop: Shop) -> None:
    old = shop.models["a@1"] = GatedModel(is_open=True)
    shop.write("a@1")
    with open_(shop) as (server, admin):
        old.close_gate()
        article = pb.Article(text=STORY)
        single = server.extraction.Extract.future(
            ExtractRequest(article=article), timeout=PATIENCE_S
        )
        batch = server.extraction.BatchExtract.future(
            BatchExtractRequest(articles=[article] * 5), timeout=PATIENCE_S
        )
        server.until_calls(2)
        assert old.entered.wait(PATIENCE_S)
        shop.write("a@2")
        reload(admin)
        assert answered_by(server) == "a@2"
        old.gate.set()
        assert single.result(PATIENCE_S).extraction.model == "a@1"
        models = {answer.extraction.model for answer in batch.result(PATIENCE_S).answers}
        assert models == {"a@1"}
        until(lambda: not any("a@1" in thread.name for thread in threading.enumerate()))


def test_no_call_fails_while_models_come_and_go(shop: Shop) -> None:
    shop.write("a@0", stable="a@0")
    with open_(shop) as (server, admin), ThreadPoolExecutor(4) as pool:
        stop = threading.Event()

        def call() -> set[str]:
            seen = set()
            while not stop.is_set():
                seen.add(answered_by(server, "stable"))
            return seen

        callers = [pool.submit(call) for _ in range(4)]
        for version in range(1, 6):
            shop.write(f"a@{version}", stable=f"a@{version}")
            assert list(reload(admin).loaded) == [f"a@{version}"]
        stop.set()
        seen = set().union(*(caller.result(PATIENCE_S) for caller in callers))
        assert seen <= {f"a@{version}" for version in range(6)}


class Failing(FakeModel):
    def score(self, windows: object) -> list[object]:  # type: ignore[override]
        raise RuntimeError("nothing but zeros")


@pytest.mark.parametrize(
    ("sources", "aliases", "reason"),
    [
        (["a@2", "failing@1"], {}, "failing@1: the model failed its warm-up.*nothing but zeros"),
        (["a@2"], {"stable": "a@9"}, "aliases.stable: got 'a@9'"),
        (["a@2"], {"a": "a@2"}, "aliases.a: there is a model of that name"),
        (["a@2", "./a@2"], {}, "two are a@2"),
    ],
)
def test_a_broken_configuration_is_refused_with_the_reason(
    shop: Shop, sources: list[str], aliases: dict[str, str], reason: str
) -> None:
    shop.models["failing@1"] = Failing()
    shop.write("a@1", stable="a@1")
    with open_(shop) as (server, admin):
        shop.write(*sources, **aliases)
        with pytest.raises(grpc.RpcError, match=reason) as caught:
            reload(admin)
        assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
        assert error_info(rich_status(caught.value)).reason == "CONFIG_REFUSED"
        assert answered_by(server, "stable") == "a@1"
        until(lambda: not any("@2" in thread.name for thread in threading.enumerate()))
        shop.write("a@3")
        reload(admin)
        assert answered_by(server) == "a@3", "a later reload works"


def test_a_file_that_is_no_toml_changes_nothing(shop: Shop) -> None:
    shop.write("a@1")
    with open_(shop) as (server, admin):
        shop.path.write_text("[[models", encoding="utf-8")
        with pytest.raises(grpc.RpcError, match="no TOML"):
            reload(admin)
        assert answered_by(server) == "a@1"


def test_what_sighup_finds_wrong_is_logged_and_changes_nothing(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    shop.write("a@1")
    with open_(shop) as (server, _):
        for content, reason in (
            ("[[models", "the new configuration is refused, the old one stays: .* no TOML"),
            ("[models]", "refused, the old one stays: .* models: allowed: one"),
            (
                '[[models]]\nfolder = "broken@1"',
                "the reload failed, everything stays: RuntimeError",
            ),
        ):
            shop.path.write_text(content, encoding="utf-8")
            reloading = asyncio.run_coroutine_threadsafe(server.server.reload(), server.loop)
            reloading.result(PATIENCE_S)
            assert re.search(reason, caplog.messages[-1])
            assert caplog.records[-1].levelname == "ERROR"
            assert answered_by(server) == "a@1"


def test_an_unchanged_folder_is_not_loaded_again(shop: Shop, tmp_path: Path) -> None:
    folder = tmp_path / "a@1"
    folder.mkdir()
    (folder / "config.json").write_text("{}", encoding="utf-8")
    shop.write("a@1")
    with open_(shop) as (server, admin):
        assert not reload(admin).loaded
        assert shop.loads == [str(folder)]
        (folder / "config.json").write_text("{ }", encoding="utf-8")
        assert list(reload(admin).loaded) == ["a@1"]
        assert answered_by(server) == "a@1"


def test_a_real_folder_that_is_broken_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("not json", encoding="utf-8")
    with (
        running(models=(str(folder),), admin_port=0) as server,
        grpc.insecure_channel(f"127.0.0.1:{server.server.admin_port}") as channel,
    ):
        with pytest.raises(grpc.RpcError, match=r"config\.json") as caught:
            reload(AdminServiceStub(channel))
        assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
        assert answered_by(server) == "fake@1.0.0"


class Bomb:
    """Leaves a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self._path,)


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
def test_weights_are_never_unpickled(tmp_path: Path, name: str) -> None:
    proof, folder = tmp_path / "exploded", tmp_path / "model"
    folder.mkdir()
    for file in ("config.json", "tokenizer.json"):
        shutil.copy(ROOT / "models" / "quotewire-base" / file, folder / file)
    (folder / name).write_bytes(pickle.dumps(Bomb(proof)))
    with (
        running(models=(str(folder),), admin_port=0) as server,
        grpc.insecure_channel(f"127.0.0.1:{server.server.admin_port}") as channel,
    ):
        with pytest.raises(grpc.RpcError, match=r"model\.safetensors") as caught:
            reload(AdminServiceStub(channel))
        assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
        assert answered_by(server) == "fake@1.0.0"
    assert not proof.exists()


def test_the_state_is_told(shop: Shop) -> None:
    model = shop.models["a@1"] = GatedModel(is_open=True)
    shop.write("a@1", stable="a@1")
    with open_(shop) as (server, admin):
        model.close_gate()
        request = ExtractRequest(article=pb.Article(text=STORY))
        calls = [server.extraction.Extract.future(request, timeout=PATIENCE_S)]
        assert model.entered.wait(PATIENCE_S)
        calls.append(server.extraction.Extract.future(request, timeout=PATIENCE_S))
        server.until_queued()
        state = admin.GetState(admin_pb.GetStateRequest(), timeout=PATIENCE_S)
        assert (state.phase, state.calls) == ("serving", 2)
        [told] = state.models
        assert (told.model.version, list(told.model.aliases)) == ("1", ["stable"])
        assert told.users == 2
        assert told.queued_tokens > 0
        model.gate.set()
        for call in calls:
            call.result(PATIENCE_S)


def test_admin_is_not_on_the_clients_port(shop: Shop) -> None:
    shop.write("a@1")
    with open_(shop) as (server, _):
        with pytest.raises(grpc.RpcError) as caught:
            reload(AdminServiceStub(server.channel))
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_admin_asks_for_its_token(shop: Shop, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("a-long-admin-token\n", encoding="utf-8")
    shop.write("a@1")
    with open_(shop, admin_token_file=token) as (_, admin):
        with pytest.raises(grpc.RpcError) as caught:
            reload(admin)
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
        metadata = (("authorization", "Bearer a-long-admin-token"),)
        admin.Reload(admin_pb.ReloadRequest(), timeout=PATIENCE_S, metadata=metadata)
