"""Addresses of brokers, as people and managed services write them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgauge.brokers import PROTOCOLS, Brokers, parse_brokers


@pytest.mark.parametrize(
    ("text", "addresses", "protocol"),
    [
        ("127.0.0.1:9092", ["127.0.0.1:9092"], None),
        ("SASL_SSL://host:9093", ["host:9093"], "SASL_SSL"),
        ("sasl_ssl://host", ["host:9092"], "SASL_SSL"),
        ("kafka://host:9092", ["host:9092"], None),
        ("PLAINTEXT://a:1,b:2", ["a:1", "b:2"], "PLAINTEXT"),
        ("SSL://a:1,ssl://b:2", ["a:1", "b:2"], "SSL"),
        (" a , ,b:65535,,", ["a:9092", "b:65535"], None),
        ("[::1]", ["[::1]:9092"], None),
        ("SSL://[fe80::1]:1,kafka_2.example", ["[fe80::1]:1", "kafka_2.example:9092"], "SSL"),
    ],
)
def test_what_is_understood(text: str, addresses: list[str], protocol: str | None) -> None:
    """The scheme is taken off, blanks and empty places are left out, 9092 is the port where none is given."""
    assert parse_brokers(text) == Brokers(tuple(addresses), protocol)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("::1", "'::1': an IPv6 address needs brackets: write [::1]:9092"),
        ("SSL://fe80::1", "'SSL://fe80::1': an IPv6 address needs brackets: write [fe80::1]:9092"),
        ("::1:9094", "'::1:9094': an IPv6 address needs brackets: write [::1]:9094"),
        ("a:b:c", "'a:b:c': an IPv6 address needs brackets: write [::1]:9092"),
        ("[::1", "'[::1' is no IPv6 address in brackets: write it like [::1]:9092"),
        ("[::1]9092", "'[::1]9092' is no IPv6 address in brackets: write it like [::1]:9092"),
        ("a:0", "'a:0': the port must be a number from 1 to 65535"),
        ("a:1,b:65536", "'b:65536': the port must be a number from 1 to 65535"),
        ("a:", "'a:': the port must be a number from 1 to 65535"),
        ("a:-1", "'a:-1': the port must be a number from 1 to 65535"),
        ("a:٣", "'a:٣': the port must be a number from 1 to 65535"),
        ("", "no broker is named: write host:port, several with commas between them"),
        (" ,, ", "no broker is named: write host:port, several with commas between them"),
        ("SSL://", "'SSL://' is no address of a broker: write host:port"),
        (":9092", "':9092' is no address of a broker: write host:port"),
        ("a b:9092", "'a b:9092' is no address of a broker: write host:port"),
        ("a:9092/x", "'a:9092/x': the port must be a number from 1 to 65535"),
        ("SSL://a,PLAINTEXT://b", "PLAINTEXT and SSL are both named; all brokers are talked to alike"),
        (
            "http://a:9092",
            "'http' in 'http://a:9092' is not known; write host:port, or before :// one of PLAINTEXT, SSL, "
            "SASL_PLAINTEXT, SASL_SSL",
        ),
        (
            "SASL_SSL://me:hunter2,x@a:9092",
            "addresses hold no user or password: use CALLGAUGE_SASL_USERNAME and CALLGAUGE_SASL_PASSWORD",
        ),
    ],
)
def test_what_is_refused(text: str, message: str) -> None:
    """One line that says what to write."""
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        parse_brokers(text)


hosts = st.from_regex(r"[A-Za-z0-9._-]{1,20}", fullmatch=True) | st.ip_addresses(v=6).map(lambda ip: f"[{ip}]")
lists = st.lists(st.tuples(hosts, st.integers(1, 65_535)), min_size=1, max_size=4)


@given(lists, st.sampled_from([None, *PROTOCOLS]), st.sampled_from([",", " , ", ",,"]))
def test_a_cleaned_list_stays_as_it_is(pairs: list[tuple[str, int]], protocol: str | None, comma: str) -> None:
    """What was written comes out, whatever stands between; reading it once more changes nothing."""
    plain = [f"{host}:{port}" for host, port in pairs]
    read = parse_brokers(comma.join(f"{protocol}://{item}" if protocol else item for item in plain))
    assert read == Brokers(tuple(plain), protocol)
    assert parse_brokers(str(read)) == Brokers(tuple(plain), None)
