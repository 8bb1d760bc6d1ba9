"""The same words have the same key, however they were set; a trimmed quote shares a print."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quotewire.batch.quote_keys import SURE_RUN_WORDS, quote_key, quote_prints

QUOTE = "We will not reopen the bridge before spring, whatever the ministry says in its letters"


@pytest.mark.parametrize(
    "printed",
    [
        ["“The bridge won’t open – not for £1,000!”"],
        ['"The bridge won\'t open -- not for £1000"'],
        ["«\u00a0The   bridge\nwon’t open — not for £1,000\u00a0»"],
        ["‘THE BRIDGE WON’T OPEN, NOT FOR £1,000,’"],
        ["“The bridge won’t open,”", "“not for £1,000.”"],  # … the minister said, …
        ["„The bridge wonʼt open, not for £１,０００“"],
    ],
)
def test_typography_does_not_change_a_key(printed: list[str]) -> None:
    assert quote_key(printed) == quote_key(["the bridge wont open not for £1000"])


def test_other_words_have_another_key() -> None:
    keys = {
        quote_key([text])
        for text in (
            "the bridge will open",
            "the bridge will not open",
            "open the bridge will",
            "the bridge will open 1.5",
            "the bridge will open 15",
        )
    }
    assert len(keys) == 5 and None not in keys


@pytest.mark.parametrize("verbatim", [[], ["“”"], ["“no”"], ["“great", "again”"], ["“… – !”"]])
def test_too_few_words_have_no_key(verbatim: list[str]) -> None:
    assert quote_key(verbatim) is None
    assert quote_prints(verbatim) == []


def test_text_without_spaces_between_words_is_compared_by_character() -> None:
    assert quote_key(["「橋は春まで開かない」"]) == quote_key(["橋は春まで開かない。"]) is not None
    assert quote_key(["橋は春まで開かない"]) != quote_key(["橋は春まで開く"])


def test_a_lone_surrogate_breaks_nothing() -> None:
    assert quote_key(["one two \ud800 three"]) == quote_key(["one two three"])


def test_a_trimmed_quote_shares_a_print_with_the_whole_one() -> None:
    words = QUOTE.split()
    for start in range(len(words) - SURE_RUN_WORDS + 1):
        trimmed = " ".join(words[start : start + SURE_RUN_WORDS])
        assert quote_key([trimmed]) != quote_key([QUOTE])
        assert set(quote_prints([trimmed])) & set(quote_prints([QUOTE])), trimmed


def test_quotes_without_a_run_in_common_share_no_print() -> None:
    other = "The bridge will not open before spring, the ministry said so whatever the letters say"
    assert set(quote_prints([QUOTE])).isdisjoint(quote_prints([other]))


WORDS = st.lists(st.sampled_from(["a", "bridge", "will", "not", "open", "they", "say"]))


@given(before=WORDS, shared=st.lists(st.text("abcde", min_size=1), min_size=8), after=WORDS)
def test_any_run_of_eight_words_is_enough(
    before: list[str], shared: list[str], after: list[str]
) -> None:
    whole = quote_prints([" ".join(before + shared + after)])
    assert set(whole) & set(quote_prints([" ".join(shared)]))
    assert whole == sorted(set(whole)) and all(-(2**63) <= n < 2**63 for n in whole)
