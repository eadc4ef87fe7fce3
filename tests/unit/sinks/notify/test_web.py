"""Where requests may go, and what answers mean."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from callgauge.errors import SettingError
from callgauge.settings import load_settings
from callgauge_notify.receivers.receiver import NotDelivered, Refused
from callgauge_notify.receivers.web import Allowed, Web, allowed_by, check_answer, retry_after_s
from tests.unit.sinks.notify.http_stub import LOCAL, Answer, Stub, serving


def resolving(*addresses: str) -> Callable[[str, int], list[str]]:
    return lambda host, port: list(addresses)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.0.9", "169.254.169.254", "100.64.0.1", "0.0.0.1", "224.0.0.1",
     "::1", "fe80::1%eth0", "fd00::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::"],
)  # fmt: skip
def test_no_private_address_is_reached(address: str) -> None:
    """Loopback, private, link-local, a cloud's metadata, shared, multicast; and IPv4 addresses inside of IPv6 ones."""
    web = Web(Allowed(), resolve=resolving(address))
    with pytest.raises(Refused, match=r"hooks\.example resolves to .*, which is no public address"):
        web.check("https://hooks.example/T/secret")


def test_one_private_address_among_public_ones_is_enough_to_refuse() -> None:
    """Else the second attempt might go there."""
    with pytest.raises(Refused):
        Web(Allowed(), resolve=resolving("93.184.215.14", "127.0.0.1")).check("https://hooks.example/")


def test_public_addresses_by_https_are_reached() -> None:
    """IPv4 and IPv6."""
    assert Web(Allowed(), resolve=resolving("93.184.215.14")).check("https://h/") == "93.184.215.14"
    assert Web(Allowed(), resolve=resolving("2606:2800:220:1::1")).check("https://h/") == "2606:2800:220:1::1"


def test_what_the_settings_allow() -> None:
    """A host by its name, networks, http."""
    settings = load_settings(notify_allow_hosts="am.local, 10.0.0.0/8", notify_allow_http=True)
    allowed = allowed_by(settings)
    assert Web(allowed, resolve=resolving("192.168.1.1")).check("http://AM.local/") == "192.168.1.1"
    assert Web(allowed, resolve=resolving("10.9.9.9")).check("https://other/") == "10.9.9.9"
    with pytest.raises(Refused):
        Web(allowed, resolve=resolving("192.168.1.1")).check("https://other/")
    with pytest.raises(SettingError, match=r"'10\.0\.0\.0/99' is no network"):
        allowed_by(load_settings(notify_allow_hosts="10.0.0.0/99"))


def test_http_is_refused_unless_allowed() -> None:
    """The message says what to set."""
    with pytest.raises(Refused, match="CALLGAUGE_NOTIFY_ALLOW_HTTP=true"):
        Web(Allowed(), resolve=resolving("93.184.215.14")).check("http://h/")
    for url in ("ftp://h/", "https:///x", "file:///etc/passwd"):
        with pytest.raises(Refused, match="no http"):
            Web(Allowed()).check(url)


def test_a_name_that_cannot_be_resolved_may_be_later() -> None:
    """DNS may be down."""

    def fail(host: str, port: int) -> list[str]:
        raise OSError("no such host")

    with pytest.raises(NotDelivered, match="h cannot be resolved"):
        Web(Allowed(), resolve=fail).check("https://h/secret")


def test_the_request_goes_to_the_address_that_was_checked(stub: Stub) -> None:
    """The name is resolved once: what DNS says a moment later does not matter. Host is the name's."""
    asked: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    web = Web(Allowed(http=True, hosts=frozenset({"hooks.example"})), resolve=resolve)
    assert web.post(f"http://hooks.example:{stub.port}/x?y=1", b"{}", {"A": "b"}).status_code == 200
    (request,) = stub.requests
    assert (request.method, request.path, request.headers["Host"]) == ("POST", "/x?y=1", f"hooks.example:{stub.port}")
    assert (request.headers["A"], request.headers["Content-Type"], request.body) == ("b", "application/json", b"{}")
    assert asked == ["hooks.example"]


def test_redirects_are_not_followed(stub: Stub) -> None:
    """They could lead anywhere."""
    stub.answers = [Answer(302, headers={"Location": stub.url})]
    answer = Web(LOCAL).post(stub.url, b"", {})
    assert len(stub.requests) == 1
    with pytest.raises(Refused, match="a redirect, which is not followed"):
        check_answer(stub.url, answer.status_code, answer.headers, 0.0)


def test_a_large_answer_is_cut(stub: Stub) -> None:
    """A receiver cannot fill our memory."""
    stub.answers = [Answer(200, b"x" * 3_000_000)]
    assert len(Web(LOCAL).post(stub.url, b"", {}).content) == 65_536


def test_nobody_there_comes_back() -> None:
    """A refused connection is tried again; the path is not told."""
    with pytest.raises(NotDelivered, match=r"^127\.0\.0\.1: ConnectError$"):
        Web(LOCAL).post("http://127.0.0.1:1/secret", b"", {})


@pytest.mark.parametrize(
    ("status", "error"),
    [(200, None), (202, None), (204, None), (500, NotDelivered), (503, NotDelivered), (429, NotDelivered),
     (408, NotDelivered), (425, NotDelivered), (400, Refused), (401, Refused), (404, Refused), (410, Refused)],
)  # fmt: skip
def test_which_answers_are_final(status: int, error: type[Exception] | None) -> None:
    """5xx, 429, 408 and 425 come back, other 4xx are final; only the host is told."""
    if error is None:
        return check_answer("https://h/secret", status, {}, 0.0)
    with pytest.raises(error, match=f"^h answered HTTP {status}$"):
        check_answer("https://h/secret", status, {}, 0.0)
    return None


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), ("", 0.0), ("soon", 0.0), ("-3", 0.0), ("99999999", 3600.0), ("Tue, 14 Nov 2023 22:13:50 GMT", 30.0)],
)
def test_retry_after(header: str, seconds: float) -> None:
    """Seconds or a date; nonsense is none, and an hour is the most."""
    assert retry_after_s(header, 1_700_000_000.0) == seconds


def test_a_slow_answer_is_cut(stub: Stub) -> None:
    """The clock is past the deadline when the first part has come: the rest, which never comes, is not waited for."""
    ticks = iter([0.0])
    stub.answers = [Answer(200, b"first", {"Content-Length": "10000"})]
    assert Web(LOCAL, clock=lambda: next(ticks, 200.0)).post(stub.url, b"", {}).content == b"first"


def test_https_checks_the_certificate_of_the_name(tmp_path: Path) -> None:
    """The request goes to the checked address, and the certificate must be that of the host's name, not of another."""
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=hooks.example"]
    files = ["-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "cert")]
    subprocess.run([*made, "-addext", "subjectAltName=DNS:hooks.example", *files], check=True, capture_output=True)
    stub = Stub()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    stub.server.socket = context.wrap_socket(stub.server.socket, server_side=True)
    trust = ssl.create_default_context(cafile=str(tmp_path / "cert"))
    allowed = Allowed(hosts=frozenset({"hooks.example", "other.example"}))
    web = Web(allowed, resolve=resolving("127.0.0.1"), tls=trust)
    with serving(stub):
        assert web.post(f"https://hooks.example:{stub.port}/x", b"{}", {}).status_code == 200
        with pytest.raises(NotDelivered, match=r"^other\.example: ConnectError$"):
            web.post(f"https://other.example:{stub.port}/x", b"{}", {})
    assert [request.headers["Host"] for request in stub.requests] == [f"hooks.example:{stub.port}"]
