"""Who may call, and how much: bearer tokens with a name and a rate each.

Of a token only its SHA-256 digest is kept; every comparison takes the same time whether or not it
matches; no message and no log names a token.
"""

from __future__ import annotations

import hashlib
import hmac
import time
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from quotewire.errors import ConfigError, RateLimitedError, UnauthenticatedError

AUTHORIZATION = "authorization"
ANONYMOUS = "anonymous"
# Shorter ones can be guessed.
MIN_TOKEN_CHARACTERS = 16
_MAX_NAME_CHARACTERS = 64


@dataclass(eq=False, slots=True)
class TokenBucket:
    """So many articles a second on average, ``burst`` at once.  One event loop only.

    A batch may be larger than ``burst``: it is let in where anything is left, and paid off later.
    """

    articles_per_s: float
    burst: float
    _balance: float = field(init=False)
    _updated: float = field(init=False)  # time.monotonic() seconds

    def __post_init__(self) -> None:
        self._balance, self._updated = self.burst, time.monotonic()

    def take(self, articles: int) -> float:
        """Takes what is asked for and returns 0, or takes nothing and returns how many seconds
        to wait."""
        now = time.monotonic()
        earned = (now - self._updated) * self.articles_per_s
        self._balance, self._updated = min(self._balance + earned, self.burst), now
        missing = min(articles, 1) - self._balance
        if missing > 0:
            return missing / self.articles_per_s
        self._balance -= articles
        return 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Caller:
    """A client by name; ``bucket`` None for no limit."""

    name: str
    bucket: TokenBucket | None = None

    def wait_s(self, articles: int = 1) -> float:
        """Takes room for so many articles and returns 0, or the seconds until there may be some."""
        return self.bucket.take(articles) if self.bucket else 0.0

    def spend(self, articles: int = 1) -> None:
        """Raises RateLimitedError where this client has used up its rate."""
        if wait_s := self.wait_s(articles):
            assert self.bucket is not None
            raise RateLimitedError(
                f"client {self.name!r} may send {self.bucket.articles_per_s:g} articles a second, "
                f"{self.bucket.burst:g} at once",
                retry_after_s=wait_s,
            )


@dataclass(frozen=True, slots=True)
class ClientEntry:
    """One client of the configuration; ``digest`` is the SHA-256 of its token."""

    name: str
    digest: bytes = field(repr=False)
    articles_per_s: float | None = None
    burst: float | None = None

    def caller(self) -> Caller:
        if self.articles_per_s is None:
            return Caller(self.name)
        return Caller(
            self.name, TokenBucket(self.articles_per_s, self.burst or max(self.articles_per_s, 1.0))
        )


class Clients:
    """All clients of a server.  Without any, everybody may call."""

    def __init__(self, entries: Iterable[ClientEntry] = ()) -> None:
        self._entries: list[tuple[ClientEntry, Caller]] = []
        self.replace(entries)

    def replace(self, entries: Iterable[ClientEntry]) -> None:
        """Takes over a new configuration; a client that did not change keeps its bucket."""
        before = dict(self._entries)
        self._entries = [(entry, before.get(entry) or entry.caller()) for entry in entries]

    def __len__(self) -> int:
        return len(self._entries)

    def identify(
        self, metadata: Iterable[tuple[str, str | bytes]], *, certificate_name: str | None = None
    ) -> Caller:
        """Who calls, by the token in ``authorization``; where no tokens are configured, by its
        verified certificate, or nobody in particular.  Raises UnauthenticatedError."""
        if not self._entries:
            return Caller(certificate_name or ANONYMOUS)
        values = [value for key, value in metadata if key == AUTHORIZATION]
        scheme, _, token = str(values[0]).partition(" ") if values else ("", "", "")
        if scheme.lower() != "bearer" or not token:
            raise UnauthenticatedError(
                "this server wants a token: send the metadata “authorization: Bearer <token>”"
            )
        digest = digest_of(token.strip())
        found = None
        for entry, caller in self._entries:  # all of them: the time must not tell which
            if hmac.compare_digest(entry.digest, digest):
                found = caller
        if found is None:
            raise UnauthenticatedError("this server does not know the token that was sent")
        return found


def digest_of(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def read_clients(path: Path | None, *, tokens: Sequence[str] = ()) -> list[ClientEntry]:
    """The clients of a TOML file (docs/security.md) and of ``tokens``, each ``name:token``.

    Raises ConfigError naming the key; never with a token in it.
    """
    entries = [_from_pair(pair, number) for number, pair in enumerate(tokens, start=1)]
    if path is not None:
        entries += _from_file(path)
    for what, values in (
        ("name", [entry.name for entry in entries]),
        ("token", [entry.digest for entry in entries]),
    ):
        if len(set(values)) < len(values):
            raise ConfigError(f"clients: two have the same {what}; allowed: one {what} a client")
    return entries


def read_token_file(path: Path) -> bytes:
    """The digest of the token in a file.  Raises ConfigError naming the file."""
    try:
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"token file {path}: {error}") from None
    return _checked_digest(token, f"token file {path}")


def _from_pair(pair: str, number: int) -> ClientEntry:
    name, colon, token = pair.partition(":")
    where = f"tokens, number {number}"
    if not colon:
        raise ConfigError(f"{where}: no colon in it; allowed: name:token")
    return ClientEntry(_name(name, where), _checked_digest(token, where))


def _from_file(path: Path) -> list[ClientEntry]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise ConfigError(f"{path}: no TOML: {error}") from None
    if unknown := content.keys() - {"clients"}:
        raise ConfigError(f"{path}: unknown key {min(unknown)!r}; allowed: clients")
    rows = content.get("clients")
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise ConfigError(f"{path}: clients: allowed: one [[clients]] table a client, at least one")
    return [_from_row(row, f"{path}: clients[{at}]", path.parent) for at, row in enumerate(rows)]


def _from_row(row: Mapping[str, Any], where: str, folder: Path) -> ClientEntry:
    known = {"name", "token_file", "token_sha256", "articles_per_s", "burst"}
    if unknown := row.keys() - known:
        raise ConfigError(f"{where}: unknown key {min(unknown)!r}; allowed: {sorted(known)}")
    name = _name(row.get("name"), where)
    if ("token_file" in row) == ("token_sha256" in row):
        raise ConfigError(f"{where} ({name}): allowed: either token_file or token_sha256")
    if "token_file" in row:
        digest = read_token_file(folder / str(row["token_file"]))
    else:
        try:
            digest = bytes.fromhex(str(row["token_sha256"]))
        except ValueError:
            digest = b""
        if len(digest) != hashlib.sha256().digest_size:
            raise ConfigError(f"{where} ({name}): token_sha256: allowed: 64 hexadecimal digits")
    for key in ("articles_per_s", "burst"):
        value = row.get(key)
        if value is not None and not (type(value) in (int, float) and 0 < value < 1e9):
            raise ConfigError(f"{where} ({name}): {key}: got {value!r}; allowed: more than 0")
    if "burst" in row and ("articles_per_s" not in row or row["burst"] < 1):
        raise ConfigError(
            f"{where} ({name}): burst: got {row['burst']!r}; allowed: 1 or more, beside "
            "articles_per_s"
        )
    return ClientEntry(name, digest, row.get("articles_per_s"), row.get("burst"))


def _name(value: Any, where: str) -> str:
    good = isinstance(value, str) and value.isascii() and value.isprintable()
    if not good or not 1 <= len(value) <= _MAX_NAME_CHARACTERS:
        raise ConfigError(
            f"{where}: name: got {value!r}; allowed: 1 to {_MAX_NAME_CHARACTERS} ASCII characters"
        )
    return str(value)


def _checked_digest(token: str, where: str) -> bytes:
    if len(token) < MIN_TOKEN_CHARACTERS:
        raise ConfigError(
            f"{where}: its token has {len(token)} characters; allowed: at least "
            f"{MIN_TOKEN_CHARACTERS}"
        )
    return digest_of(token)
