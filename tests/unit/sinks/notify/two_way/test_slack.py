"""Slack's interactive payload: only what Slack has signed, lately; which clicks are ours."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from pydantic import SecretStr

from callgauge_notify.two_way.slack import Click, clicks_in, is_from_slack
from tests.unit.sinks.notify.two_way.requests import NOW, slack_body, slack_headers

BODY = slack_body("acknowledge", "a1", response_url="https://hooks.slack.com/actions/1")


def genuine(headers: dict[str, str], body: bytes = BODY, at: float = NOW) -> bool:
    return is_from_slack(SecretStr("slack-secret"), {k.lower(): v for k, v in headers.items()}, body, at)


def test_the_example_of_slacks_documentation() -> None:
    """Secret, body and signature as docs.slack.dev prints them."""
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&"
        b"channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&"
        b"response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&"
        b"trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    headers = {
        "x-slack-request-timestamp": "1531420618",
        "x-slack-signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    }
    assert is_from_slack(SecretStr("8f742231b10e8888abcd99yyyzzz85a5"), headers, body, 1_531_420_618.0)


def test_what_slack_has_signed_is_genuine_for_five_minutes() -> None:
    """Before and after, since clocks differ."""
    headers = slack_headers(BODY)
    assert [genuine(headers, at=NOW + s) for s in (-301, -299, 0, 299, 301)] == [False, True, True, True, False]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        slack_headers(BODY, "other"),
        slack_headers(BODY + b" "),
        slack_headers(BODY) | {"X-Slack-Request-Timestamp": "soon"},
        slack_headers(BODY) | {"X-Slack-Signature": "v0=ä"},
        slack_headers(BODY) | {"X-Slack-Request-Timestamp": str(int(NOW) - 1)},
    ],
)
def test_anything_else_is_not(headers: dict[str, str]) -> None:
    """No header, another secret, another body, another time, letters that no signature has."""
    assert not genuine(headers)


def test_bytes_that_are_no_text_are_not_genuine() -> None:
    """And no error."""
    assert not genuine(slack_headers(b"\xff"), b"\xff")


def test_a_click() -> None:
    """Which button, of which alert, by whom, and where to answer; its id is that of the click."""
    (click,) = clicks_in(BODY)
    assert click == Click("acknowledge", "a1", "ann", click.id, "https://hooks.slack.com/actions/1")
    assert clicks_in(BODY)[0].id == click.id
    assert clicks_in(slack_body("resolve", "a1"))[0].id != click.id
    assert click.id.startswith("slack-")


@pytest.mark.parametrize(
    "body",
    [
        slack_body("other_app", "a1"),
        slack_body("acknowledge", "a1", type="view_submission"),
        slack_body("x", "a", actions=None),
    ],
)
def test_what_is_not_ours_is_no_click(body: bytes) -> None:
    """Other buttons of the same app, other kinds of payload."""
    assert clicks_in(body) == []


@pytest.mark.parametrize("body", [b"", b"payload=%7B", b"\xff", urlencode({"payload": "[]"}).encode()])
def test_what_is_no_payload_is_an_error(body: bytes) -> None:
    """A ValueError, whatever it is."""
    with pytest.raises(ValueError):  # noqa: PT011 (of several kinds)
        clicks_in(body)
