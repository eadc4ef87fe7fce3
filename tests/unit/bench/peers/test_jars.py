"""The jars of peers that run in a JVM."""

import shutil
from pathlib import Path

import pytest

from tests.bench.peers import jars
from tests.bench.peers.jars import SOURCES, JarsMissing, jars_of, runs_in_jvm


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Commands that would have been run; Maven's makes the folder it is told."""
    commands: list[list[str]] = []

    def run(argv: list[str]) -> None:
        commands.append(argv)
        if argv[0] == "mvn":
            Path(argv[-1].partition("=")[2]).mkdir()

    monkeypatch.setattr(jars, "_run", run)
    monkeypatch.setattr(jars, "missing_programs", list)
    monkeypatch.setattr(shutil, "which", lambda program: f"/usr/bin/{program}")
    return commands


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The sources of a peer."""
    folder = tmp_path / "sources" / "peer"
    folder.mkdir(parents=True)
    (folder / "pom.xml").write_text("<project/>")
    (folder / "Program.java").write_text("class Program {}")
    monkeypatch.setattr(jars, "SOURCES", tmp_path / "sources")
    return folder / "Program.java"


def test_peers_with_a_pom_run_in_a_jvm() -> None:
    """And no others."""
    assert {path.name for path in SOURCES.iterdir()} == {"flink_sql", "kafka_streams"}
    assert [runs_in_jvm(name) for name in ("flink_sql", "kafka_streams", "clickhouse")] == [True, True, False]


def test_every_version_is_named() -> None:
    """A comparison names what it compared with."""
    poms = [path.read_text() for path in SOURCES.glob("*/pom.xml")]
    assert all(pom.count("<dependency>") == pom.count("</version>") - 1 > 0 for pom in poms)
    assert not any("${" in pom or "LATEST" in pom or "RELEASE" in pom for pom in poms)


def test_jars_are_made_again_only_when_their_sources_change(
    made: list[list[str]], program: Path, tmp_path: Path
) -> None:
    """Fetched and compiled once."""
    first = jars_of("peer", tmp_path / "jars")
    assert jars_of("peer", tmp_path / "jars") == first
    assert [argv[0] for argv in made] == ["mvn", "javac"]
    assert made[1][-1] == str(program)
    program.write_text("class Program { int changed; }")
    assert jars_of("peer", tmp_path / "jars") != first
    assert len(made) == 4


def test_what_is_missing_is_named(program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of Java, Maven and the compiler."""
    monkeypatch.setattr(jars, "missing_programs", lambda: ["java", "mvn"])
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(JarsMissing, match=r"peer needs a JDK .* and Maven; not found: java, mvn, javac"):
        jars_of("peer", tmp_path / "jars")


def test_what_maven_said_is_the_reason(program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing is left that could be taken for jars."""
    tool = tmp_path / "mvn"
    tool.write_text("#!/bin/sh\necho cannot resolve\nexit 1\n")
    tool.chmod(0o755)
    monkeypatch.setattr(jars, "missing_programs", list)
    monkeypatch.setattr(shutil, "which", lambda program: f"/usr/bin/{program}")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(JarsMissing, match=r"(?s)mvn failed:\ncannot resolve"):
        jars_of("peer", tmp_path / "jars")
    assert list((tmp_path / "jars").iterdir()) == []
