"""Languages are told apart; English, short and odd texts cause no false alarm."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quotewire.extraction.language import detect_language, language_warnings

ENGLISH = (
    "The mayor of Harrow Falls said on Tuesday that the bridge would stay closed until spring, "
    "because the city could not find a contractor. “We asked eleven firms,” she told reporters."
)
FOREIGN = {
    "de": "Der Bürgermeister sagte am Dienstag, die Brücke bleibe bis zum Frühjahr geschlossen, "
    "weil die Stadt keine Baufirma finde.",
    "fr": "La maire a déclaré mardi que le pont resterait fermé jusqu’au printemps, faute "
    "d’entreprise pour les travaux.",
    "es": "La alcaldesa dijo el martes que el puente seguirá cerrado hasta la primavera porque la "
    "ciudad no encuentra una empresa.",
    "ru": "Мэр города заявила во вторник, что мост останется закрытым до весны.",
    "ar": "قالت رئيسة البلدية يوم الثلاثاء إن الجسر سيبقى مغلقا حتى الربيع.",
    "zh": "市长星期二表示，这座桥将关闭到春天，因为市政府找不到承包商。",
}


def test_english_news() -> None:
    assert detect_language(ENGLISH) == "en"


@pytest.mark.parametrize("code", FOREIGN)
def test_other_languages(code: str) -> None:
    assert detect_language(FOREIGN[code]) == code


@pytest.mark.parametrize("text", ["", " \n\t ", "1,234.50 — 17%", "“…”", "🙂🙂", "\ud800\udfff"])
def test_texts_without_letters_are_undecidable(text: str) -> None:
    assert detect_language(text) is None


@pytest.mark.parametrize(
    "headline",
    ["MAYOR QUITS", "Hello", "Shares up", "Oil prices fall 3pc", "BRIDGE SHUT", "No, no, no!"],
)
def test_short_or_shouting_headlines_raise_no_alarm(headline: str) -> None:
    assert language_warnings(detect_language(headline)) == ()


def test_a_long_text_is_judged_by_its_start_middle_and_end() -> None:
    german, english = FOREIGN["de"] + "\n", ENGLISH + "\n"
    assert detect_language(german + english * 200) == "en"
    assert detect_language(english + german * 200) == "de"


def test_only_a_sample_of_a_long_text_is_read() -> None:
    class Watched(str):
        longest = 0

        def __getitem__(self, key: object) -> str:
            piece = super().__getitem__(key)  # type: ignore[index]
            Watched.longest = max(Watched.longest, len(piece))
            return piece

        def __iter__(self):  # pragma: no cover - reading it whole is the failure
            raise AssertionError("the whole text was read")

    assert detect_language(Watched(ENGLISH * 30_000)) == "en"
    assert 0 < Watched.longest <= 2_000


def test_an_english_article_that_quotes_a_foreign_sentence_is_english() -> None:
    assert detect_language(ENGLISH + " “" + FOREIGN["es"] + "” " + ENGLISH) == "en"


def test_threads_agree() -> None:
    texts = [ENGLISH, *FOREIGN.values()] * 20
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(detect_language, texts)) == [detect_language(text) for text in texts]


@given(st.text(st.characters(), max_size=200))
def test_any_text_gets_an_answer(text: str) -> None:
    language = detect_language(text)
    assert language is None or (len(language) == 2 and language.islower())


def test_warnings_name_the_language() -> None:
    assert language_warnings("en") == language_warnings("en-GB") == language_warnings(None) == ()
    (warning,) = language_warnings("de")
    assert "'de'" in warning and "English" in warning
