"""What somebody asks for becomes one action, or a reason why not."""

from __future__ import annotations

import pytest

from callgauge.schema import Alert, AlertAction
from callgauge_actions.asked import (
    Already,
    Asker,
    NotPossible,
    ask_on_alert,
    ask_silence,
    ask_unsilence,
    conditions_of,
    hidden_now,
)
from callgauge_actions.publish import records_of
from callgauge_rules.alert_book import AlertBook
from tests.unit.streams.rules.people import T0, acknowledge, episode, resolve, silence, unsilence

CHAT, SEARCH = episode(service="chat"), episode(service="search")
ANN = Asker("ann", "cli", "on it")
NOW = T0 + 60


def book_of(*records: Alert | AlertAction) -> AlertBook:
    book = AlertBook()
    for record in records:
        book.take(record, 2)
    return book


def test_the_action_names_the_episode_and_who_did_it() -> None:
    """By the alert's id, its fingerprint, or the beginning of one."""
    for name in (CHAT.alert_id, CHAT.fingerprint, CHAT.alert_id[:9]):
        action = ask_on_alert(book_of(CHAT, SEARCH), "acknowledge", name, ANN, NOW, "id1")
        assert action == AlertAction(
            action_id="id1", action="acknowledge", at=NOW, who="ann", why="on it", how="cli",
            fingerprint=CHAT.fingerprint, alert_id=CHAT.alert_id,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("done", "what", "told"),
    [
        (acknowledge(CHAT, who="bob"), "acknowledge", "was acknowledged by bob at 2023-11-14 22:13:30Z"),
        (resolve(CHAT, who="bob"), "resolve", "was resolved by bob"),
        (resolve(CHAT, who="bob"), "acknowledge", "was resolved by bob"),
    ],
)
def test_what_is_done_already_is_not_done_again(done: AlertAction, what: str, told: str) -> None:
    """So a second request, and a provider that tells us what we told it, write nothing."""
    found = ask_on_alert(book_of(CHAT, done), what, CHAT.alert_id, ANN, NOW, "2")  # type: ignore[arg-type]
    assert isinstance(found, Already)
    assert told in found.told


def test_what_is_acknowledged_may_be_resolved() -> None:
    """That is the usual way."""
    assert isinstance(
        ask_on_alert(book_of(CHAT, acknowledge(CHAT)), "resolve", CHAT.alert_id, ANN, NOW, "2"), AlertAction
    )


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (CHAT.alert_id[:-1] + "x", f"did you mean {CHAT.alert_id}?"),
        ("zzzz", "`callgauge alerts` lists the 2 active ones"),
        ("", "there is no alert ''"),
    ],
)
def test_an_unknown_id_says_what_was_meant_or_what_to_do(name: str, told: str) -> None:
    """The nearest id, or where ids come from."""
    with pytest.raises(NotPossible) as error:
        ask_on_alert(book_of(CHAT, SEARCH), "acknowledge", name, ANN, NOW, "1")
    assert told in str(error.value)


def test_an_id_of_several_alerts_is_refused() -> None:
    """They are named."""
    alerts = [episode(service=f"s{n}") for n in range(40)]
    shared = next(a.alert_id[0] for a in alerts if sum(b.alert_id[0] == a.alert_id[0] for b in alerts) > 1)
    with pytest.raises(NotPossible, match=r"begins the ids of [0-9]+ alerts .*write more of it"):
        ask_on_alert(book_of(*alerts), "resolve", shared, ANN, NOW, "1")


@pytest.mark.parametrize(("state", "told"), [("resolved", "is over since 2023"), ("pending", "is pending")])
def test_only_what_fires_can_be_acted_on(state: str, told: str) -> None:
    """What is over needs nothing, what is pending was told to nobody."""
    with pytest.raises(NotPossible, match=told):
        ask_on_alert(book_of(episode(state, seq=2)), "acknowledge", episode().alert_id, ANN, NOW, "1")


def test_a_silence_has_read_its_conditions() -> None:
    """They are written as they were understood; it hides what fulfils them."""
    book = book_of(CHAT, SEARCH)
    made = ask_silence(["service = chat"], 3600.0, ANN, NOW, "s9")
    assert (made.matchers, made.starts_at, made.ends_at) == (["service=chat"], NOW, NOW + 3600)
    assert hidden_now(book, made, NOW) == [CHAT]


@pytest.mark.parametrize("value", ["chat", 'a "b" c', " blanks ", "line\nbreak", "a=~b", "'"])
def test_a_silence_of_one_alert_hides_just_that(value: str) -> None:
    """Whatever its labels hold."""
    odd = episode(service=value)
    book = book_of(odd, SEARCH, episode(rule="other", service=value))
    made = ask_silence(conditions_of(book, odd.alert_id, NOW), 60.0, ANN, NOW, "s")
    assert hidden_now(book, made, NOW) == [odd]


@pytest.mark.parametrize(
    ("conditions", "for_s", "told"),
    [
        (["servic=chat"], 60, "did you mean service?"),
        (["chat"], 60, "is no condition"),
        ([], 60, "would hide every alert"),
        (["owner=team"], 60, "name the services"),
        (["service=chat"], 0, "at least a second"),
        (["service=chat"], 29 * 86_400, "at most 28d"),
    ],
)
def test_a_silence_that_cannot_be_made_says_why(conditions: list[str], for_s: float, told: str) -> None:
    """And what to write."""
    with pytest.raises(NotPossible) as error:
        ask_silence(conditions, for_s, ANN, NOW, "s")
    assert told in str(error.value)


def test_a_silence_is_ended_once() -> None:
    """Ended before, by somebody or by time, it is over already."""
    ended = ask_unsilence(book_of(silence()), "s1", ANN, NOW - 30, "u")
    assert isinstance(ended, AlertAction)
    assert (ended.action, ended.silence_id) == ("unsilence", "s1")
    for book, told in ((book_of(silence(), unsilence()), "by ann"), (book_of(silence(until=20.0)), "was over at")):
        found = ask_unsilence(book, "s1", ANN, NOW, "u")
        assert isinstance(found, Already)
        assert told in found.told
    with pytest.raises(NotPossible, match="names no silence"):
        ask_unsilence(book_of(), "s1", ANN, NOW, "u")


def test_an_action_lies_beside_its_alert_and_a_silence_everywhere() -> None:
    """So whoever tells the alerts of a partition reads both in order."""
    assert records_of(acknowledge(CHAT), 2, range(4)) == [(CHAT.fingerprint.encode(), 2)]
    assert records_of(silence(), None, range(3)) == [(b"s1", 0), (b"s1", 1), (b"s1", 2)]
    assert records_of(unsilence(), None, range(1)) == [(b"s1", 0)]
