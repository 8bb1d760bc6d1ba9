"""Articles that nobody would write, and requests that no client should send."""

from __future__ import annotations

import random
import struct
import sys
from collections.abc import Callable

from quotewire.pb.v1 import extraction_pb2 as pb
from quotewire.pb.v1 import extraction_service_pb2 as service_pb

MARKS = [*"\"'“”‘’„‟«»‹›「」『』`´＂", "``", "''", "”“", "“‘“", "' \""]
CUES = ["said", "told", "wants", "said said", "told Reuters", "according to", "denied"]
NAMES = [
    "Lee",
    "Ann Lee",
    "Okafor",
    "McX’s",
    "O’Brien-Łódź",
    "İlker",
    "ﬃ",
    "ß",
    "Dr.",
    "U.S.",
    "he",
]
PICTURES = ["🧵", "👩‍👩‍👧", "🏳️‍🌈", "👍🏽", "1️⃣", "🇫🇷", "🇫", "\U0010ffff", "\U000e0041", "𝒩"]
INVISIBLE = [
    chr(c) for c in (0, 7, 8, 0x1B, 0x7F, 0x85, 0x9F, 0xAD, 0x200B, 0x200D, 0x200F, 0x202E)
]
INVISIBLE += [chr(c) for c in (0x2066, 0x2069, 0xFEFF, 0xFFFD, 0xFFFE, 0xFFFF, 0xE000, 0x034F)]
BREAKS = [
    "\n",
    "\r",
    "\r\n",
    "\n\n\n",
    "\t",
    "\v",
    "\f",
    "\u2028",
    "\u2029",
    "\u00a0",
    "\u3000",
    " ",
]
SCRIPTS = ["قال الوزير", "אמר השר", "部长说", "รัฐมนตรีกล่าว", "मंत्री ने कहा", "สวัสดี", "ﷺ", "각"]
STACKED = ["e" + "\u0301" * 40, "\u0301", "Z" + "".join(map(chr, range(0x300, 0x340)))]
MARKUP = ["<p>", "</p", "&nbsp;", "[x](y)", '{"text": "', "';--", "%s%n", "$(x)", "\\u0000", "../"]
NUMBERS = ["1,000.50", "-0", "1e999", "…", "...", "—", "--", "!?!?", "@", "#", ";" * 9]
KINDS = [MARKS, CUES, NAMES, PICTURES, INVISIBLE, BREAKS, SCRIPTS, STACKED, MARKUP, NUMBERS]
# Our own, ordinary one: the others are spoilt from it.
ORDINARY = (
    "The bridge will stay shut until spring, Mayor Ann Lee told Reuters on Monday.\n\n"
    "“We looked at it,” she said, “and it is not safe.” According to a report by the council, "
    "repairs will cost $3.5 million. Lee’s deputy, Omar Okafor, wants the state to pay.\n\n"
    "“He told me ‘never again’,” Okafor said in an interview with The Herald. “I believe him.”"
)

# What the soak once found, cut down.
ONCE_HARMFUL = [
    "told R R Z \u0301",  # a word of nothing but an accent
]


def text(chance: random.Random) -> str:
    return chance.choice(_WAYS)(chance)


def _soup(chance: random.Random) -> str:
    """Pieces of a few kinds, with and without spaces."""
    kinds = chance.sample(KINDS, chance.randint(1, 4))
    space = chance.choice(["", " ", " ", "\n"])
    return space.join(chance.choice(chance.choice(kinds)) for _ in range(chance.randint(0, 200)))


def _run(chance: random.Random) -> str:
    """One piece, again and again."""
    piece = chance.choice(chance.choice(KINDS)) + chance.choice(["", " ", "\n"])
    return piece * chance.choice([1, 10, 100, 1000, 2000])


def _long_word(chance: random.Random) -> str:
    return "Lee said " + chance.choice("aА漢🧵-'“") * chance.choice([100, 1000, 20_000]) + "."


def _any_characters(chance: random.Random) -> str:
    top = chance.choice([0x80, 0x250, 0x3000, sys.maxunicode + 1])
    codes = (chance.randrange(top) for _ in range(chance.randint(0, 500)))
    return "".join(chr(code) for code in codes if not 0xD800 <= code < 0xE000)


def _spoilt(chance: random.Random) -> str:
    """The ordinary article, with pieces cut out, doubled, moved, replaced."""
    words = ORDINARY
    for _ in range(chance.randint(1, 12)):
        lo, hi = sorted(chance.randrange(len(words) + 1) for _ in range(2))
        at = chance.randrange(len(words) + 1)
        match chance.randrange(4):
            case 0:
                words = words[:lo] + words[min(hi, lo + 40) :]
            case 1 if len(words) < 20_000:
                words = words[:at] + words[lo:hi] + words[at:]
            case 2:
                words = words[:at] + chance.choice(chance.choice(KINDS)) + words[at:]
            case 3:
                words = words[:lo] + words[lo:hi][::-1] + words[hi:]
    return words or "x"


def _nested(chance: random.Random) -> str:
    depth = chance.choice([2, 10, 100, 500])
    opening, closing = chance.choice(["“”", "‘’", '""', "«»", "()", "“‘"])
    return f"Lee said {opening}" * depth + "no" + closing * chance.randint(0, depth) + "."


_WAYS: list[Callable[[random.Random], str]] = [
    _soup, _soup, _run, _long_word, _any_characters, _spoilt, _spoilt, _spoilt, _nested,
]  # fmt: skip


def request(chance: random.Random) -> bytes:
    """An ExtractStreamRequest in bytes: mostly a hostile text, sometimes worse."""
    article = pb.Article(id=f"a{chance.randrange(10**9)}", text=text(chance))
    options = pb.ExtractOptions(
        offset_encoding=chance.choice([0, 1, 2, 3]),  # type: ignore[arg-type]
        acts=chance.choice([0, 1, 2]),  # type: ignore[arg-type]
    )
    model = ""
    if chance.random() < 0.5:
        options.min_confidence = chance.choice([0.0, 0.5, 1.0])
    if chance.random() < 0.2:
        for name in chance.sample(["title", "publisher", "published", "language"], 2):
            setattr(article, name, text(chance)[:5000])
    match chance.randrange(60):
        case 0:
            options.min_confidence = chance.choice([-1.0, 2.0, float("nan"), float("inf")])
        case 1:
            options.offset_encoding = 99  # type: ignore[assignment]
        case 2:
            options.acts = -1  # type: ignore[assignment]
        case 3:
            article.id = text(chance)
        case 4:
            model = text(chance)
    whole = service_pb.ExtractStreamRequest(article=article, options=options, model=model)
    if chance.random() < 0.01:
        whole.ClearField("article")
    data = bytearray(whole.SerializeToString())
    if chance.random() < 0.05:  # bytes that are no message, or another one
        for _ in range(chance.randint(1, 5)):
            at = chance.randrange(len(data) + 1)
            data[at : at + chance.randint(0, 2)] = chance.randbytes(chance.randint(0, 3))
    if chance.random() < 0.02:  # a field that nobody knows
        data += struct.pack("<HI", 0x7FFD, chance.randrange(2**32))
    return bytes(data)
