"""The local stack: tansu (the local bus), the topics, and one process per role, kept running until told to stop."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from callgauge.errors import BrokerError, CallgaugeError
from callgauge.settings import Settings
from callgauge_deploy.data_dir import DataDir, StackInfo
from callgauge_deploy.environment import child_environment
from callgauge_deploy.former_alerts import end_former_alerts
from callgauge_deploy.local_settings import local_settings
from callgauge_deploy.ports import choose_ports, gateway_url
from callgauge_deploy.process import end, spawn
from callgauge_deploy.process_log import ProcessLog
from callgauge_deploy.supervise import Child, Process
from callgauge_deploy.tansu import Tansu
from callgauge_deploy.topics import ensure_topics
from callgauge_quality.where_texts_go import where_embeddings_go, where_texts_go

__all__ = ["LocalStack", "StackError"]

# The processes are ended in this order: first those that send calls and scores, then rows and alerts, then those that
# store and deliver them. A judge is among them where one is set up.
WAVES = (("gateway", "quality", "judge"), ("rollup", "detect"), ("sinks", "notify"))
READY_S = 90.0
GRACE_S = 10.0
TICK_S = 0.1
MAX_CRASHES_AT_START = 3


class StackError(CallgaugeError):
    """The local stack did not come up."""


def role_command(role: str) -> list[str]:
    """The command line of a role: the `callgauge` command of this installation."""
    return [sys.executable, "-m", "callgauge_deploy.cli", role]


class LocalStack:
    """Context manager: entered when everything is ready, left when everything has ended.

    One thread starts and watches all children, since the kernel ends a child together with the thread that started it.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        data_dir: Path,
        with_notifier: bool = True,
        with_gateway: bool = True,
        command: Callable[[str], list[str]] = role_command,
        say: Callable[[str], None] = print,
        show_alert: Callable[[str], None] | None = None,
    ) -> None:
        """`say` gets one line for each event of the stack, `show_alert` each line that the notifier prints.

        `command` gives the command line that runs a role. Of `settings` the stack makes its own when it starts.
        """
        self.folder = DataDir(data_dir)
        self.settings = settings
        self._tansu = Tansu()
        self._with_gateway = with_gateway
        is_wanted = {"notify": with_notifier, "gateway": with_gateway, "judge": bool(settings.judge_url)}
        left_out = {role for role, wanted in is_wanted.items() if not wanted}
        self._roles = [role for wave in WAVES for role in wave if role not in left_out]
        self._command = command
        self._say = say
        self._show_alert = show_alert or say
        self._children: dict[str, Child] = {}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._started: dict[str, float] = {}
        self._metrics: dict[str, int] = {}
        self._api: dict[str, str] = {}
        self._cleanup = ExitStack()
        self._stop = threading.Event()
        self._failure: CallgaugeError | None = None
        self._watcher = threading.Thread(target=self._watch, name="supervisor", daemon=True)

    def __enter__(self) -> LocalStack:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start everything and wait until it is ready.

        Raises:
            StackRunning: another stack runs on the folder.
            SettingError: a port that was asked for is taken.
            BrokerError: tansu did not come up, or died.
            StackError: a process did not become ready; the message holds the end of its log.
        """
        try:
            self._cleanup.enter_context(self.folder.claim())
            self._take_ports()
            self._log = ProcessLog(self.folder.log)
            self._cleanup.callback(self._log.close)
            has_history = self.folder.clickhouse.exists()
            self._children = {role: self._child(role) for role in self._roles}
            if "judge" in self._children:
                self._say(where_texts_go(self.settings))
            if self.settings.embeddings_url:
                self._say(where_embeddings_go(self.settings))
            self._watcher.start()
            self._wait_ready()
            if has_history:
                self._end_former_alerts()
        except BaseException:
            self.stop()
            raise

    def wait(self) -> None:
        """Block until the stack is stopped.

        Raises:
            BrokerError: tansu died.
        """
        while self._watcher.is_alive():
            self._watcher.join(0.5)
        self.check()

    def check(self) -> None:
        """Raise the error that ended the stack, if one did."""
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """End all processes in order, which takes at most about half a minute. It may be called twice."""
        self._stop.set()
        if self._watcher.is_alive():
            self._watcher.join()
        self._cleanup.close()

    @property
    def info(self) -> StackInfo:
        """How to reach the stack, once it is ready."""
        pids = {name: process.pid for name, process in self._running.items()} | {"tansu": self._tansu.pid}
        api = (self._api["api_url"], self._api["api_token"])
        gateway = gateway_url(self.settings, self.settings.gateway_port) if self._with_gateway else ""
        return StackInfo(self._tansu.bootstrap, *api, pids, dict(self._started), self._metrics, gateway)

    def _take_ports(self) -> None:
        ports = choose_ports(self.settings, with_gateway=self._with_gateway)
        for note in ports.notes:
            self._say(note)
        self._tansu = Tansu(port=ports.bus)
        self._metrics = ports.metrics  # where `callgauge status` asks the workers how far they are
        self._started["stack"] = time.time()
        self.settings = local_settings(self.settings, self.folder, ports)

    def _read_api(self) -> dict[str, str]:
        try:
            api = json.loads(self.folder.api_file.read_text())
            return {"api_url": api["api_url"], "api_token": api["api_token"]}
        except (OSError, ValueError, KeyError) as error:
            raise StackError(f"the console's address cannot be read from {self.folder.api_file}: {error}") from error

    def _child(self, role: str) -> Child:
        ready_file = self.folder.ready_file(role)
        own = {"ready_file": ready_file, "notify_console": role == "notify" or self.settings.notify_console}
        own |= {"metrics_port": self._metrics.get(role, 0)}
        if role == "judge" and self.settings.judge_spent_file is None:
            own |= {"judge_spent_file": self.folder.path / "judge-spent.json"}
        env = child_environment(self.settings.model_copy(update=own)) | {"PYTHONUNBUFFERED": "1"}
        argv = self._command(role)

        def start() -> Process:
            process = spawn(argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            if process.stdout is None or process.stderr is None:  # cannot be: pipes were asked for
                raise StackError(f"{role} has no output")
            self._log.follow(role, process.stdout, self._show_alert if role == "notify" else None)
            self._log.follow(role, process.stderr)
            self._running[role] = process
            self._started[role] = time.time()
            return process

        return Child(role, start, ready_file)

    def _watch(self) -> None:
        """The supervisor thread: start the bus, start and watch the processes until told to stop, end everything."""
        try:
            self._start_bus()
            while not self._stop.is_set():
                self._tick()
                self._stop.wait(TICK_S)
        except CallgaugeError as error:
            self._failure = error
        except Exception as error:
            self._log.write("stack", traceback.format_exc())
            self._failure = StackError(f"the supervisor failed: {error!r}; see {self.folder.log}")
        finally:
            self._end_all()

    def _start_bus(self) -> None:
        self._tansu.start(stdout=subprocess.PIPE)
        self._started["tansu"] = time.time()
        if self._tansu.output is not None:
            self._log.follow("tansu", self._tansu.output)
        for difference in ensure_topics(self.settings):
            self._say(str(difference))

    def _tick(self) -> None:
        code = self._tansu.poll()
        if code is not None:
            raise BrokerError(
                f"tansu, the local bus, ended with code {code} and its log is gone with it (it is in memory): "
                f"the stack ends. What was stored is kept; start again with `callgauge up`. Log: {self.folder.log}"
            )
        for child in self._children.values():
            happened = child.tick(time.monotonic())
            if happened is not None:
                self._refresh()  # first, since whoever reads the message may look up the new pid in stack.json
                self._log.write("stack", happened)
                self._say(happened)

    def _refresh(self) -> None:
        # A process was started or has ended, so pids changed. Before stack.json is first written there is no need.
        if self.folder.stack_file.exists():
            self.folder.write_stack(self.info)

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + READY_S
        while not self._all_ready():
            if not self._watcher.is_alive():
                self.check()
                return
            self._give_up_on(time.monotonic() > deadline)
            time.sleep(TICK_S)
        self._api = self._read_api()
        self.folder.write_stack(self.info)

    def _end_former_alerts(self) -> None:
        """End what a former bus on this folder left firing. If that fails the stack runs all the same."""
        try:
            count = end_former_alerts(self.settings, self.info, round(time.time() * 1000))
        except CallgaugeError as error:
            self._say(f"alerts that the former bus left could not be ended, the next start tries again: {error}")
            return
        if count:
            self._say(f"{count} alert{'s' * (count > 1)} of the former bus ended: what they were judged by is gone")

    def _all_ready(self) -> bool:
        return all(child.ready for child in self._children.values()) and self.folder.api_file.exists()

    def _give_up_on(self, late: bool) -> None:
        for name, child in self._children.items():
            if child.crashes >= MAX_CRASHES_AT_START:
                why = f"ended {child.crashes} times"
            elif late and not child.ready:
                why = f"was not ready within {READY_S:g} s"
            else:
                continue
            raise StackError(f"{name} {why}. The end of its log ({self.folder.log}):\n{self._log.tail(name)}")
        if late:
            raise StackError(f"sinks did not write {self.folder.api_file} within {READY_S:g} s")

    def _end_all(self) -> None:
        for wave in WAVES:
            processes = [self._running[role] for role in wave if role in self._running]
            for process in processes:
                if process.poll() is None:
                    process.terminate()
            deadline = time.monotonic() + GRACE_S
            for process in processes:
                end(process, max(0.0, deadline - time.monotonic()))
        self._tansu.stop()
