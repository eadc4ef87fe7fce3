"""The rules of the house: who may import whom, what pure code may not touch, and who reads the environment.

A package is a folder below producers/, streams/, sinks/ or deploy/. A room is a package, or a folder inside one.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SIDES = ("producers", "streams", "sinks", "deploy")
#: Module name -> its file, of all the code that is shipped.
MODULES = {
    ".".join(path.relative_to(ROOT / side).with_suffix("").parts).removesuffix(".__init__"): path
    for side in SIDES
    for path in sorted((ROOT / side).rglob("*.py"))
}

#: Package -> the packages of ours that it may import.
MAY_IMPORT: dict[str, set[str]] = {
    "callgauge": set(),
    "callgauge_load": {"callgauge"},
    "callgauge_gateway": {"callgauge"},
    "callgauge_windows": {"callgauge"},
    "callgauge_detectors": {"callgauge", "callgauge_windows"},
    "callgauge_rules": {"callgauge", "callgauge_windows", "callgauge_detectors"},
    "callgauge_quality": {"callgauge", "callgauge_windows"},
    "callgauge_streams": {
        "callgauge",
        "callgauge_windows",
        "callgauge_detectors",
        "callgauge_rules",
        "callgauge_quality",
    },
    "callgauge_intake": {"callgauge"},
    "callgauge_history": {"callgauge", "callgauge_windows", "callgauge_detectors", "callgauge_rules"},
    "callgauge_sinks": {
        "callgauge",
        "callgauge_windows",
        "callgauge_intake",
        "callgauge_history",
        "callgauge_evaluator",
    },
    "callgauge_evaluator": {
        "callgauge",
        "callgauge_actions",
        "callgauge_windows",
        "callgauge_detectors",
        "callgauge_rules",
        "callgauge_intake",
        "callgauge_history",
    },
    "callgauge_actions": {"callgauge", "callgauge_windows", "callgauge_detectors", "callgauge_rules"},
    "callgauge_notify": {
        "callgauge",
        "callgauge_actions",
        "callgauge_windows",
        "callgauge_detectors",
        "callgauge_rules",
        "callgauge_intake",
    },
}
MAY_IMPORT["callgauge_console"] = {
    "callgauge",
    "callgauge_windows",
    "callgauge_detectors",
    "callgauge_rules",
    "callgauge_actions",
    "callgauge_intake",
    "callgauge_history",
    "callgauge_evaluator",
    "callgauge_sinks",
}
MAY_IMPORT["callgauge_deploy"] = set(MAY_IMPORT)

#: The rooms of callgauge_streams, lowest first: a room imports only from those before it, and from itself.
STREAMS = ("bus", "worker", "rollup", "detect", "quality", "judge")
#: The rooms of rollup, lowest first. What lies beside them (app, config, kinds, ...) binds them together.
ROLLUP = ("tables", "reading", "folding", "rows", "source")

#: The rooms of callgauge_notify, lowest first. What lies beside them binds them together.
NOTIFY = ("routing", "grouping", "receivers", "delivery", "two_way")

#: Packages that hold no I/O.
PURE = ("callgauge_windows", "callgauge_detectors", "callgauge_rules", "callgauge_quality")
#: What does I/O, or belongs to a process.
IMPURE = {
    *("aiohttp", "aiokafka", "asyncio", "chdb", "clickhouse_connect", "confluent_kafka", "faust", "httpx", "logging"),
    *("prometheus_client", "requests", "socket", "starlette", "subprocess", "threading", "urllib", "uvicorn"),
}
#: The only files of streams that import Faust.
FAUST_FILES = {"app.py", "fetching.py", "transport.py", "takeover.py", "resumption.py"}
#: Who may touch the environment, all but the first for something else than settings.
ENVIRONMENT_FILES = {
    "producers/callgauge/settings.py",
    "streams/callgauge_streams/worker/app.py",  # refuses NO_CYTHON, which Faust reads
    "deploy/callgauge_deploy/environment.py",  # hands the environment on to child processes
    "deploy/callgauge_deploy/tansu.py",  # hands PATH and HOME on to the broker's process
}


@cache
def tree_of(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text("utf-8"))


def imports_in(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert not node.level, "imports are absolute"
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield name if name in MODULES else node.module


@cache
def imported(module: str) -> frozenset[str]:
    """What a module imports, inside functions and for typing too."""
    return frozenset(imports_in(ast.walk(tree_of(module))))


def package_of(module: str) -> str:
    return module.partition(".")[0]


def arrows_up(rooms: tuple[str, ...], prefix: str) -> dict[str, list[str]]:
    """Modules of a room -> the modules of later rooms that they import."""

    def level(module: str) -> int | None:
        room = module.removeprefix(prefix).partition(".")[0] if module.startswith(prefix) else ""
        return rooms.index(room) if room in rooms else None

    wrong: dict[str, list[str]] = {}
    for module in MODULES:
        mine = level(module)
        if mine is not None:
            up = [other for other in imported(module) if (theirs := level(other)) is not None and theirs > mine]
            if up:
                wrong[module] = sorted(up)
    return wrong


def circle_in(graph: Mapping[str, Iterable[str]]) -> list[str]:
    """One circle of a graph; empty when there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_every_package_has_its_rule() -> None:
    """A new package is added to MAY_IMPORT, or this fails."""
    assert {package_of(module) for module in MODULES} == set(MAY_IMPORT)


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_a_package_imports_only_lower_ones(package: str) -> None:
    """Imports between packages run one way, as drawn in docs/how-it-works.md."""
    allowed = MAY_IMPORT[package] | {package}
    wrong = {
        module: sorted(bad)
        for module in MODULES
        if package_of(module) == package
        and (bad := {other for other in imported(module) if package_of(other) in MAY_IMPORT.keys() - allowed})
    }
    assert not wrong


def test_packages_make_no_circle() -> None:
    """The rule itself draws none."""
    assert not circle_in({p: needs for p, needs in MAY_IMPORT.items() if p != "callgauge_deploy"})


def test_modules_make_no_circle() -> None:
    """No two modules need each other, not even inside functions."""
    assert not circle_in({module: imported(module) & MODULES.keys() - {module} for module in MODULES})


def test_a_circle_is_found() -> None:
    """The search sees one where there is one."""
    assert set(circle_in({"a": ["b"], "b": ["c"], "c": ["a"], "d": ["a"]})) == {"a", "b", "c"}


@pytest.mark.parametrize(
    ("rooms", "side", "prefix"),
    [
        (STREAMS, "streams", "callgauge_streams."),
        (ROLLUP, "streams", "callgauge_streams.rollup."),
        (NOTIFY, "sinks", "callgauge_notify."),
    ],
    ids=["callgauge_streams", "rollup", "callgauge_notify"],
)
def test_rooms_import_only_lower_ones(rooms: tuple[str, ...], side: str, prefix: str) -> None:
    """Inside callgauge_streams, rollup and callgauge_notify no import runs back up."""
    assert not arrows_up(rooms, prefix)
    folders = {path.name for path in (ROOT / side / prefix.replace(".", "/")).iterdir() if path.is_dir()}
    assert folders - {"__pycache__"} == set(rooms)


def test_detect_and_rollup_are_apart() -> None:
    """What both need lies in a lower package."""
    both = [m for m in MODULES if m.startswith(("callgauge_streams.detect", "callgauge_streams.rollup"))]
    rooms = {module: module.split(".")[1] for module in both}
    wrong = {m: sorted(bad) for m in both if (bad := {o for o in imported(m) if o in rooms and rooms[o] != rooms[m]})}
    assert not wrong


def test_grouping_of_notices_does_no_io() -> None:
    """Which alerts are told together and when is a function of alerts and the clock."""
    modules = [module for module in MODULES if module.startswith("callgauge_notify.grouping")]
    assert not {m: bad for m in modules if (bad := IMPURE & {package_of(other) for other in imported(m)})}


@pytest.mark.parametrize("package", PURE)
def test_pure_packages_do_no_io(package: str) -> None:
    """Windows, detectors and rules are functions of what they are given."""
    wrong = {
        module: sorted(bad)
        for module in MODULES
        if package_of(module) == package and (bad := IMPURE & {package_of(other) for other in imported(module)})
    }
    assert not wrong


def test_faust_is_imported_in_few_files() -> None:
    """Faust stays in the thin shell of streams."""
    wrong = [
        module
        for module, path in MODULES.items()
        if "faust" in {package_of(other) for other in imported(module)}
        and not (package_of(module) == "callgauge_streams" and path.name in FAUST_FILES)
    ]
    assert not wrong


def reads_environment(tree: ast.AST) -> bool:
    names = {"environ", "environb", "getenv", "getenvb"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id == "os" and node.attr in names:
                return True
        elif isinstance(node, ast.ImportFrom) and node.module == "os" and names & {a.name for a in node.names}:
            return True
    return False


def test_only_settings_read_the_environment() -> None:
    """Everything else is given what it needs."""
    found = {str(path.relative_to(ROOT)) for module, path in MODULES.items() if reads_environment(tree_of(module))}
    assert found <= ENVIRONMENT_FILES


def test_every_folder_says_what_it_holds() -> None:
    """The first line of a package or room tells a newcomer whether to open it."""
    silent = [
        name for name, path in MODULES.items() if path.name == "__init__.py" and not ast.get_docstring(tree_of(name))
    ]
    assert not silent
