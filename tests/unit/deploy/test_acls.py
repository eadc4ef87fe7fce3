"""The table of what each process may do is the one in the docs, and its commands can be run."""

from __future__ import annotations

from pathlib import Path

import pytest

from callgauge.settings import load_settings
from callgauge_deploy.acls import MEANING, ROLES, acl_table, commands, grants_of
from callgauge_sinks.specs import NAMES

ROOT = Path(__file__).parents[3]


def test_the_page_has_the_table() -> None:
    """docs/security.md is made from the code: `python -m callgauge_deploy.acls`."""
    assert acl_table() in (ROOT / "docs" / "security.md").read_text("utf-8")
    assert set(MEANING) == set(ROLES)


def test_every_sink_has_its_group_and_topic() -> None:
    """A new sink must be let in."""
    settings = load_settings()
    grants = grants_of("sinks", settings)
    assert {settings.group(f"sink-{name}") for name in NAMES} == {g.name for g in grants if g.resource == "group"}
    assert {getattr(settings.topics, name).name for name in NAMES} <= {g.name for g in grants if "Read" in g.operations}


@pytest.mark.parametrize("role", ROLES)
def test_commands_grant_the_same(role: str) -> None:
    """One for each resource, under the prefixes of the settings."""
    settings = load_settings(topic_prefix="x", group_prefix="y")
    lines = list(commands(role, "User:me", settings))
    assert len(lines) == len(grants_of(role, settings))
    assert all(line.startswith("kafka-acls.sh --bootstrap-server 127.0.0.1:9092 ") for line in lines)
    assert all(" --allow-principal User:me --operation " in line for line in lines)
    assert not any("llm." in line or "callgauge-" in line for line in lines)


def test_a_service_may_only_write() -> None:
    """And only its own topics."""
    settings = load_settings()
    assert {(g.resource, g.operations) for g in grants_of("producer", settings)} == {("topic", ("Write",))}
    names = {g.name for g in grants_of("producer", settings)}
    assert names == {"llm.calls", "llm.scores", "llm.content", "llm.heartbeats"}
