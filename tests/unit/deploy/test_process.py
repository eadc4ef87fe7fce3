"""Child processes end when asked, ports are free and not ephemeral, logs are told apart."""

from __future__ import annotations

import io
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from callgauge_deploy.process import end, free_port, listening, port_is_free, spawn
from callgauge_deploy.process_log import ProcessLog


def test_a_free_port_can_be_bound_and_is_not_ephemeral() -> None:
    """A client that keeps dialling a dead broker cannot be given the broker's port."""
    port = free_port()
    assert port < 32_768
    assert not listening(port)
    with socket.create_server(("127.0.0.1", port)):
        assert listening(port)


@pytest.mark.parametrize("listens_on", ["127.0.0.1", "0.0.0.0"])  # noqa: S104  # for the length of a test
def test_a_port_is_free_when_nothing_listens(listens_on: str) -> None:
    """A server on this address or on all of them takes the port; one that has ended does not, whoever was connected."""
    server = socket.create_server((listens_on, free_port()))
    port = server.getsockname()[1]
    client = socket.create_connection(("127.0.0.1", port))
    accepted, _ = server.accept()
    assert not port_is_free(port)
    server.close()
    accepted.close()  # the server's side ends first: its connection lingers
    client.close()
    assert port_is_free(port)


def test_end_is_gentle_first() -> None:
    """A process that obeys SIGTERM ends with its own code; one that doesn't is killed."""
    wait = "print('set up', flush=True); signal.pause()"
    obeys = f"import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(7)); {wait}"
    deaf = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {wait}"
    for code, grace_s, expected in ((obeys, 10.0, 7), (deaf, 0.2, -9)):
        process = spawn([sys.executable, "-c", code], stdout=subprocess.PIPE)
        assert process.stdout is not None
        with process.stdout:
            process.stdout.readline()
            assert end(process, grace_s) == expected
        assert end(process, grace_s) == expected


def test_a_log_holds_two_runs_and_tells_processes_apart(tmp_path: Path) -> None:
    """Lines carry their process; the run before is kept."""
    path = tmp_path / "callgauge.log"
    first = ProcessLog(path)
    first.write("rollup", "of the first run")
    first.close()
    second = ProcessLog(path)
    shown: list[str] = []
    process = spawn([sys.executable, "-c", "print('one'); print('two')"], stdout=subprocess.PIPE)
    assert process.stdout is not None
    second.follow("detect", process.stdout, shown.append)
    process.wait()
    second.write("rollup", "three")
    assert second.tail("rollup") == "three"
    second.close()
    assert shown == ["one", "two"]
    assert sorted(path.read_text().splitlines()) == ["detect  | one", "detect  | two", "rollup  | three"]
    assert (tmp_path / "callgauge.log.previous").read_text() == "rollup  | of the first run\n"


def test_what_a_process_prints_cannot_command_the_terminal(tmp_path: Path) -> None:
    """Colours are left out, other control characters escaped, in the log and in what is shown."""
    log = ProcessLog(tmp_path / "log")
    shown: list[str] = []
    log.follow("notify", io.BytesIO(b"\x1b[1;31m FIRING \x1b[0m \x1b[2J\xe2\x80\xae\r\nnext\n"), shown.append)
    log.write("stack", "one\ntwo \x1b")
    log.close()
    assert shown == [r" FIRING  \x1b[2J\u202e", "next"]
    lines = set((tmp_path / "log").read_text().splitlines())
    assert lines == {r"notify  |  FIRING  \x1b[2J\u202e", "notify  | next", "stack   | one", r"stack   | two \x1b"}
