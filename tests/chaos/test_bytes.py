"""Bytes on the socket that are no gRPC, or gRPC gone wrong."""

from __future__ import annotations

import contextlib
import random
import socket
import struct
from collections.abc import Iterator

import grpc
import pytest

from quotewire.client import Client
from quotewire.pb.v1 import extraction_service_pb2 as service_pb
from tests.load.harness import GIVE_UP_S, SOAK, article, check, report
from tests.serving.harness import (
    PATIENCE_S,
    Running,
    rich_status,
    running,
    violated_field,
)

pytestmark = pytest.mark.timeout(GIVE_UP_S)
ROUNDS = 200 if SOAK else 2

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 8, 9
END_STREAM, END_HEADERS = 1, 4


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with running() as server:
        yield server


def frame(kind: int, payload: bytes = b"", *, flags: int = 0, stream: int = 0) -> bytes:
    """One HTTP/2 frame (RFC 9113, 4.1)."""
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def literal(name: str, value: str) -> bytes:
    """One header field, never indexed (RFC 7541, 6.2.3)."""
    texts = (text.encode() for text in (name, value))
    return b"\x10" + b"".join(bytes([len(text)]) + text for text in texts)


def call(method: str = "/quotewire.v1.ExtractionService/Extract", **more: str) -> bytes:
    fields = {
        ":method": "POST",
        ":scheme": "http",
        ":path": method,
        ":authority": "quotewire",
        "te": "trailers",
        "content-type": "application/grpc",
        **{name.replace("_", "-"): value for name, value in more.items()},
    }
    block = b"".join(literal(name, value) for name, value in fields.items())
    return frame(HEADERS, block, flags=END_HEADERS, stream=1)


def message(body: bytes, *, length: int | None = None, compressed: int = 0) -> bytes:
    """gRPC's prefix and a message, in one DATA frame that ends the stream."""
    prefixed = struct.pack(">BI", compressed, len(body) if length is None else length) + body
    return frame(DATA, prefixed, flags=END_STREAM, stream=1)


START = PREFACE + frame(SETTINGS)
GOOD = service_pb.ExtractRequest(
    article={"id": "a", "text": "Lee said yes."}  # type: ignore[arg-type]
).SerializeToString()
WRONG = {
    "nothing": b"",
    "one byte": b"\x00",
    "HTTP/1.1": b"GET / HTTP/1.1\r\nHost: quotewire\r\n\r\n",
    "a TLS hello": bytes.fromhex("16030100050100000100"),
    "half a preface": PREFACE[:10],
    "a preface and then noise": PREFACE + bytes(range(256)),
    "a frame far too long": START + b"\xff\xff\xff" + bytes(6),
    "a frame cut short": START + frame(HEADERS, b"x" * 100)[:50],
    "an unknown kind of frame": START + frame(77, b"what?", stream=1),
    "settings of a wrong length": PREFACE + frame(SETTINGS, b"12345"),
    "settings out of range": PREFACE + frame(SETTINGS, struct.pack(">HI", 4, 2**31)),
    "data of no stream": START + frame(DATA, b"lost", stream=7),
    "data of stream 0": START + frame(DATA, b"lost"),
    "headers that are none": START + frame(HEADERS, b"\xff" * 40, flags=END_HEADERS, stream=1),
    "headers without end": START + frame(HEADERS, literal("a", "b"), stream=1),
    "a continuation of nothing": START + frame(CONTINUATION, b"", stream=1),
    "an even stream": START + call().replace(struct.pack(">I", 1), struct.pack(">I", 2), 1),
    "a window too wide": START + frame(WINDOW_UPDATE, struct.pack(">I", 2**31 - 1)) * 2,
    "a window of nothing": START + frame(WINDOW_UPDATE, struct.pack(">I", 0)),
    "a ping cut short": START + frame(PING, b"1234"),
    "an unknown method": START + call("/quotewire.v1.ExtractionService/Nothing") + message(GOOD),
    "no method": START + call("") + message(GOOD),
    "another content type": START + call(content_type="text/plain") + message(GOOD),
    "an unknown encoding": START + call(grpc_encoding="zip") + message(GOOD, compressed=1),
    "a time-out that is none": START + call(grpc_timeout="soon") + message(GOOD),
    "a message said to be longer": START + call() + message(GOOD, length=2**31),
    "a message said to be shorter": START + call() + message(GOOD, length=3),
    "no message": START + call() + frame(DATA, flags=END_STREAM, stream=1),
    "half a prefix": START + call() + frame(DATA, b"\x00\x00", flags=END_STREAM, stream=1),
    "a message that never ends": START + call() + frame(DATA, b"\x00\x00\x00\xff\xff", stream=1),
    "a call reset at once": START
    + call()
    + frame(RST_STREAM, struct.pack(">I", 8), stream=1) * 2
    + message(GOOD),
}


NO_UTF_8 = START + call("/X").replace(b"\x02/X", b"\x02/\xbe") + message(GOOD)


def send(server: Running, data: bytes) -> socket.socket:
    """The socket stays open: whoever closes it first, it should not matter."""
    wire = socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S)
    with contextlib.suppress(OSError):  # the server may hang up on us
        wire.sendall(data)
    return wire


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_bytes_harm_nobody(server: Running, wrong: str) -> None:
    wires = [send(server, WRONG[wrong]) for _ in range(10)]
    with Client(server.target) as client:
        check(1, client.extract(article(1), timeout_s=PATIENCE_S))
    for wire in wires:
        wire.close()
    server.until_calls(0)


def test_noise_harms_nobody() -> None:
    """Good calls with some of their bytes changed, cut off or repeated."""
    chance = random.Random(4)
    good = START + call() + message(GOOD)
    with running() as server, Client(server.target) as client:
        for number in range(ROUNDS):
            wires = [send(server, spoilt(good, chance)) for _ in range(50)]
            check(number, client.extract(article(number), timeout_s=PATIENCE_S))
            for wire in wires:
                wire.close()
        server.until_calls(0)
    report("noise on the socket", connections=50 * ROUNDS, good_calls=ROUNDS, failed=0)


def spoilt(good: bytes, chance: random.Random) -> bytes:
    data = bytearray(good)
    for _ in range(chance.randint(1, 8)):
        at = chance.randrange(len(data) + 1)
        match chance.randrange(4):
            case 0:
                data[at : at + 1] = chance.randbytes(1)
            case 1:
                data[at:at] = chance.randbytes(chance.randint(1, 30))
            case 2:
                data[at:at] = data[: chance.randint(0, 60)]
            case 3:
                del data[at : at + chance.randint(1, 10)]
    return bytes(data)


def test_a_method_that_is_no_utf_8_does_not_close_the_port() -> None:
    """grpcio 1.84.0 to 1.85.1: it ends the main loop of grpc.aio's server for good."""
    with running() as server:
        for _ in range(10):
            send(server, NO_UTF_8).close()
        with Client(server.target) as client:
            check(1, client.extract(article(1), timeout_s=PATIENCE_S))


@pytest.mark.parametrize(
    "body", [b"\xff", b"\x0a\xff\xff\xff\xff\x0f", b"\x0a\x04\x12\x02\xc3\x28"]
)
def test_a_message_that_is_none_is_the_caller_s_fault(body: bytes) -> None:
    with running() as server, grpc.insecure_channel(server.target) as channel:
        extract = channel.unary_unary("/quotewire.v1.ExtractionService/Extract")
        with pytest.raises(grpc.RpcError) as caught:
            extract(body, timeout=PATIENCE_S)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert violated_field(rich_status(caught.value)) == "request"
