from __future__ import annotations

import gc
import sys
import weakref

from quotewire.extraction.remembered import KEPT, forget_words, remembered
from quotewire.serving.resting import give_back
from tests.fakes import fake_extractor, fake_tokenizer
from tests.load.harness import article


class Answer:
    """Something that can be seen to go."""


def test_a_word_is_worked_out_once_until_it_is_forgotten() -> None:
    asked: list[str] = []

    @remembered
    def length(word: str) -> int:
        asked.append(word)
        return len(word)

    assert [length("ferry"), length("ferry")] == [5, 5]
    assert asked == ["ferry"]
    forget_words()
    assert length("ferry") == 5
    assert asked == ["ferry", "ferry"]


def test_no_more_than_so_many_are_kept() -> None:
    asked = 0

    @remembered
    def shape(word: str) -> str:
        nonlocal asked
        asked += 1
        return word

    for number in range(KEPT + 1):
        shape(str(number))
    assert asked == KEPT + 1
    shape(str(KEPT))
    assert asked == KEPT + 1
    shape("0")  # the oldest had to go
    assert asked == KEPT + 2


def test_a_server_at_rest_keeps_no_words() -> None:
    @remembered
    def answer(word: str) -> Answer:
        return Answer()

    seen = weakref.ref(answer("ferry"))
    gc.collect()
    assert seen() is not None
    give_back()
    assert seen() is None


def test_what_was_forgotten_is_found_again_the_same() -> None:
    extractor = fake_extractor()
    once = extractor.extract(article(1))
    forget_words()
    assert extractor.extract(article(1)) == once


def test_a_server_at_rest_keeps_no_words_of_a_tokenizer_either() -> None:
    """By the memory that many words of a flood take, as nobody else can see what is kept."""
    tokenizer = fake_tokenizer()

    def kept(flood: str) -> int:
        forget_words()
        gc.collect()
        before = sys.getallocatedblocks()
        tokenizer(flood)
        return sys.getallocatedblocks() - before

    kept(" ".join(f"first{number}" for number in range(20_000)))
    flood = " ".join(f"word{number}" for number in range(20_000))
    held = kept(flood)
    assert held > 20_000
    before = sys.getallocatedblocks()
    forget_words()
    assert before - sys.getallocatedblocks() > 0.9 * held
