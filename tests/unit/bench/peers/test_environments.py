"""The peers' environments."""

import sys
from pathlib import Path

import pytest

from tests.bench.peers import environments
from tests.bench.peers.environments import PINS, Environment, EnvironmentFailed, environment_of
from tests.bench.peers.jars import JarsMissing, runs_in_jvm
from tests.bench.peers.result import ONE_SET, OURS
from tests.bench.peers.run import REQUIRED, SHARES, WARM_UP, parse


def test_every_requirement_is_pinned() -> None:
    """A comparison names what it compared with."""
    assert all("==" in requirement for pins in PINS.values() for requirement in pins)


def test_limits_run_in_our_own_environment(tmp_path: Path) -> None:
    """Nothing is made for them."""
    assert environment_of("confluent_consume", tmp_path) == Environment(Path(sys.executable))
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
    assert environment_of("bytewax", tmp_path) == environment_of("bytewax", tmp_path) == Environment(python)
    assert len(made) == 2  # the environment and its packages, once
    monkeypatch.setitem(PINS, "bytewax", ("bytewax==0.0.0",))
    environment_of("bytewax", tmp_path)
    assert len(made) == 4


def test_what_pip_said_is_the_reason(tmp_path: Path) -> None:
    """When an environment cannot be made."""
    (tmp_path / "bytewax").write_text("a file where the folder should be")
    with pytest.raises(EnvironmentFailed, match="bytewax"):
        environment_of("bytewax", tmp_path)


def test_a_peer_in_a_jvm_has_its_jars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kafka Streams needs nothing else."""
    monkeypatch.setattr(environments, "jars_of", lambda name, folder: folder / name)
    found = environment_of("kafka_streams", tmp_path)
    assert found == Environment(Path(sys.executable), tmp_path / "jars" / "kafka_streams")


def test_a_machine_without_java_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything else is fetched."""

    def missing(name: str, folder: Path) -> Path:
        raise JarsMissing(f"{name} needs Java")

    monkeypatch.setattr(environments, "jars_of", missing)
    with pytest.raises(EnvironmentFailed, match="flink_sql needs Java"):
        environment_of("flink_sql", tmp_path)


def test_the_readers_are_those_of_the_comparison() -> None:
    """Ours, two limits and a program for each other one; the environments are theirs."""
    programs = Path(environments.__file__).parent
    assert set(PINS) <= set(SHARES)
    assert all((programs / f"{name}.py").exists() for name in set(SHARES) - {OURS, ONE_SET})
    assert set(REQUIRED) == {name for name in SHARES if name not in PINS and not runs_in_jvm(name)}
    assert parse([]).only is None
    assert parse([]).series is None


def test_no_reader_stops_before_it_is_warm() -> None:
    """What is counted is at least as long as the warming up."""
    assert all(share >= 2 * WARM_UP for name, share in SHARES.items() if runs_in_jvm(name))
