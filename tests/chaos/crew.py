"""The processes of a run, with their supervisor: it starts again a process that ended with an error, and counts
that."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from callgauge.settings import Settings
from callgauge_deploy.process import end, tail
from tests.chaos.pipeline import Role, role_command

__all__ = ["Crew", "Restart"]

_LEAVE_S = 20.0
_MOST_RESTARTS = 40


@dataclass(frozen=True)
class Restart:
    """A process that ended by itself."""

    role: str
    code: int
    last_line: str


class Crew:
    """Named processes. Enter it, add to it; at the end all have ended."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._roles: dict[str, Role] = {}
        self._left_alone: set[str] = set()
        self._stack = ExitStack()
        self.restarts: list[Restart] = []

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def __getitem__(self, name: str) -> Role:
        return self._roles[name]

    def start(self, name: str, command: Sequence[str] | None = None) -> Role:
        """A role of this name ("rollup1": a rollup worker), started; another program in its place if so asked."""
        role = Role(name, self._settings, command or role_command(name.rstrip("0123456789")))
        self._roles[name] = self._stack.enter_context(role)
        return role

    def workers(self) -> list[Role]:
        """The rollup workers."""
        return [role for name, role in self._roles.items() if name.startswith("rollup")]

    def leave(self, name: str) -> int:
        """End a process by SIGTERM, as a deployment does. Returns the exit code; -9 if it took too long."""
        return end(self._roles.pop(name).process, _LEAVE_S)

    def leave_alone(self, name: str) -> None:
        """Do not start this process again: a fault is about to end it."""
        self._left_alone.add(name)

    def tend(self) -> None:
        """Start every process again that ended with an error.

        Raises:
            RuntimeError: something ended without one, or things end again and again.
        """
        for name, role in self._roles.items():
            if role.alive or name in self._left_alone:
                continue
            code = role.wait(0)
            self.restarts.append(Restart(name, code, tail(role.log, 1)))
            if code == 0 or len(self.restarts) > _MOST_RESTARTS:
                raise RuntimeError(f"{name} ended with code {code}, restart {len(self.restarts)}:\n{tail(role.log)}")
            role.start()
