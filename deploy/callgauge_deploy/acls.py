"""What each process may do on the bus, for Kafka's access control lists.

    python -m callgauge_deploy.acls                          # the table of docs/security.md
    python -m callgauge_deploy.acls rollup User:callgauge    # the commands that grant it, under the settings in force

Write and Read bring Describe with them, as Kafka has it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from callgauge.settings import Settings, load_settings

__all__ = ["ROLES", "Grant", "acl_table", "commands", "grants_of"]


class Grant(NamedTuple):
    """The operations that are allowed on one resource."""

    resource: Literal["topic", "group"]
    name: str
    operations: tuple[str, ...]
    prefixed: bool = False
    """Whether it is for every resource whose name begins like this."""


#: Role -> (which resources, by their names in `Topics` or as roles of groups, what it may do with them).
ROLES: dict[str, tuple[tuple[str, str, tuple[str, ...]], ...]] = {
    "producer": (("topic", "calls scores content heartbeats", ("Write",)),),
    "marker": (("topic", "rules", ("Write",)),),
    "gateway": (("topic", "calls scores rules dead", ("Write",)),),
    "topics": (("topic", "*", ("Create", "Describe", "DescribeConfigs")),),
    "rollup": (
        ("topic", "calls scores", ("Read",)),
        ("topic", "windows", ("Write",)),
        ("group", "rollup", ("Read",)),
        ("group", "reader", ("Read",)),
    ),
    "detect": (
        ("topic", "windows rules", ("Read",)),
        ("topic", "alerts dead", ("Write",)),
        ("topic", "alerts_current detect_state", ("Read", "Write")),
        ("topic", "calls scores", ("Describe",)),
        ("group", "detect", ("Read",)),
        ("group", "reader", ("Read",)),
    ),
    "quality": (
        ("topic", "content calls", ("Read",)),
        ("topic", "scores", ("Write",)),
        ("group", "quality", ("Read",)),
        ("group", "reader", ("Read",)),
    ),
    "judge": (
        ("topic", "content", ("Read",)),
        ("topic", "scores calls", ("Write",)),
        ("group", "judge", ("Read",)),
        ("group", "reader", ("Read",)),
    ),
    "sinks": (
        ("topic", "calls scores content heartbeats windows alerts rules", ("Read",)),
        ("topic", "dead", ("Read", "Write")),
        ("group", "sink-calls sink-scores sink-content sink-heartbeats sink-windows sink-alerts", ("Read",)),
        ("group", "sink-rules sink-dead", ("Read",)),
    ),
    "evaluator": (
        ("topic", "rules", ("Read",)),
        ("topic", "alerts", ("Read", "Write")),
        ("topic", "calls scores", ("Describe",)),
        ("group", "evaluator", ("Read",)),
        ("group", "reader", ("Read",)),
    ),
    "notify": (
        ("topic", "windows heartbeats", ("Read",)),
        ("topic", "alerts notified", ("Read", "Write")),
        ("topic", "dead", ("Write",)),
        ("group", "notify", ("Read",)),
        ("group", "detect", ("Describe",)),
        ("group", "reader", ("Read",)),
    ),
    "console": (
        ("topic", "calls content heartbeats windows dead", ("Read",)),  # only their ends, for the lag
        ("topic", "alerts scores rules", ("Read", "Write")),
        ("group", "*", ("Describe",)),
        ("group", "reader", ("Read",)),
    ),
    "operator": (
        ("topic", "*", ("Read",)),
        ("topic", "calls scores alerts rules", ("Write",)),
        ("group", "*", ("Read",)),
    ),
}
#: What a role is, in the table.
MEANING = {
    "producer": "a service with the SDK",
    "marker": "besides, a service that calls `gauge.mark`",
    "gateway": "`callgauge gateway`",
    "topics": "`callgauge topics`",
    "rollup": "`callgauge rollup`",
    "detect": "`callgauge detect`",
    "quality": "`callgauge quality`",
    "judge": "`callgauge judge`",
    "sinks": "`callgauge sinks`",
    "evaluator": "`callgauge evaluator` (beside an embedded store, `callgauge sinks` needs this too)",
    "notify": "`callgauge notify`",
    "console": "`callgauge console`; with an embedded store, the sinks have its rights too",
    "operator": "a person: `callgauge status`, `windows`, `alerts`, `mark`, `rules push`, `dead resend`, `reaggregate`",
}


def grants_of(role: str, settings: Settings) -> list[Grant]:
    """What a role may do, under the topic and group prefixes of these settings."""
    return [
        Grant("topic" if resource == "topic" else "group", name, operations, (resource, names) == ("group", "*"))
        for resource, names, operations in ROLES[role]
        for name in _named(resource, names, settings)
    ]


def commands(role: str, principal: str, settings: Settings) -> Iterator[str]:
    """The commands of Kafka's own tool that grant it to a principal."""
    for grant in grants_of(role, settings):
        operations = " ".join(f"--operation {operation}" for operation in grant.operations)
        pattern = " --resource-pattern-type prefixed" if grant.prefixed else ""
        yield (
            f"kafka-acls.sh --bootstrap-server {settings.bootstrap_servers} --command-config admin.properties --add "
            f"--allow-principal {principal} {operations} --{grant.resource} {grant.name}{pattern}"
        )


def acl_table() -> str:
    """A markdown table of all roles, by the default names."""
    settings = load_settings(topic_prefix="llm", group_prefix="callgauge")
    lines = ["| Process | Topics | Groups |", "|---|---|---|"]
    for role in ROLES:
        grants = grants_of(role, settings)
        cells = [_cell(grant for grant in grants if grant.resource == resource) for resource in ("topic", "group")]
        lines.append(f"| {role}: {MEANING[role]} | {cells[0]} | {cells[1]} |")
    return "\n".join(lines) + "\n"


def _named(resource: str, names: str, settings: Settings) -> list[str]:
    if resource == "group":
        return [settings.group("" if role == "*" else role) for role in names.split()]
    if names == "*":
        return [topic.name for topic in settings.topics.all()]
    return [getattr(settings.topics, name).name for name in names.split()]


def _cell(grants: Iterable[Grant]) -> str:
    by_operations: dict[tuple[str, ...], list[str]] = {}
    for grant in grants:
        by_operations.setdefault(grant.operations, []).append(f"`{grant.name}{'*' if grant.prefixed else ''}`")
    return "; ".join(f"{', '.join(operations)}: {' '.join(names)}" for operations, names in by_operations.items())


if __name__ == "__main__":
    if sys.argv[1:]:
        print("\n".join(commands(sys.argv[1], sys.argv[2], load_settings())))
    else:
        print(acl_table(), end="")
