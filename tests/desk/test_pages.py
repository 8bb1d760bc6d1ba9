"""The desk without scripts: what each address answers, and to whom."""

from __future__ import annotations

import asyncio
import io
import json
import re
import socket
import ssl
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from pathlib import Path

import pytest
import trustme

import quotewire.render.formats as formats
from quotewire.desk.port import DeskPort, host_and_port
from quotewire.errors import ConfigError
from quotewire.lines import extraction_to_line
from quotewire.types import Article, ExtractOptions
from tests.desk.harness import TOKEN, RunningDesk, Visitor, desk
from tests.fakes import fake_extractor
from tests.serving.harness import (
    PATIENCE_S,
    POISON,
    SECRET,
    STORY,
    STORY_QUOTES,
    GatedModel,
    PoisonedModel,
    settings,
    until,
)


@pytest.fixture(scope="module")
def running_desk() -> Iterator[RunningDesk]:
    other = fake_extractor("other", "2.0.0", model=PoisonedModel())
    with desk(fake_extractor(), other, desk_max_text_bytes=4000) as running:
        yield running


@pytest.fixture
def visitor(running_desk: RunningDesk) -> Visitor:
    return Visitor(running_desk)


def drawn_text(page: str) -> str:
    """The article as the page holds it."""
    found = re.search(r'<div class="qw-text"[^>]*>(.*?)</div>', page, re.DOTALL)
    assert found
    return unescape(re.sub(r"<[^>]*>", "", found[1]))


def rows(page: str) -> int:
    return len(re.findall(r'class="item ', page))


def test_an_article_is_read_and_drawn_without_scripts(visitor: Visitor) -> None:
    page = visitor.read(STORY, title="Bridges", publisher="The Ledger")
    assert page.status == 200
    assert drawn_text(page.text) == STORY
    assert rows(page.text) == 3
    for quote in STORY_QUOTES:
        assert quote in page.text
    assert "Reuters" in page.text
    assert "fake@1.0.0" in page.text
    assert "<h1" in page.text and "Bridges" in page.text and "The Ledger" in page.text


def test_a_file_goes_before_what_is_typed_and_its_line_ends_are_line_feeds(
    visitor: Visitor,
) -> None:
    file = "\ufeffSmith said it is safe.\r\n\r\nJones said no.".encode()
    led = visitor.post("/", {"text": "something else"}, file=file)
    page = visitor.get(led.headers["location"])
    assert drawn_text(page.text) == "Smith said it is safe.\n\nJones said no."
    refused = visitor.post("/", {"text": ""}, file=b"caf\xe9 said so")
    assert refused.status == 422
    assert refused.told == (
        "The file cannot be used: it is no UTF-8: byte 0xe9 at position 3; allowed: plain text in "
        "UTF-8."
    )


def test_filters_work_without_scripts(visitor: Visitor) -> None:
    page = visitor.post("/", {"text": STORY + "\nMiller wants a new bridge."})
    address = page.headers["location"]
    assert rows(visitor.get(address).text) == 4
    for query, count in (
        ("act=attitude", 1),
        ("act=statement", 3),
        ("kind=direct", 0),
        ("via=1", 1),
        ("speaker=Jones", 1),
        ("min=1", 0),
        ("min=0&via=1&speaker=Jones", 0),
    ):
        assert rows(visitor.get(f"{address}?{query}").text) == count, query
    wrong = visitor.get(f"{address}?min=2")
    assert wrong.status == 422
    assert "min cannot be used: it is '2'; allowed: a number from 0 to 1" in wrong.told
    assert rows(wrong.text) == 4


def test_two_models_stand_side_by_side(visitor: Visitor) -> None:
    page = visitor.read(STORY, model="fake@1.0.0", second="other@2.0.0")
    assert "The two models agree on all 3 statements" in page.text
    assert page.text.count('class="qw-text"') == 2
    same = visitor.post("/", {"text": STORY, "model": "fake@1.0.0", "second": "fake@1.0.0"})
    assert (same.status, same.told[:26]) == (422, "The second model cannot be")


@pytest.mark.parametrize(
    ("fields", "status", "told"),
    [
        ({"text": " \n "}, 422, "The article’s text cannot be used: it is empty"),
        ({"text": "said " * 801}, 413, "it is 4,005 bytes long; allowed: at most 4,000 bytes"),
        ({"text": "x" * 300_000}, 413, "more than 4,000 bytes long; allowed: at most 4,000"),
        ({"text": STORY, "model": "gone@9"}, 404, "The server has no model “gone@9”. It has: fake"),
        ({"text": STORY, "title": "x" * 501}, 422, "The headline cannot be used: it is 501"),
        ({"text": POISON, "model": "other"}, 502, "The server failed: INTERNAL: internal error"),
    ],
)
def test_what_cannot_be_read_is_said_and_the_text_stays(
    visitor: Visitor,
    fields: dict[str, str],
    status: int,
    told: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    page = visitor.post("/", fields)
    assert page.status == status
    assert told in page.told
    if len(fields["text"]) < 5000:
        assert fields["text"].strip() in unescape(page.text)
    assert SECRET not in page.text + caplog.text
    quiet = visitor.post("/", fields, accept="application/json")
    assert quiet.status == status
    assert told in quiet.json["error"]


def test_a_busy_server_says_when_to_come_again() -> None:
    model = GatedModel(is_open=True)
    with (
        desk(fake_extractor(model=model), max_queue_tokens=1) as running,
        ThreadPoolExecutor(2) as pool,
    ):
        visitor = Visitor(running)
        model.close_gate()
        in_model = pool.submit(visitor.post, "/", {"text": STORY})
        assert model.entered.wait(PATIENCE_S)
        queued = pool.submit(Visitor(running).post, "/", {"text": STORY})
        running.server.until_queued()
        refused = Visitor(running).post("/", {"text": STORY})
        assert refused.status == 503
        assert re.match(r"The server is busy\. Try again in \d+ ", refused.told)
        assert int(refused.headers["retry-after"]) >= 1
        model.gate.set()
        assert in_model.result().status == queued.result().status == 303


def test_a_rate_that_is_used_up_is_said(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN, encoding="utf-8")
    clients = tmp_path / "clients.toml"
    clients.write_text(
        '[[clients]]\nname = "slow"\ntoken_file = "token"\narticles_per_s = 0.001\nburst = 1\n',
        encoding="utf-8",
    )
    with desk(clients_file=clients) as running:
        visitor = Visitor(running)
        token = visitor.get("/").form_token()
        visitor.post("/sign-in", {"token": TOKEN}, form_token=token)
        assert visitor.post("/", {"text": STORY}).status == 303
        refused = visitor.post("/", {"text": STORY})
        assert refused.status == 429
        assert refused.told.startswith("You have sent more articles than your token allows.")


def test_no_answer_in_time_is_said() -> None:
    model = GatedModel(is_open=True)
    with desk(fake_extractor(model=model), desk_timeout_s=0.3) as running:
        model.close_gate()
        page = Visitor(running).post("/", {"text": STORY})
        model.gate.set()
        assert page.status == 504
        assert page.told.startswith("No answer came in time.")


def test_a_server_that_is_not_there_or_not_ready_is_said() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound, but not listening
        with desk(behind=f"127.0.0.1:{nobody.getsockname()[1]}") as running:
            page = Visitor(running).post("/", {"text": STORY})
            assert page.status == 503
            assert page.told.startswith("The server cannot be reached")
            assert STORY in page.text
            assert Visitor(running).get("/healthz").body == b"ok\n"
    with desk(ready=False) as running:
        assert "still loading its models" in Visitor(running).get("/").told


def test_a_browser_that_goes_away_takes_its_work_along() -> None:
    model = GatedModel(is_open=True)
    with desk(fake_extractor(model=model)) as running:
        visitor = Visitor(running)
        token = visitor.get("/").form_token()
        model.close_gate()
        body = "".join(
            f'--cut\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in (("form_token", token), ("text", "Smith said it."))
        )
        body += "--cut--\r\n"
        cookies = "; ".join(f"{k}={v}" for k, v in visitor.cookies.items())
        with socket.create_connection(("127.0.0.1", running.port)) as connection:
            connection.sendall(
                f"POST / HTTP/1.1\r\nHost: localhost\r\nCookie: {cookies}\r\n"
                "Content-Type: multipart/form-data; boundary=cut\r\n"
                f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
            )
            assert model.entered.wait(PATIENCE_S)
            running.server.until_calls(1)
        running.server.until_calls(0)
        model.gate.set()


# ---------------------------------------------------------------- who may do what


def test_a_token_is_asked_for_once_and_stays_here() -> None:
    with desk(tokens=(f"desk:{TOKEN}",)) as running:
        visitor = Visitor(running)
        page = visitor.get("/")
        assert page.status == 401
        assert "Enter the token" in page.text
        form = page.form_token()
        wrong = visitor.post("/sign-in", {"token": TOKEN + "x"}, form_token=form)
        assert wrong.status == 401
        assert wrong.told.startswith("The server does not know this token")
        assert visitor.post("/sign-in", {"token": "no\u00e9"}, form_token=form).status == 401
        before = dict(visitor.cookies)
        signed = visitor.post("/sign-in", {"token": TOKEN}, form_token=form)
        assert signed.status == 303
        assert visitor.cookies != before, "nobody may know the cookie beforehand"
        cookie = signed.headers["set-cookie"]
        assert "HttpOnly" in cookie and "SameSite=strict" in cookie
        assert TOKEN not in cookie
        page = visitor.read(STORY)
        assert rows(page.text) == 3
        assert TOKEN not in page.text
        assert Visitor(running).get("/").status == 401
        visitor.post("/sign-out", {})
        assert visitor.get("/").status == 401


def test_a_token_that_expires_is_asked_for_beside_the_text(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN, encoding="utf-8")
    clients = tmp_path / "clients.toml"
    clients.write_text('[[clients]]\nname = "a"\ntoken_file = "token"\n', encoding="utf-8")
    with desk(clients_file=clients) as running:
        visitor = Visitor(running)
        visitor.post("/sign-in", {"token": TOKEN}, form_token=visitor.get("/").form_token())
        token = visitor.get("/").form_token()
        (tmp_path / "token").write_text("another-token-0123456789", encoding="utf-8")
        running.server.server.configuration.read_clients()
        page = visitor.post("/", {"text": STORY}, form_token=token)
        assert page.status == 401
        assert "no longer does" in page.told
        assert STORY in page.text
        assert 'id="token-field">' in page.text, "the field is shown"
        again = visitor.post(
            "/",
            {"text": STORY, "token": "another-token-0123456789"},
            form_token=page.form_token(),
        )
        assert again.status == 303


def test_other_sites_can_send_no_forms(visitor: Visitor) -> None:
    token = visitor.get("/").form_token()
    stranger = Visitor(visitor.desk)
    foreign = stranger.get("/").form_token()
    for form_token, headers in (
        ("", {}),
        (foreign, {}),
        (token, {"sec-fetch-site": "cross-site"}),
        (token, {"sec-fetch-site": "same-site"}),
    ):
        page = visitor.post("/", {"text": STORY}, form_token=form_token, **headers)
        assert page.status == 403, (form_token, headers)
        assert "came from another site" in page.told
    for path in ("/sign-in", "/sign-out"):
        assert visitor.post(path, {}, form_token=foreign).status == 403
    fine = visitor.post("/", {"text": STORY}, form_token=token, **{"sec-fetch-site": "same-origin"})
    assert fine.status == 303


def test_a_reading_is_its_visitor_s_alone(visitor: Visitor) -> None:
    address = visitor.post("/", {"text": STORY}).headers["location"]
    assert visitor.get(address).status == 200
    for path in (address, f"{address}/1.json", f"{address}/statements/x"):
        assert Visitor(visitor.desk).get(path).status == 404
    assert "no longer kept" in visitor.get("/readings/none").told


def test_a_desk_on_loopback_answers_to_its_own_names_only(visitor: Visitor) -> None:
    port = visitor.desk.port
    for host in ("localhost", f"localhost:{port}", f"127.0.0.1:{port}", "[::1]:80"):
        assert visitor.get("/", host=host).status == 200, host
    for host in ("evil.example", f"evil.example:{port}", "localhost.evil.example", ""):
        assert visitor.get("/", host=host).status == 421, host


def test_every_answer_says_what_the_page_may_do(visitor: Visitor) -> None:
    for path, status in (
        ("/", 200),
        ("/static/desk.js", 200),
        ("/nothing", 404),
        ("/healthz", 200),
    ):
        answer = visitor.get(path)
        assert answer.status == status
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert visitor.get("/").headers["cache-control"] == "no-store"
    page = visitor.read(STORY).text
    assert not re.search(r"<script(?! type=\"module\" src=\"/)", page)
    assert not re.search(r"\son\w+=|\sstyle=", page)
    assert visitor.request("DELETE", "/").status == 405


def test_a_reading_can_be_taken_away_in_every_format(visitor: Visitor) -> None:
    page = visitor.post("/", {"text": STORY})
    address = page.headers["location"]
    line = json.loads(visitor.get(f"{address}/1.json").body)
    article = Article(line["id"], STORY)
    extraction = fake_extractor().extract(article, options=ExtractOptions(all_acts=True))
    assert line == json.loads(json.dumps(extraction_to_line(article, extraction)))
    linked = re.findall(rf'href="{address}/1\.(\w+)"', visitor.get(address).text)
    assert {"html", "json", "brat", *formats.FORMATS} == {*linked, "spacy"}
    for name in linked:
        answer = visitor.get(f"{address}/1.{name}")
        assert answer.status == 200
        assert answer.headers["content-disposition"].startswith("attachment;")
        if name in formats.FORMATS and name not in ("brat", "spacy"):
            assert answer.body == b"".join(formats.writer(name)([(article, extraction)]))
    with zipfile.ZipFile(io.BytesIO(visitor.get(f"{address}/1.brat").body)) as archive:
        assert archive.read("article.txt").decode() == STORY
        assert archive.read("article.ann").startswith(b"T1\t")
    assert visitor.get(f"{address}/2.json").status == 404
    assert visitor.get(f"{address}/1.exe").status == 404


# ---------------------------------------------------------------- the life of a desk


def test_a_draining_desk_finishes_what_it_has_begun() -> None:
    model = GatedModel(is_open=True)
    with desk(fake_extractor(model=model)) as running, ThreadPoolExecutor(1) as pool:
        visitor = Visitor(running)
        token = visitor.get("/").form_token()
        model.close_gate()
        answer = pool.submit(visitor.post, "/", {"text": STORY}, form_token=token)
        assert model.entered.wait(PATIENCE_S)
        drained = running.begin_drain()
        until(lambda: _refuses(running.port))
        assert not drained.done()
        model.gate.set()
        assert answer.result(PATIENCE_S).status == 303
        drained.result(PATIENCE_S)


def _refuses(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def test_the_desk_has_the_server_s_tls(tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate, key = tmp_path / "server.pem", tmp_path / "server.key"

    def issue(name: str) -> None:
        issued = authority.issue_cert("127.0.0.1", common_name=name)
        certificate.write_bytes(issued.cert_chain_pems[0].bytes())
        key.write_bytes(issued.private_key_pem.bytes())

    def name_shown(port: int) -> str:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1") as tls,
        ):
            shown = tls.getpeercert()
        assert shown is not None
        return next(pair[1] for [pair] in shown["subject"] if pair[0] == "commonName")  # type: ignore

    issue("first")
    context = ssl.create_default_context(cadata=authority.cert_pem.bytes().decode())
    with desk(ready=False, tls_certificate=certificate, tls_key=key) as running:
        # Its gRPC channel is plain text here and the server's port is not: that is told.
        page = Visitor(running, tls=context).get("/")
        assert "cannot be reached" in page.told
        assert "; Secure" in page.headers["set-cookie"]
        assert name_shown(running.port) == "first"
        issue("second")
        assert name_shown(running.port) == "second"
        certificate.write_text("half written", encoding="utf-8")
        assert name_shown(running.port) == "second"


@pytest.mark.parametrize("address", ["8080", "localhost", "localhost:http", "a:70000", ":80"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(ConfigError, match="desk: got "):
        host_and_port(address)


def test_a_port_in_use_is_refused(running_desk: RunningDesk) -> None:
    async def start() -> None:
        address = f"127.0.0.1:{running_desk.port}"
        await DeskPort(settings(desk=address), running_desk.server.target).start()

    with pytest.raises(ConfigError, match=f"desk: cannot listen on 127.0.0.1:{running_desk.port}"):
        asyncio.run(start())
