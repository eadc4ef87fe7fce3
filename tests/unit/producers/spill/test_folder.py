"""The folder of spill files: whose they are, in which order they go, and how much there may be."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from callgauge.spill.folder import SEGMENT_BYTES, SpillFolder
from callgauge.spill.records import read_lines
from callgauge.transport import Outbound
from tests.forked import Child

PLENTY = 1 << 30


def message(text: str, size: int = 0) -> Outbound:
    return Outbound("calls", text.encode(), b'"' + b"x" * size + b'"')


def keys_in(folder: SpillFolder) -> list[str]:
    """The keys of all that waits, in the order in which it will be sent."""
    return [found.key.decode() for path in folder.files for found in read_lines(path.read_bytes())[0]]


def test_order(tmp_path: Path) -> None:
    """What is appended goes last, what came back from the transport first, each time before what came before."""
    folder = SpillFolder(tmp_path / "new" / "folder", PLENTY)
    assert folder.append([message("c"), message("d")])
    assert folder.append([message("e")])
    assert folder.put_first([message("b")])
    assert folder.append([message("f")])
    assert folder.put_first([message("a")])
    assert keys_in(folder) == ["a", "b", "c", "d", "e", "f"]
    assert sorted(folder.files) == list(folder.files)
    folder.close()


def test_files_are_the_users_alone(tmp_path: Path) -> None:
    """Calls name users and features."""
    folder = SpillFolder(tmp_path / "spill", PLENTY)
    folder.append([message("a")])
    assert (tmp_path / "spill").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "spill").iterdir()} == {0o600}
    folder.close()


def test_the_limit_is_of_all_processes(tmp_path: Path) -> None:
    """A file is begun only when it fits beside what everybody has written; there is room again when one is sent."""
    first, second = (SpillFolder(tmp_path, 3 * SEGMENT_BYTES) for _ in range(2))
    big = [message("x", SEGMENT_BYTES - 100)]
    assert first.append(big)
    assert second.append(big)
    assert first.append(big)
    assert not second.append(big)
    assert not first.put_first(big)
    assert sum(path.stat().st_size for path in tmp_path.glob("*.spill")) <= 3 * SEGMENT_BYTES
    first.seal()
    first.remove(first.files[0])
    assert second.append(big)
    for folder in (first, second):
        folder.close()


def test_the_files_of_the_living_are_left_alone(tmp_path: Path) -> None:
    """Those of an owner that is gone are taken over, once, before one's own; in the end nothing is left of it."""
    folders = [SpillFolder(tmp_path, PLENTY) for _ in range(3)]
    folders[0].append([message("old 1")])
    folders[0].put_first([message("old 0")])
    folders[1].append([message("new")])
    assert not folders[1].adopt()
    folders[0].close()
    assert len(folders[1].adopt()) == 2
    assert not folders[2].adopt()
    assert keys_in(folders[1]) == ["old 0", "old 1", "new"]
    folders[1].seal()
    for path in list(folders[1].files):
        folders[1].remove(path)
    folders[1].close()
    assert not list(tmp_path.iterdir())


def test_files_without_a_lock_are_found(tmp_path: Path) -> None:
    """Somebody has tidied up the locks, or copied files here from another machine."""
    folder = SpillFolder(tmp_path, PLENTY)
    folder.append([message("a")])
    folder.close()
    for lock in tmp_path.glob("*.lock"):
        lock.unlink()
    (tmp_path / "README").write_text("not ours")
    other = SpillFolder(tmp_path, PLENTY)
    assert len(other.adopt()) == 1
    assert keys_in(other) == ["a"]
    other.close()


KILLED = """
import os, signal, sys
from pathlib import Path
from callgauge.spill.folder import SpillFolder
from callgauge.transport import Outbound

folder = SpillFolder(Path(sys.argv[1]), 1 << 30)
folder.append([Outbound("calls", b"k", b"{}")] * 3)
os.write(folder._writing, b"1234 torn")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_kill_9_leaves_all_that_was_written(tmp_path: Path) -> None:
    """The next process finds it; the torn line is told."""
    ended = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert ended.returncode == -signal.SIGKILL
    folder = SpillFolder(tmp_path, PLENTY)
    (path,) = folder.adopt()
    found, damaged = read_lines(path.read_bytes())
    assert (len(found), damaged) == (3, 1)
    folder.close()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_has_files_of_its_own(tmp_path: Path) -> None:
    """It does not hold its parent's lock either: when the parent is gone, its files are taken over."""
    folder = SpillFolder(tmp_path, PLENTY)
    folder.append([message("parent's")])
    reading, writing = os.pipe()

    def keep() -> str:
        folder.reset_in_child()
        folder.append([message("child's")])
        os.read(reading, 1)
        return " ".join(keys_in(folder))

    child = Child(keep)
    folder.close()
    other = SpillFolder(tmp_path, PLENTY)
    until_adopted: Callable[[], list[Path]] = other.adopt
    while not until_adopted():  # the child may not have come to its reset yet
        pass
    assert keys_in(other) == ["parent's"]
    os.write(writing, b"!")
    assert child.result() == "child's"
    other.adopt()
    assert sorted(keys_in(other)) == ["child's", "parent's"]
    other.close()
    os.close(reading)
    os.close(writing)


def test_a_full_disk_leaves_no_half_of_a_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What could not be written whole is taken back: it is still in memory, and must not come twice."""
    folder = SpillFolder(tmp_path, PLENTY)
    folder.append([message("a")])
    write = os.write

    def half(file: int, data: bytes) -> int:
        if len(data) < 40:
            raise OSError(28, "No space left on device")
        return write(file, data[:20])

    monkeypatch.setattr(os, "write", half)
    for put in (folder.append, folder.put_first):
        with pytest.raises(OSError, match="No space"):
            put([message("b", 20)])
    monkeypatch.setattr(os, "write", write)
    folder.append([message("c")])
    assert keys_in(folder) == ["a", "c"]
    assert len(folder.files) == len(list(tmp_path.glob("*.spill"))) == 2
    folder.close()
