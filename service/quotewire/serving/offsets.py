"""Offsets of a text in other units than code points."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray


class OffsetEncoding(StrEnum):
    """In which unit a caller counts."""

    CODE_POINTS = "code_points"
    UTF16 = "utf16"
    UTF8 = "utf8"


class OffsetMap:
    """Translates code point offsets of one text into another unit, exactly.

    Built once a text in O(length), answers in O(1).  Where both units agree (plain ASCII in UTF-8;
    no character beyond U+FFFF in UTF-16) no table is built.  A lone surrogate, which no wire
    message can hold, counts as one UTF-16 unit and three UTF-8 bytes ("surrogatepass").
    """

    def __init__(self, text: str, encoding: OffsetEncoding) -> None:
        self._units_before: NDArray[np.int32] | None = None
        if encoding is OffsetEncoding.CODE_POINTS or text.isascii():
            return
        if encoding is OffsetEncoding.UTF16:
            utf16 = text.encode("utf-16-le", "surrogatepass")
            if len(utf16) == 2 * len(text):
                return
        points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
        # width[i]: units that code point i takes; at most 4.
        width = np.ones(len(points), dtype=np.int32)
        if encoding is OffsetEncoding.UTF16:
            width += points > 0xFFFF
        else:
            width += points > 0x7F
            width += points > 0x7FF
            width += points > 0xFFFF
        # units_before[i]: units in front of code point i; one entry more for the text's end.
        self._units_before = np.zeros(len(points) + 1, dtype=np.int32)
        np.cumsum(width, out=self._units_before[1:])

    def __call__(self, offset: int) -> int:
        """The offset (code points, from 0 to the text's length) in the map's unit."""
        return offset if self._units_before is None else int(self._units_before[offset])
