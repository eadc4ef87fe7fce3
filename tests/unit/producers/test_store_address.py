"""The store's address: which passwords it can hold, what is refused, and that nothing of a password is told."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgauge.store_address import ENCODE, check_store, is_embedded, store_dsn


@pytest.mark.parametrize(
    "address",
    [
        "chdb://callgauge-data/clickhouse",
        "chdb:///a folder/with # and @",
        "http://clickhouse/callgauge",
        "HTTPS://clickhouse:8443",
        "https://me:p%40w:x!$&'()*+,;=~-._@[::1]:8443/db?compress=0",
        "http://:pw@h",
    ],
)
def test_what_is_a_store(address: str) -> None:
    """It is left as it is."""
    assert check_store(address) == address


@pytest.mark.parametrize(
    ("address", "message"),
    [
        *((f"http://me:hun{char}ter2@h:8123/db", ENCODE) for char in "/?#@[]\\"),
        ("http://me:100%sure@h/db", ENCODE),
        ("http://h/db?user=me@home", ENCODE),
        (
            "http://me:hunter2\n@h/db",
            "holds a blank, a line's end or another character that no address has: take it out",
        ),
        ("http://me:hunter2", "the host or the port cannot be read"),
        ("http://me:hunter2@h:0/db", "the port must be a number from 1 to 65535"),
        ("http://me:hunter2@/db", "the host is missing"),
        ("http://me:hunter2℀@h/db", "the host or the port cannot be read"),
        ("postgres://me:hunter2@h/db", "must be chdb://folder or http(s)://user:password@host:port/database"),
        ("hunter2", "must be chdb://"),
        ("", "must be chdb://"),
        ("chdb://", "the folder is missing: write chdb://folder"),
    ],
)
def test_what_is_refused(address: str, message: str) -> None:
    """The message is one line and says what to do; nothing of the password is in it."""
    with pytest.raises(ValueError, match=f"^{re.escape(message)}") as caught:
        check_store(address)
    assert "\n" not in str(caught.value)
    assert not re.search("hun|ter2|sure", str(caught.value))


def test_the_hint_names_both_ways() -> None:
    """Percent-encoding, or the two settings."""
    assert ENCODE.endswith("percent-encode it, or use CALLGAUGE_STORE_USER and CALLGAUGE_STORE_PASSWORD")


@pytest.mark.parametrize(
    ("user", "password", "dsn"),
    [
        ("", "", "http://me:p%40w@h:1/db"),
        ("you", "", "http://you:p%40w@h:1/db"),
        ("", "n/w", "http://me:n%2Fw@h:1/db"),
        ("y:u", "n@w%41", "http://y%3Au:n%40w%2541@h:1/db"),
    ],
)
def test_settings_go_before_the_address(user: str, password: str, dsn: str) -> None:
    """Each of the two by itself."""
    assert store_dsn("http://me:p%40w@h:1/db", user, password) == dsn


def test_a_password_alone_is_that_of_the_user_default() -> None:
    """As ClickHouse's own clients take it."""
    assert store_dsn("http://h/db", "", "pw") == "http://default:pw@h/db"


def test_an_embedded_store_has_no_user() -> None:
    """The settings of a server mean nothing to it."""
    assert store_dsn("chdb://x", "me", "pw") == "chdb://x"
    assert [is_embedded(address) for address in ("chdb://x", "http://chdb")] == [True, False]


@given(st.text(min_size=1), st.text(min_size=1))
def test_any_user_and_password_come_through(user: str, password: str) -> None:
    """What the settings hold is what the address gives after decoding, and the address can be used."""
    dsn = store_dsn("https://me:old@[::1]:8443/llm?x=1", user, password)
    parts = urlsplit(check_store(dsn))
    assert (unquote(parts.username or ""), unquote(parts.password or "")) == (user, password)
    assert (parts.hostname, parts.port, parts.path, parts.query) == ("::1", 8443, "/llm", "x=1")
