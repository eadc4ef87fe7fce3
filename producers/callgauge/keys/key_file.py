"""A file of keys: YAML, or JSON, with a line for each.

    keys:
      - {id: 3f9a01c2, sha256: 9f86d081..., until: 2027-01-01, note: ...}

What a key allows stands in further parts of its line, which the caller reads. To change a key, add the new one, move
whoever uses the old one, take the old line out. The file is read again when it changes; one that cannot be read leaves
the keys as they were, and is told in the log.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Generic, TypeVar

import yaml

from callgauge.errors import SettingError
from callgauge.keys.key_hash import id_of, matches
from callgauge.printable import printable

__all__ = ["Kept", "KeyFile", "KeyKind", "end_of", "read_keys"]

log = logging.getLogger(__name__)

T = TypeVar("T")

_HASH = re.compile(r"[0-9a-f]{64}")
_ID = re.compile(r"[0-9a-f]{8}")
_PARTS = {"id", "sha256", "until", "note"}
_MOST_BYTES = 1_000_000
#: How often at most it is looked whether the file has changed, in seconds.
LOOK_S = 2.0


@dataclass(frozen=True)
class KeyKind(Generic[T]):
    """What keys of a kind have besides id, hash and end.

    Attributes:
        parts: the names of these parts.
        grant_of: reads what the key allows from its line; raises SettingError, its message begins with the second
            argument.
        setting: the variable that names the file.
        maker: the command that makes such keys.
    """

    parts: frozenset[str]
    grant_of: Callable[[Mapping[str, Any], str], T]
    setting: str
    maker: str


@dataclass(frozen=True)
class Kept(Generic[T]):
    """One line of the file."""

    sha256: str
    grant: T
    until: float
    """Epoch seconds; it is no key any more from then on."""


class KeyFile(Generic[T]):
    """The keys in force.

    Args:
        clock: epoch seconds.
    """

    def __init__(self, path: Path, kind: KeyKind[T], clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._kind = kind
        self._clock = clock
        self._keys = read_keys(path, kind)
        self._stamp = _stamp(path)
        self._looked = clock()

    def grant_of(self, key: str) -> T | None:
        """What a key allows; None if it is none, or no more."""
        now = self._clock()
        if not 0 <= now - self._looked < LOOK_S:
            self._looked = now
            self._look()
        kept = self._keys.get(id_of(key))
        if kept is None or not matches(key, kept.sha256) or now >= kept.until:
            return None
        return kept.grant

    def _look(self) -> None:
        stamp = _stamp(self._path)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._keys = read_keys(self._path, self._kind)
            log.info("%s was read again: %d keys", self._path, len(self._keys))
        except SettingError as error:
            log.error("%s; the keys stay as they were", error)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def read_keys(path: Path, kind: KeyKind[T]) -> Mapping[str, Kept[T]]:
    """Id -> key.

    Raises:
        SettingError: the file cannot be used; the message says what is wrong with which key.
    """
    keys: dict[str, Kept[T]] = {}
    parts = _PARTS | kind.parts
    for number, entry in enumerate(_entries(path, kind), 1):
        where = f"{path}, key {number}"
        if not isinstance(entry, dict) or not entry.keys() <= parts:
            named = ", ".join(["id", *sorted(kind.parts), "sha256"])
            raise SettingError(f"{where}: a key has {named}, and perhaps until and note, and nothing else")
        own_id, kept = entry.get("id"), entry.get("sha256")
        if not isinstance(own_id, str) or not _ID.fullmatch(own_id):
            raise SettingError(f"{where}: id is eight hex digits in quotes, as `{kind.maker}` prints it")
        if not isinstance(kept, str) or not _HASH.fullmatch(kept):
            raise SettingError(f"{where}: sha256 is 64 hex digits in quotes, as `{kind.maker}` prints it")
        if own_id in keys:
            raise SettingError(f"{where}: the id {own_id} is there twice")
        keys[own_id] = Kept(kept, kind.grant_of(entry, where), end_of(entry.get("until"), where))
    return keys


def _entries(path: Path, kind: KeyKind[T]) -> list[Any]:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise SettingError(f"{path}: {error.strerror}; {kind.setting} names a file of keys: `{kind.maker}`") from error
    if len(raw) > _MOST_BYTES:
        raise SettingError(f"{path}: more than {_MOST_BYTES:,} bytes are no file of keys")
    try:
        found = yaml.safe_load(raw)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise SettingError(f"{path}: this is no YAML: {printable(' '.join(str(error).split())[:200])}") from None
    keys = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(keys, list):
        raise SettingError(f"{path}: it begins with `keys:`, and below it a list, each key beginning with `- `")
    return keys


def end_of(given: Any, where: str) -> float:
    """Until when a key holds, in epoch seconds, of what stands under `until`.

    Raises:
        SettingError: it is no day and no time; the message begins with `where`.
    """
    if given is None:
        return float("inf")
    if isinstance(given, str):
        try:
            given = datetime.fromisoformat(given)
        except ValueError:
            given = None
    if isinstance(given, datetime):
        return (given if given.tzinfo else given.replace(tzinfo=UTC)).timestamp()
    if isinstance(given, date):
        return datetime(given.year, given.month, given.day, tzinfo=UTC).timestamp()
    raise SettingError(f"{where}: it ends on a day such as 2027-01-31, or a time such as 2027-01-31T12:00Z")
