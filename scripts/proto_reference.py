#!/usr/bin/env python3
"""Writes the reference of the wire contract (a page of the documentation) from ``protos/``.

    scripts/proto_reference.py > reference.md

Every service, method, message, field, enum and value stands there with its comment; the contract's
linter holds that each has one.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    ServiceDescriptorProto,
)

ROOT = Path(__file__).resolve().parent.parent
PROTOS = ROOT / "protos"
PACKAGE = "quotewire.v1"
# What comes first is what a reader looks for first.
FILES = ("extraction_service", "extraction", "model_service", "feedback_service", "admin_service")
HEAD = f"""# Reference

Everything in `{PACKAGE}`, generated from `protos/`. How the methods behave together is in
[the API](api.md), what can go wrong in [errors](errors.md).
"""
# Field numbers in descriptor.proto, by which comments are found.
MESSAGES, ENUMS, SERVICES = 4, 5, 6
FIELDS = METHODS = VALUES = 2
TYPES = {
    number: name.removeprefix("TYPE_").lower() for name, number in FieldDescriptorProto.Type.items()
}


class File:
    """One proto file with its comments by place."""

    def __init__(self, descriptor: FileDescriptorProto) -> None:
        self.descriptor = descriptor
        self._comments = {
            tuple(location.path): location.leading_comments or location.trailing_comments
            for location in descriptor.source_code_info.location
        }

    def comment(self, *path: int) -> str:
        """The comment of what stands there, as one paragraph; empty where it has none."""
        return " ".join(self._comments.get(path, "").split())


def described() -> list[File]:
    """The files of the contract, as protoc reads them.  Raises CalledProcessError."""
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "descriptors"
        command = [
            sys.executable,
            "-m",
            "grpc_tools.protoc",
            f"-I{PROTOS}",
            "--include_source_info",
            f"--descriptor_set_out={out}",
            *sorted(str(path) for path in (PROTOS / "quotewire" / "v1").glob("*.proto")),
        ]
        subprocess.run(command, check=True)
        files = FileDescriptorSet.FromString(out.read_bytes()).file
    by_name = {Path(file.name).stem: File(file) for file in files}
    names = [*FILES, *sorted(by_name.keys() - set(FILES))]
    return [by_name[name] for name in names if name in by_name]


def reference() -> str:
    """The page, in Markdown."""
    return "\n".join([HEAD, *(line for file in described() for line in _file(file))])


def _file(file: File) -> Iterator[str]:
    for number, service in enumerate(file.descriptor.service):
        yield from _service(file, service, (SERVICES, number))
    for number, message in enumerate(file.descriptor.message_type):
        yield from _message(file, message, (MESSAGES, number))
    for number, enum in enumerate(file.descriptor.enum_type):
        yield from _enum(file, enum, (ENUMS, number))


def _service(file: File, service: ServiceDescriptorProto, path: tuple[int, ...]) -> Iterator[str]:
    yield from (f"## {service.name}", "", file.comment(*path), "")
    rows = []
    for number, method in enumerate(service.method):
        takes = f"{'a stream of ' * method.client_streaming}{_linked(method.input_type)}"
        gives = f"{'a stream of ' * method.server_streaming}{_linked(method.output_type)}"
        rows.append((f"`{method.name}`", takes, gives, file.comment(*path, METHODS, number)))
    yield from _table(("method", "takes", "gives", "does"), rows)


def _message(file: File, message: DescriptorProto, path: tuple[int, ...]) -> Iterator[str]:
    yield from (f"### {message.name}", "", file.comment(*path), "")
    rows = []
    for number, field in enumerate(message.field):
        kind = _linked(field.type_name) if field.type_name else f"`{TYPES[field.type]}`"
        if field.label == FieldDescriptorProto.LABEL_REPEATED:
            kind = _map(message, field) or f"list of {kind}"
        elif field.proto3_optional:
            kind = f"{kind}, optional"
        elif field.HasField("oneof_index"):
            kind = f"{kind}, one of `{message.oneof_decl[field.oneof_index].name}`"
        rows.append((f"`{field.name}`", kind, file.comment(*path, FIELDS, number)))
    yield from _table(("field", "type", "meaning"), rows)


def _map(message: DescriptorProto, field: FieldDescriptorProto) -> str:
    """A map's type; empty for a list."""
    for entry in message.nested_type:
        if entry.options.map_entry and field.type_name.endswith(f".{message.name}.{entry.name}"):
            key, value = entry.field
            return f"map of `{TYPES[key.type]}` to `{TYPES[value.type]}`"
    return ""


def _enum(file: File, enum: EnumDescriptorProto, path: tuple[int, ...]) -> Iterator[str]:
    yield from (f"### {enum.name}", "", file.comment(*path), "")
    rows = [
        (f"`{value.name}`", str(value.number), file.comment(*path, VALUES, number))
        for number, value in enumerate(enum.value)
    ]
    yield from _table(("value", "number", "meaning"), rows)


def _linked(type_name: str) -> str:
    """A type, with a link where it is described on this page."""
    name = type_name.removeprefix(".")
    if name.startswith(f"{PACKAGE}."):
        short = name.removeprefix(f"{PACKAGE}.")
        return f"[`{short}`](#{short.lower()})"
    return f"`{name}`"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    if rows:
        for row in (head, ["---"] * len(head), *rows):
            yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"
        yield ""


if __name__ == "__main__":
    print(reference())
