"""Knows which optional parts of the distribution (extras) each subcommand needs."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["ALL", "EXTRAS", "extras_of", "how_to_install"]

#: Everything.
ALL = "local"
#: Subcommand -> the extras that it needs, as pip takes them. `cli` is the command itself.
EXTRAS = {
    "up": ALL,
    "demo": ALL,
    "status": "cli",
    "topics": "cli",
    "replay": "cli",
    "load": "cli,load",
    "settings": "cli",
    "rollup": "cli,streams",
    "detect": "cli,streams",
    "quality": "cli,quality,sinks",
    "judge": "cli,quality",
    "eval": "cli,quality",
    "reaggregate": "cli,streams",
    "sinks": "cli,sinks",
    "console": "cli,console",
    "console-key": "cli,console",
    "notify": "cli,notify",
    "query": "cli,sinks",
    "completeness": "cli,sinks",
    "dead": "cli,sinks,streams",
    "alerts": "cli,sinks",
    "windows": "cli,streams",
    "top": "cli,sinks",
    "dashboard": "cli,sinks",
    "evaluator": "cli,evaluator",
    "budget": "cli,evaluator",
    "mark": "cli,sinks,analysis",
    "experiment": "cli,sinks,analysis",
    "reprice": "cli,sinks,prices",
    "erase": "cli,sinks",
    "review": "cli,sinks,analysis",
    "prices": "cli,prices",
    "gateway": "cli,gateway",
    "gateway-key": "cli,gateway",
}


def extras_of(arguments: Sequence[str]) -> str:
    """The extras that a command line needs; all of them if it names no subcommand that is known.

    >>> extras_of(["rollup", "--help"]), extras_of(["--version"])
    ('cli,streams', 'local')
    """
    names = [argument for argument in arguments if not argument.startswith("-")]
    return EXTRAS.get(names[0], ALL) if names else ALL


def how_to_install(module: str, arguments: Sequence[str]) -> str:
    """What to say when a module that a command line needs is missing."""
    return f"{module} is not installed: pip install 'callgauge[{extras_of(arguments)}]'"
