"""The file of the gateway's keys (`callgauge.keys.key_file`): for which services each may speak.

keys:
  - {id: 3f9a01c2, service: chat, sha256: 9f86d081..., until: 2027-01-01}
  - {id: 77aa10b4, service: [chat, search], sha256: ...}   # for both; the first is that of events that name none
  - {id: 0c3de511, service: "*", sha256: ...}              # for all: a collector, a proxy
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from callgauge.errors import SettingError
from callgauge.keys import key_file
from callgauge_gateway.guard.scope import Scope

__all__ = ["KeyFile", "read_keys"]


def _scope(entry: Mapping[str, Any], where: str) -> Scope:
    given: Any = entry.get("service")
    names: list[Any] = given if isinstance(given, list) else [given]
    if not names or not all(isinstance(name, str) and 0 < len(name) <= 256 for name in names):
        raise SettingError(f'{where}: service is a name, a list of names, or "*" for all')
    return Scope() if names == ["*"] else Scope(frozenset(names), names[0])


_KIND = key_file.KeyKind(
    parts=frozenset({"service"}),
    grant_of=_scope,
    setting="CALLGAUGE_GATEWAY_KEYS_FILE",
    maker="callgauge gateway-key new",
)


class KeyFile:
    """The keys in force.

    Args:
        clock: epoch seconds.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._keys = key_file.KeyFile(path, _KIND, clock)

    def scope_of(self, key: str) -> Scope | None:
        """What a key allows; None if it is none, or no more."""
        return self._keys.grant_of(key)


def read_keys(path: Path) -> Mapping[str, key_file.Kept[Scope]]:
    """Id -> key. Raises SettingError as `callgauge.keys.key_file.read_keys`."""
    return key_file.read_keys(path, _KIND)
