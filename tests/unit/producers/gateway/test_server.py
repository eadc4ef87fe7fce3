"""It listens where the settings say: IPv4, IPv6, a Unix socket, with TLS; and refuses what would be open to all."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from callgauge.errors import SettingError
from callgauge.loopback import is_loopback
from callgauge.settings import Settings, load_settings
from callgauge_gateway import app
from callgauge_gateway.server import Server, address_of, listen
from tests.gateway.served import Served


@contextmanager
def serving(settings: Settings) -> Iterator[str]:
    """The application on a socket; its address."""
    ready, ended = threading.Event(), threading.Event()
    listener = listen(settings)
    server = Server(Served().app, settings, listener, ready.set, ended.set)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert ready.wait(60)
        yield address_of(settings, listener)
    finally:
        server.stop()
        thread.join(60)
    assert ended.is_set()


def ask(url: str, **options: Any) -> httpx.Response:
    with httpx.Client(**options) as client:
        return client.post(f"{url}/v1/calls", json={"service": "s"})


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_it_listens_on_the_loopback(host: str) -> None:
    """Of both families."""
    with serving(load_settings(gateway_host=host, gateway_port=0)) as url:
        assert ask(url).json() == {"accepted": 1}


def test_all_addresses_are_both_families() -> None:
    """`::` takes IPv4 too."""
    with serving(load_settings(gateway_host="::", gateway_port=0)) as url:
        port = url.rpartition(":")[2]
        assert ask(f"http://127.0.0.1:{port}").status_code == 200
        assert ask(f"http://[::1]:{port}").status_code == 200


def test_it_listens_on_a_unix_socket(tmp_path: Path) -> None:
    """Also where one that was killed has left its file; never where another listens. The file goes with it."""
    path = tmp_path / "gateway.sock"
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(path))
    left.close()
    settings = load_settings(gateway_socket=path)
    with serving(settings):
        assert ask("http://gateway", transport=httpx.HTTPTransport(uds=str(path))).status_code == 200
        assert path.stat().st_mode & 0o777 == 0o660
        with pytest.raises(SettingError, match="another process listens"):
            listen(settings)
    assert not path.exists()


def test_it_speaks_tls(tmp_path: Path) -> None:
    """With a certificate of ours; plain HTTP gets nothing."""
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert],
        check=True, capture_output=True,
    )  # fmt: skip
    settings = load_settings(gateway_port=0, gateway_tls_cert=cert, gateway_tls_key=key)
    with serving(settings) as url:
        assert url.startswith("https://")
        assert ask(url, verify=ssl.create_default_context(cafile=str(cert))).status_code == 200
        with pytest.raises(httpx.TransportError):
            ask(url.replace("https", "http"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"gateway_host": "192.0.2.1", "gateway_port": 0}, "CALLGAUGE_GATEWAY_HOST or CALLGAUGE_GATEWAY_PORT"),
        ({"gateway_socket": Path("/nowhere/gateway.sock")}, "CALLGAUGE_GATEWAY_SOCKET"),
    ],
)
def test_where_it_cannot_listen_is_told(changes: dict[str, Any], message: str) -> None:
    """With the setting to change."""
    with pytest.raises(SettingError, match=message):
        listen(load_settings(**changes))


@pytest.mark.parametrize("name", ["gateway_tls_cert", "gateway_tls_key"])
def test_files_of_tls_that_cannot_be_used_are_told(tmp_path: Path, name: str) -> None:
    """One that is not there, and a key alone: with their settings."""
    settings = load_settings(**{"gateway_port": 0, name: tmp_path / "none"})
    with listen(settings) as listener, pytest.raises(SettingError, match="CALLGAUGE_GATEWAY_TLS_CERT"):
        Server(Served().app, settings, listener, lambda: None, lambda: None)


def test_an_open_address_needs_keys() -> None:
    """And says how to make them."""
    with pytest.raises(SettingError, match="callgauge gateway-key new"):
        app.run(load_settings(gateway_host="0.0.0.0", gateway_port=0))  # noqa: S104 (refused)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("::", False),
        ("example.com", False),
    ],
)
def test_the_loopback_is_known(host: str, loopback: bool) -> None:
    """Whatever its form; a name that is none we know is reached from outside."""
    assert is_loopback(host) is loopback
