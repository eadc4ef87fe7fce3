"""A ref carries what a judgement needs, wherever it was in between."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgauge.counted import LABELS
from callgauge.refs import ORDER, Ref, RefError, read_ref, ref_of

CALL: dict[str, Any] = {
    "event_id": "0190f3a0-0000-7000-8000-000000000000",
    "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    "service": "search",
    "feature": "chat",
    "model": "gpt-4o",
    "prompt_version": "v7",
}
#: As it was made by the version that this file was written for: it must stay readable for ever.
KEPT = (
    "1WyIwMTkwZjNhMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDAiLCI0YmY5MmYzNTc3YjM0ZGE2YTNjZTkyOWQwZTBlNDczNiIsWyJzZWFyY2gi"
    "LCIiLCJjaGF0IiwiIiwiY2hhdCIsIiIsImdwdC00byIsIiIsInY3Il1d"
)


def test_all_labels_of_a_call_that_has_ended_are_known() -> None:
    """One that was not given is the default of `Call`, as rollup counts it."""
    ref = read_ref(ref_of(CALL, complete=True))
    assert (ref.event_id, ref.trace_id, ref.service) == (CALL["event_id"], CALL["trace_id"], "search")
    assert ref.labels == {
        "environment": "",
        "feature": "chat",
        "endpoint": "",
        "operation": "chat",
        "provider": "",
        "model": "gpt-4o",
        "response_model": "",
        "prompt_version": "v7",
        "variant": "",
    }
    assert {"service", *ref.labels} == set(LABELS) == set(ORDER)


def test_labels_that_may_still_be_set_are_not_known() -> None:
    """They are left out, so that the judgement counts in no wrong series."""
    assert read_ref(ref_of(CALL, complete=False)).labels == {
        "feature": "chat",
        "model": "gpt-4o",
        "prompt_version": "v7",
    }


def test_a_kept_token_is_readable() -> None:
    """And is still what is made of that call: the order of labels is a part of the version."""
    assert read_ref(KEPT) == read_ref(ref_of(CALL, complete=True))
    assert ref_of(CALL, complete=True) == KEPT


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=256)


@given(st.dictionaries(st.sampled_from(LABELS), texts), texts, st.text("abc-0123456789", min_size=1, max_size=64))
def test_what_is_written_is_read(labels: dict[str, str], trace_id: str, event_id: str) -> None:
    """Whatever the labels hold; and the token needs no escapes in a URL."""
    token = ref_of({**labels, "trace_id": trace_id, "event_id": event_id}, complete=False)
    assert re.fullmatch(r"[A-Za-z0-9_-]+", token)
    service = labels.pop("service", "")
    assert read_ref(token) == Ref(event_id, trace_id, service, labels)


def test_odd_labels_are_mended_as_in_the_call() -> None:
    """So that both have the same series."""
    ref = read_ref(
        ref_of({"event_id": 7, "model": "m" * 300, "feature": Path("a"), "variant": "\ud800"}, complete=True)
    )
    assert (ref.event_id, ref.labels["model"], ref.labels["feature"]) == ("7", "m" * 256, "a")
    assert ref.labels["variant"] == "\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize(
    "token",
    ["", "1", "2" + KEPT[1:], KEPT[:-9], KEPT + "x", "1!!!", "é", "1" * 30_000, None, 7, b"1", "1W10", "1bnVsbA", " "],
)
def test_what_is_no_ref_is_told(token: object) -> None:
    """With a RefError, and nothing of the token in it."""
    with pytest.raises(RefError) as caught:
        read_ref(token)
    assert str(token) not in str(caught.value) or len(str(token)) < 2


@given(st.text(max_size=60), st.integers(0, len(KEPT) - 1))
def test_whatever_a_browser_sends_is_read_or_refused(text: str, at: int) -> None:
    """A RefError at worst."""
    for token in (text, "1" + text, KEPT[:at] + text + KEPT[at + 1 :]):
        try:
            ref = read_ref(token)
        except RefError:
            continue
        assert ref.labels.keys() <= set(LABELS)
