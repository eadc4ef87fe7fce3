"""Finds out what a local stack does, from its folder, its processes, its bus and its metrics."""

from __future__ import annotations

import os

from callgauge.errors import BrokerError, StoreError
from callgauge.settings import Settings
from callgauge_deploy.data_dir import DataDir, StackInfo, running_stack
from callgauge_deploy.status.facts import Lag, ProcessFact, ServiceFact, StackFacts, State
from callgauge_deploy.status.log_errors import read_last_errors

__all__ = ["read_status"]


def read_status(settings: Settings) -> StackFacts:
    """The facts about the stack on the settings' data folder. The bus is asked for at most about 20 s."""
    folder = DataDir(settings.data_dir)
    info = running_stack(settings.data_dir)
    if info is None:
        return StackFacts(str(folder.path), held=folder.held(), log=str(folder.log))
    problems: list[str] = []
    return StackFacts(
        folder=str(folder.path),
        held=True,
        bus=info.bootstrap,
        store=f"chdb://{folder.clickhouse}",
        api=info.api_url,
        gateway=info.gateway_url,
        log=str(folder.log),
        processes=tuple(_processes(folder, info)),
        lags=tuple(_lags(settings, info, problems)),
        services=tuple(_services(settings, problems)),
        problems=tuple(problems),
    )


def _processes(folder: DataDir, info: StackInfo) -> list[ProcessFact]:
    errors = read_last_errors(folder.log)
    pids = {"stack": folder.holder(), **info.pids}
    return [
        ProcessFact(name, pid, _state(folder, name, pid), info.started.get(name), errors.get(name))
        for name, pid in pids.items()
    ]


def _state(folder: DataDir, name: str, pid: int | None) -> State:
    if pid is None or not _runs(pid):
        return "ended"
    # The stack is ready when stack.json is there, and the bus before that.
    ready = name in ("stack", "tansu") or folder.ready_file(name).exists()
    return "running" if ready else "starting"


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _lags(settings: Settings, info: StackInfo, problems: list[str]) -> list[Lag]:
    from callgauge_intake.group_lag import read_lags  # librdkafka, only where a stack runs
    from callgauge_intake.local_workers import unprocessed_of

    local = {"bootstrap_servers": info.bootstrap, "security_protocol": "PLAINTEXT"}
    try:
        return read_lags(settings.model_copy(update=local), unprocessed_of(info.metrics))
    except BrokerError as error:
        problems.append(str(error))
        return []


_SERVICES = "SELECT service, alive, silent, emitted, dropped, failed, on_disk FROM services ORDER BY service"


def _services(settings: Settings, problems: list[str]) -> list[ServiceFact]:
    """What the console says of them; nothing while it does not answer: whether the sinks run is told elsewhere."""
    from callgauge_history.query import ask_process  # the store's client, only where a stack runs

    try:
        found = ask_process(settings.data_dir / "stack.json", _SERVICES)
    except StoreError as error:
        problems.append(f"services: {error}")
        found = None
    return [ServiceFact(*row) for row in found.rows] if found is not None else []
