"""The alerts that are known, and how people name them."""

from __future__ import annotations

from callgauge_rules.alert_book import AlertBook
from tests.unit.streams.rules.people import T0, episode, resolve

CHAT, SEARCH = episode(service="chat"), episode(start=50.0, service="search")


def book_of(*records: object) -> AlertBook:
    book = AlertBook()
    for number, record in enumerate(records):
        book.take(record, number)  # type: ignore[arg-type]
    return book


def test_the_last_transition_counts_and_says_where_the_alert_lives() -> None:
    """Also if an older one is read after it."""
    book = book_of(episode("resolved", seq=2, service="chat"), CHAT, SEARCH)
    assert [(alert.labels["service"], alert.state) for alert in book.all()] == [
        ("search", "firing"),
        ("chat", "resolved"),
    ]
    assert book.partitions == {CHAT.fingerprint: 0, SEARCH.fingerprint: 2}


def test_active_is_what_people_see_as_not_over() -> None:
    """Resolved by hand is over for them."""
    book = book_of(CHAT, SEARCH, resolve(CHAT))
    assert [alert.labels["service"] for alert, _ in book.active(T0 + 60)] == ["search"]


def test_alerts_are_named_by_the_beginning_of_an_id() -> None:
    """Of the episode or of the alert; the whole id names one only; nothing names nothing."""
    book = book_of(CHAT, SEARCH)
    assert book.named(CHAT.alert_id) == book.named(CHAT.alert_id[:10]) == book.named(CHAT.fingerprint[:10]) == [CHAT]
    assert book.named("") == book.named("zz") == []
    assert book.get(SEARCH.fingerprint) == SEARCH


def test_the_nearest_alert_is_found() -> None:
    """By a mistyped id or beginning of one, or by the name of its rule."""
    book = book_of(CHAT)
    wrong = CHAT.alert_id[:-1] + "x"
    short = wrong[-1] + CHAT.alert_id[1:6]
    assert book.like(wrong, T0) == book.like(short, T0) == book.like("slwo", T0) == CHAT.alert_id
    assert book.like("qqqq", T0) == ""
