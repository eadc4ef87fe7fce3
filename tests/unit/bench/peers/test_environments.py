"""The peers' environments."""

import sys
from pathlib import Path

import pytest

from tests.bench.peers import environments
from tests.bench.peers.environments import PINS, EnvironmentFailed, python_of
from tests.bench.peers.run import REQUIRED, SHARES, parse


def test_every_requirement_is_pinned() -> None:
    """A comparison names what it compared with."""
    assert all("==" in requirement for pins in PINS.values() for requirement in pins)


def test_limits_run_in_our_own_environment(tmp_path: Path) -> None:
    """Nothing is made for them."""
    assert python_of("confluent_consume", tmp_path) == Path(sys.executable)
    assert list(tmp_path.iterdir()) == []


def test_an_environment_is_used_again_while_its_pins_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Making it is what takes time."""
    made: list[list[str]] = []
    python = tmp_path / "bytewax" / "bin" / "python"

    def make(argv: list[str]) -> None:
        made.append(argv)
        python.parent.mkdir(parents=True, exist_ok=True)
        python.touch()

    monkeypatch.setattr(environments, "_run", make)
    assert python_of("bytewax", tmp_path) == python_of("bytewax", tmp_path) == python
    assert len(made) == 2  # the environment and its packages, once
    monkeypatch.setitem(PINS, "bytewax", ("bytewax==0.0.0",))
    python_of("bytewax", tmp_path)
    assert len(made) == 4


def test_what_pip_said_is_the_reason(tmp_path: Path) -> None:
    """When an environment cannot be made."""
    (tmp_path / "bytewax").write_text("a file where the folder should be")
    with pytest.raises(EnvironmentFailed, match="bytewax"):
        python_of("bytewax", tmp_path)


def test_the_readers_are_those_of_the_comparison() -> None:
    """Ours, two limits and a program for each other one; the environments are theirs."""
    programs = Path(environments.__file__).parent
    assert set(PINS) <= set(SHARES)
    assert all((programs / f"{name}.py").exists() for name in set(SHARES) - {"callgauge"})
    assert set(REQUIRED) == set(SHARES) - set(PINS)
    assert parse([]).only is None
