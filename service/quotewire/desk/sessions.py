"""Who is looking: a random cookie for everybody, and the tokens of those who have signed in.

A visitor's token never goes back to the browser: the cookie holds a random id, and the token stays
in this process until it is signed out, expires or makes room for others.  The desk keeps no list of
tokens; the gRPC server says, at every call, whether it knows one.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass

COOKIE = "quotewire_desk"
# How long a token is kept after it was last used (seconds), and how many are (a count).
LIFETIME_S = 12 * 3600.0
CAPACITY = 10_000
_ID = re.compile(r"[A-Za-z0-9_-]{43}")  # 32 bytes, as token_urlsafe writes them


@dataclass(frozen=True, slots=True)
class Visitor:
    """A browser: ``id`` is what its cookie holds, ``token`` what it has shown (None: none)."""

    id: str
    token: str | None = None
    is_new: bool = False


class Sessions:
    """One event loop only."""

    def __init__(self, *, lifetime_s: float = LIFETIME_S, capacity: int = CAPACITY) -> None:
        self._lifetime_s = lifetime_s
        self._capacity = capacity
        self._key = secrets.token_bytes(32)
        # By the digest of the visitor's id (so that a look-up's time tells nothing), oldest use
        # first: the token and when it is forgotten (time.monotonic() seconds).
        self._tokens: OrderedDict[bytes, tuple[str, float]] = OrderedDict()

    def visitor(self, cookie: str | None) -> Visitor:
        """Whose cookie this is; somebody new where it is none of ours."""
        if cookie is None or not _ID.fullmatch(cookie):
            return Visitor(secrets.token_urlsafe(32), is_new=True)
        key = self._digest(cookie)
        token, ends = self._tokens.get(key, (None, 0.0))
        if token is None:
            return Visitor(cookie)
        if ends <= time.monotonic():
            del self._tokens[key]
            return Visitor(cookie)
        self._keep(key, token)
        return Visitor(cookie, token)

    def sign_in(self, token: str) -> Visitor:
        """A visitor with that token and a new cookie, so that nobody knows it beforehand."""
        visitor = Visitor(secrets.token_urlsafe(32), token, is_new=True)
        self._keep(self._digest(visitor.id), token)
        return visitor

    def sign_out(self, visitor: Visitor) -> None:
        """Forgets the visitor's token."""
        self._tokens.pop(self._digest(visitor.id), None)

    def form_token(self, visitor: Visitor) -> str:
        """What this visitor's forms must send back: no other site can know it."""
        return hmac.new(self._key, visitor.id.encode(), hashlib.sha256).hexdigest()

    def is_form_token(self, visitor: Visitor, sent: str) -> bool:
        return hmac.compare_digest(self.form_token(visitor).encode(), sent.encode())

    def _keep(self, key: bytes, token: str) -> None:
        self._tokens[key] = token, time.monotonic() + self._lifetime_s
        self._tokens.move_to_end(key)
        while len(self._tokens) > self._capacity:
            self._tokens.popitem(last=False)

    def _digest(self, id_: str) -> bytes:
        return hashlib.sha256(self._key + id_.encode()).digest()
