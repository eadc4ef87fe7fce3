"""The local stack around stand-ins for its five processes: real tansu, real children, real signals."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from typer.testing import CliRunner

from callgauge.errors import BrokerError, SettingError
from callgauge.schema import Call
from callgauge.settings import Settings, load_settings
from callgauge_deploy.cli import app
from callgauge_deploy.data_dir import DataDir, StackRunning, running_stack
from callgauge_deploy.process import free_port
from callgauge_deploy.stack import LocalStack, StackError

ROLES = {"gateway", "quality", "rollup", "detect", "sinks", "notify"}

# What the stack expects of a role: say ready, and, for the sinks, where the API is.
STAND_IN = """
import json, os, pathlib, sys, time
role = sys.argv[1]
data = pathlib.Path(os.environ["CALLGAUGE_DATA_DIR"])
if role == "sinks":
    url = "http://127.0.0.1:" + os.environ["CALLGAUGE_API_PORT"]
    token = os.environ["CALLGAUGE_API_TOKEN"]
    (data / "api.json").write_text(json.dumps({"api_url": url, "api_token": token, "pid": os.getpid()}))
if role == "notify":
    print("ALERT something fires")
print("logged by", role, file=sys.stderr)
if not (data / ("broken-" + role)).exists():
    pathlib.Path(os.environ["CALLGAUGE_READY_FILE"]).touch()
    time.sleep(600)
sys.exit("a reason to end")
"""


def stand_in(role: str) -> list[str]:
    return [sys.executable, "-c", STAND_IN, role]


def until(condition: Callable[[], bool], timeout_s: float = 60.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.02)


def ended(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


class Screen:
    """Collects what the stack says."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.alerts: list[str] = []


@pytest.fixture
def screen() -> Screen:
    return Screen()


@pytest.fixture
def stack(tmp_path: Path, screen: Screen) -> Iterator[LocalStack]:
    with new_stack(tmp_path, screen) as running:
        yield running


def new_stack(folder: Path, screen: Screen, with_gateway: bool = True, **ports: int) -> LocalStack:
    """On free ports, unless the test has chosen some."""
    return LocalStack(
        load_settings(**{"bus_port": 0, "api_port": 0, "gateway_port": 0} | ports),
        data_dir=folder,
        with_gateway=with_gateway,
        command=stand_in,
        say=screen.said.append,
        show_alert=screen.alerts.append,
    )


def test_it_tells_where_it_is_and_makes_the_topics(stack: LocalStack, tmp_path: Path) -> None:
    """stack.json is private and names a bus that has all topics."""
    info = running_stack(tmp_path)
    assert info == stack.info
    assert set(info.pids) == ROLES | {"tansu"}
    assert stat.S_IMODE((tmp_path / "stack.json").stat().st_mode) == 0o600
    admin = AdminClient({"bootstrap.servers": info.bootstrap})
    assert set(admin.list_topics(timeout=10).topics) >= {topic.name for topic in stack.settings.topics.all()}


def test_alerts_are_shown_and_the_rest_is_logged(stack: LocalStack, screen: Screen) -> None:
    """Only what the notifier prints reaches the screen; the log has all, by process."""
    until(lambda: screen.alerts == ["ALERT something fires"])
    until(lambda: all(f"{role:<7} | logged by {role}" in stack.folder.log.read_text() for role in ROLES))
    assert screen.said == []


def test_a_crashed_process_is_started_again(stack: LocalStack, screen: Screen, tmp_path: Path) -> None:
    """It is said, the pid in stack.json is the new one, the rest goes on."""
    before = stack.info.pids
    os.kill(before["rollup"], signal.SIGKILL)
    until(lambda: "rollup started again" in screen.said)
    info = running_stack(tmp_path)
    assert info is not None
    assert screen.said[0] == "rollup was killed by signal 9; starting it again in 0.5 s"
    assert info.pids["rollup"] != before["rollup"]
    assert info.pids | {"rollup": 0} == before | {"rollup": 0}


def test_the_end_of_the_bus_ends_the_stack(stack: LocalStack) -> None:
    """The bus is in memory: going on without it would lose calls in silence."""
    pids = stack.info.pids
    os.kill(pids["tansu"], signal.SIGKILL)
    with pytest.raises(BrokerError, match="tansu, the local bus, ended with code -9"):
        stack.wait()
    assert all(ended(pid) for pid in pids.values())


def test_a_second_stack_is_refused(stack: LocalStack, screen: Screen, tmp_path: Path) -> None:
    """One stack per folder; the refusal says who holds it, and does not disturb it."""
    with pytest.raises(StackRunning, match=f"process {os.getpid()}.*CALLGAUGE_DATA_DIR"):
        new_stack(tmp_path, screen).start()
    assert running_stack(tmp_path) == stack.info


def test_a_port_that_was_asked_for_is_taken_or_the_stack_does_not_start(tmp_path: Path, screen: Screen) -> None:
    """The bus listens where it was told to; a second stack there is refused in one line, and leaves its folder free."""
    port = free_port()
    with new_stack(tmp_path / "first", screen, bus_port=port) as stack:
        assert stack.info.bootstrap == f"127.0.0.1:{port}"
        with pytest.raises(SettingError, match=f"^CALLGAUGE_BUS_PORT: {port} is taken on 127.0.0.1: "):
            new_stack(tmp_path / "second", screen, bus_port=port).start()
        assert not DataDir(tmp_path / "second").held()


def test_a_stack_comes_back_to_its_ports(tmp_path: Path, screen: Screen) -> None:
    """Right after its end, though connections of its clients may linger."""
    ports = {"bus_port": free_port(), "api_port": free_port(), "gateway_port": free_port()}
    for _ in range(2):
        with new_stack(tmp_path, screen, True, **ports) as stack:
            assert stack.info.bootstrap == f"127.0.0.1:{ports['bus_port']}"
            assert stack.info.api_url == f"http://127.0.0.1:{ports['api_port']}"
            assert stack.info.gateway_url == f"http://127.0.0.1:{ports['gateway_port']}"
    assert screen.said == []


def status(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["status", *arguments], catch_exceptions=False)
    return result.exit_code, result.stdout


def test_status_tells_what_runs(stack: LocalStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every process with its pid, where things are, the lag of each group; the token stays private."""
    monkeypatch.setenv("CALLGAUGE_DATA_DIR", str(tmp_path))
    topic = stack.settings.topics.calls.name
    producer = Producer(stack.settings.librdkafka())
    for number in range(7):
        producer.produce(topic, str(number), partition=1)
    assert producer.flush(20) == 0
    code, text = status("--json")
    told = json.loads(text)
    assert code == 0
    assert told["all_run"] is True
    assert {process["name"]: process["pid"] for process in told["processes"]} == stack.info.pids | {
        "stack": os.getpid()
    }
    assert (told["bus"], told["api"]) == (stack.info.bootstrap, stack.info.api_url)
    assert told["gateway"] == stack.info.gateway_url
    calls = {lag["partition"]: lag for lag in told["lags"] if lag["group"] == "callgauge-sink-calls"}
    assert [calls[partition]["end"] for partition in sorted(calls)] == [0, 7, 0, 0]
    assert (calls[1]["committed"], calls[1]["lag"], calls[0]["lag"]) == (None, None, 0)
    code, text = status()
    assert code == 0
    assert text.splitlines()[-1] == "all processes run"
    assert f"gateway    {stack.info.gateway_url}\n" in text
    assert stack.info.api_token not in text + json.dumps(told)


def test_status_tells_what_does_not_run(stack: LocalStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that keeps ending is named with its last error, and the exit code is 1."""
    monkeypatch.setenv("CALLGAUGE_DATA_DIR", str(tmp_path))
    (tmp_path / "broken-detect").touch()
    os.kill(stack.info.pids["detect"], signal.SIGKILL)

    def is_told() -> bool:
        code, text = status()
        return code == 1 and "detect does not run" in text and "stack: detect " in text

    until(is_told, 30)


def test_status_says_that_nothing_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one sentence, with the folder."""
    monkeypatch.setenv("CALLGAUGE_DATA_DIR", str(tmp_path))
    code, text = status()
    assert code == 1
    assert text.startswith(f"nothing runs on {tmp_path}: ")


def test_a_trace_is_replayed_to_the_running_stack(
    stack: LocalStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`callgauge replay FILE` finds the stack's bus; the calls end now, none in the future."""
    trace = tmp_path / "azure_code.csv"
    times = ("17:03.9799600", "17:04.0319600", "17:04.9799600")
    rows = [f"2023-11-16 18:{time_of_day},4808,10" for time_of_day in times]
    trace.write_text("\n".join(["TIMESTAMP,ContextTokens,GeneratedTokens", *rows]) + "\n")
    monkeypatch.setenv("CALLGAUGE_DATA_DIR", str(tmp_path))
    began = time.time()
    result = CliRunner().invoke(app, ["replay", str(trace), "--speed", "2"], catch_exceptions=False)
    ended_at = time.time()
    assert result.exit_code == 0
    assert result.stdout.startswith("3 calls sent in ")
    calls = read_calls(stack.settings, 3)
    starts = [call.ts for call in calls]
    assert max(starts) - min(starts) == pytest.approx(1.0, abs=1e-3)
    assert began - 1e-3 <= max(call.ts + (call.latency_ms or 0.0) / 1e3 for call in calls) <= ended_at + 1e-3


def read_calls(settings: Settings, count: int) -> list[Call]:
    consumer = Consumer(settings.librdkafka() | {"group.id": "unused"})
    topic = settings.topics.calls
    consumer.assign([TopicPartition(topic.name, partition, 0) for partition in range(topic.partitions)])
    calls: list[Call] = []
    deadline = time.monotonic() + 60
    while len(calls) < count and time.monotonic() < deadline:
        calls += [Call.model_validate_json(message.value() or b"") for message in consumer.consume(count, timeout=1)]
    consumer.close()
    return calls


def test_the_gateway_can_be_left_out(tmp_path: Path, screen: Screen) -> None:
    """No process, no port, no address."""
    with new_stack(tmp_path, screen, with_gateway=False) as stack:
        assert "gateway" not in stack.info.pids
        assert stack.info.gateway_url == ""


def test_nothing_is_left(tmp_path: Path, screen: Screen) -> None:
    """After the end: no process, no stack.json; and the folder can be used again."""
    for _ in range(2):
        with new_stack(tmp_path, screen) as stack:
            pids = stack.info.pids
        assert all(ended(pid) for pid in pids.values())
        assert running_stack(tmp_path) is None
        assert not (tmp_path / "stack.json").exists()


def test_a_process_that_cannot_start_is_told(tmp_path: Path, screen: Screen) -> None:
    """After three crashes the stack gives up, with the end of that process's log."""
    (tmp_path / "broken-detect").touch()
    with pytest.raises(StackError, match=r"(?s)detect ended 3 times.*a reason to end"):
        new_stack(tmp_path, screen).start()
    assert running_stack(tmp_path) is None


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's help is Linux's")
def test_children_die_with_a_killed_parent(tmp_path: Path) -> None:
    """SIGKILL of the stack leaves no process behind, and the folder free."""
    code = "import sys; from tests.integration.test_stack import hold; hold(sys.argv[1])"
    parent = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=Path(__file__).parents[2])
    try:
        until(lambda: running_stack(tmp_path) is not None, 30)
        info = running_stack(tmp_path)
        assert info is not None
    finally:
        parent.kill()
        parent.wait()
    until(lambda: all(ended(pid) for pid in info.pids.values()))
    assert running_stack(tmp_path) is None


def hold(folder: str) -> None:
    """Run a stack until killed."""
    with new_stack(Path(folder), Screen()) as stack:
        stack.wait()


def test_a_judge_is_started_where_one_is_set_up(tmp_path: Path, screen: Screen) -> None:
    """Beside the others, and not before it was said where texts go."""
    settings = load_settings(
        bus_port=0, api_port=0, judge_url="https://judge.example.com/v1", judge_model="j-1", judge_key="sk-secret"
    )
    stack = LocalStack(
        settings, data_dir=tmp_path, command=stand_in, say=screen.said.append, show_alert=screen.alerts.append
    )
    with stack:
        assert set(stack.info.pids) == ROLES | {"tansu", "judge"}
    assert "judge.example.com (model j-1)" in screen.said[0]
    assert "sk-secret" not in "".join(screen.said)
