"""One stack per folder; others find the one that lives, never one that died."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from callgauge_deploy.data_dir import DataDir, StackInfo, StackRunning, running_stack

INFO = StackInfo("127.0.0.1:19092", "http://127.0.0.1:18080", "secret", {"rollup": 7})


def test_nothing_runs_on_an_unknown_folder(tmp_path: Path) -> None:
    """Asking makes nothing."""
    assert running_stack(tmp_path / "none") is None
    assert not (tmp_path / "none").exists()


def test_what_is_written_is_found(tmp_path: Path) -> None:
    """While the folder is held, stack.json is read back; its token is for the owner alone."""
    folder = DataDir(tmp_path / "data")
    with folder.claim():
        assert running_stack(folder.path) is None
        folder.write_stack(INFO)
        assert running_stack(folder.path) == INFO
        assert stat.S_IMODE(folder.stack_file.stat().st_mode) == 0o600
    assert running_stack(folder.path) is None


def test_one_holder_at_a_time(tmp_path: Path) -> None:
    """The second is refused and told what to do; the first keeps what it wrote."""
    folder = DataDir(tmp_path)
    with folder.claim():
        folder.write_stack(INFO)
        with pytest.raises(StackRunning, match="Ctrl-C"), DataDir(tmp_path).claim():
            pass
        assert running_stack(tmp_path) == INFO


def test_the_leftovers_of_a_killed_stack_count_for_nothing(tmp_path: Path) -> None:
    """Files without a lock: no stack is found, and the next one removes them."""
    folder = DataDir(tmp_path)
    (tmp_path / "run").mkdir()
    folder.write_stack(INFO)
    folder.api_file.write_text("{}")
    folder.ready_file("rollup").touch()
    assert running_stack(tmp_path) is None
    with folder.claim():
        assert not folder.stack_file.exists()
        assert not folder.api_file.exists()
        assert not folder.ready_file("rollup").exists()
