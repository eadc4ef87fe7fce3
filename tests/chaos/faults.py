"""The faults. Each is a function of the scene, and raises `NotInflicted` if it could not be done."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.chaos.crash_worker import MARK
from tests.chaos.pipeline import Role
from tests.chaos.scene import NotInflicted, Scene

__all__ = ["Fault", "crash_at", "freeze", "freeze_at", "join_and_leave", "kill", "kill_broker"]

Fault = Callable[[Scene], None]

#: At most so many passages of a point before the signal falls: each within a few seconds of work.
_PASSAGES = {"sent": 200, "stored": 30, "confirmed": 3, "committed": 3, "revoked": 1, "taken over": 2}


def kill(groups: Sequence[Sequence[str]], times: int) -> Fault:
    """kill -9 one group of processes after the other, in random order; each victim has done some work before."""

    def inflict(scene: Scene) -> None:
        order = list(groups)
        for number in range(times):
            if number % len(order) == 0:
                scene.rng.shuffle(order)
            victims = [scene.crew[name] for name in order[number % len(order)]]
            for role in victims:
                scene.wait_at_work(role)
            scene.pass_time(scene.rng.uniform(0, 1))
            for role in victims:
                role.kill()
            scene.note("kill -9", "+".join(role.name for role in victims))
            time.sleep(scene.rng.uniform(0, 0.5))
            for role in victims:
                role.start()

    return inflict


def freeze(seconds: Sequence[float]) -> Fault:
    """SIGSTOP a worker that holds partitions, for so long; another one takes them over; SIGCONT."""

    def inflict(scene: Scene) -> None:
        for for_s in seconds:
            role = scene.rng.choice(scene.crew.workers())
            scene.wait_at_work(role)
            scene.pass_time(scene.rng.uniform(0, 1))
            os.kill(role.process.pid, signal.SIGSTOP)
            _outlive(scene, role, for_s)

    return inflict


def crash_at(points: Sequence[str], times: int) -> Fault:
    """In place of `rollup1` one worker after the other kills itself, each at another named point."""

    def inflict(scene: Scene) -> None:
        scene.leave("rollup1")
        for point in list(points) * times:
            role = _start_to(scene, point, signal.SIGKILL)
            _wait_killed(scene, role)
            scene.note(f"kill -9, {point}", role.name)
            scene.crew.leave(role.name)
            _leave_joiner(scene, point)
        scene.wait_at_work(scene.crew.start("rollup1"))

    return inflict


def freeze_at(points: Sequence[str], times: int, for_s: float) -> Fault:
    """In place of `rollup1` one worker after the other freezes at another named point, and goes on `for_s` later."""

    def inflict(scene: Scene) -> None:
        scene.leave("rollup1")
        for point in list(points) * times:
            role = _start_to(scene, point, signal.SIGSTOP)
            _outlive(scene, role, for_s, point)
            scene.leave(role.name)
            _leave_joiner(scene, point)
        scene.wait_at_work(scene.crew.start("rollup1"))

    return inflict


def join_and_leave(cycles: int) -> Fault:
    """One more worker joins, counts something, and leaves by SIGTERM."""

    def inflict(scene: Scene) -> None:
        for _ in range(cycles):
            role = scene.crew.start("rollup2")
            scene.wait_at_work(role)
            scene.pass_time(scene.rng.uniform(0, 1))
            scene.leave(role.name)
            scene.note("join and leave", role.name)

    return inflict


def kill_broker(times: int, down_s: float) -> Fault:
    """kill -9 the broker; later it comes back on its log."""

    def inflict(scene: Scene) -> None:
        for _ in range(times):
            scene.pass_time(scene.rng.uniform(3, 6))
            scene.broker.kill()
            time.sleep(down_s)
            scene.broker.start()
            scene.note(f"kill -9, away for {down_s:g} s", "broker")
            scene.wait_recovered()

    return inflict


def _start_to(scene: Scene, point: str, number: signal.Signals) -> Role:
    """Start a crash worker and wait until it has reached its point."""
    name = f"rollup-{len(scene.done)}-{point.replace(' ', '-')}"
    nth = scene.rng.randint(1, _PASSAGES[point])
    scene.crew.leave_alone(name)
    command = [sys.executable, "-m", "tests.chaos.crash_worker", point, str(nth), number.name]
    role = scene.crew.start(name, command)
    if point == "revoked":
        scene.wait_at_work(role)
        scene.crew.start("rollup2")
    scene.wait(f"{name} to get to its point", lambda: _said(role.log, f"{MARK}{point}"))
    return role


def _wait_killed(scene: Scene, role: Role) -> None:
    scene.wait(f"{role.name} to be gone", lambda: not role.alive, 10)
    if (code := role.process.returncode) != -signal.SIGKILL:
        raise NotInflicted(f"{role.name} ended with code {code}")


def _leave_joiner(scene: Scene, point: str) -> None:
    if point == "revoked":
        scene.leave("rollup2")


def _outlive(scene: Scene, role: Role, for_s: float, point: str = "") -> None:
    """Wait until the other workers have taken over what a frozen one held. Then let it go on, and wait until it works
    again or was started again."""
    pid, at, where = role.process.pid, time.time(), f", {point}" if point else ""
    scene.wait(f"{role.name} to stand still", lambda: _is_stopped(pid), 10)
    scene.note(f"SIGSTOP{where}", role.name)
    scene.wait(
        f"others to take over all that {role.name} held",
        lambda: scene.progress.told_by_others(pid, at) >= set(scene.partitions),
    )
    scene.pass_time(max(at + for_s - time.time(), 0))
    if not _is_stopped(pid):
        raise NotInflicted(f"{role.name} did not stand still for {for_s:g} s")
    os.kill(pid, signal.SIGCONT)
    since = scene.note(f"SIGCONT after {for_s:g} s{where}", role.name).at
    scene.wait(f"{role.name} to be back", lambda: _back(scene, role, pid, since))


def _back(scene: Scene, role: Role, pid: int, since: float) -> bool:
    """Whether a zombie has ended, or holds partitions again."""
    spoke = any(entry.pid == pid and entry.at > since + 1 and entry.sources for entry in scene.progress.entries)
    return spoke or role.process.pid != pid or not role.alive


def _said(log: Path, text: str) -> bool:
    return log.exists() and text in log.read_text(errors="replace")


def _is_stopped(pid: int) -> bool:
    """Linux: the state after the name in /proc/<pid>/stat is T. One that has ended does not stand still."""
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "T"
