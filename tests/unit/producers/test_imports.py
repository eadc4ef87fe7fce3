"""Who may import what, and who may read the environment."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import callgauge

ROOT = Path(__file__).parents[3]
PACKAGES = {
    "callgauge": ROOT / "producers" / "callgauge",
    "callgauge_streams": ROOT / "streams" / "callgauge_streams",
    "callgauge_sinks": ROOT / "sinks" / "callgauge_sinks",
    "callgauge_deploy": ROOT / "deploy" / "callgauge_deploy",
}
#: Package -> packages of ours that it may not import.
FORBIDDEN = {
    "callgauge": {"callgauge_streams", "callgauge_sinks", "callgauge_deploy"},
    "callgauge_streams": {"callgauge_sinks", "callgauge_deploy"},
    "callgauge_sinks": {"callgauge_streams", "callgauge_deploy"},
    "callgauge_deploy": set[str](),
}
#: The only files, in whatever folder of streams, that import Faust.
FAUST_FILES = {"app.py", "fetching.py", "transport.py", "takeover.py", "resumption.py"}
#: Who else may touch the environment, none of it for settings.
ENVIRONMENT_FILES = {
    "producers/callgauge/settings.py",  # the one reader of settings
    "streams/callgauge_streams/app.py",  # refuses NO_CYTHON, which Faust reads
    "deploy/callgauge_deploy/environment.py",  # hands the environment on to child processes
    "deploy/callgauge_deploy/tansu.py",  # hands PATH and HOME on to the broker's process
}
FILES = [(package, path) for package, folder in PACKAGES.items() for path in sorted(folder.rglob("*.py"))]


def imported(tree: ast.AST) -> Iterator[str]:
    """Top-level packages that are imported anywhere in a file, inside functions and for typing too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def reads_environment(tree: ast.AST) -> bool:
    names = {"environ", "environb", "getenv", "getenvb"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id == "os" and node.attr in names:
                return True
        elif isinstance(node, ast.ImportFrom) and node.module == "os" and names & {a.name for a in node.names}:
            return True
    return False


@pytest.mark.parametrize("package", PACKAGES)
def test_import_rule(package: str) -> None:
    """streams -> callgauge <- sinks; nobody imports deploy."""
    wrong = {
        str(path.relative_to(ROOT)): sorted(bad)
        for owner, path in FILES
        if owner == package and (bad := FORBIDDEN[package] & set(imported(ast.parse(path.read_text("utf-8")))))
    }
    assert not wrong


def test_faust_is_imported_in_few_files() -> None:
    """Faust stays in the thin shell of streams."""
    wrong = [
        str(path.relative_to(ROOT))
        for package, path in FILES
        if "faust" in imported(ast.parse(path.read_text("utf-8")))
        and not (package == "callgauge_streams" and path.name in FAUST_FILES)
    ]
    assert not wrong


def test_only_settings_read_the_environment() -> None:
    """Everything else is given what it needs."""
    wrong = [str(path.relative_to(ROOT)) for _, path in FILES if reads_environment(ast.parse(path.read_text("utf-8")))]
    assert set(wrong) <= ENVIRONMENT_FILES


def test_import_is_light() -> None:
    """`import callgauge` brings in none of the heavy packages, nor librdkafka."""
    heavy = ["numpy", "faust", "aiokafka", "clickhouse_connect", "chdb", "pyarrow", "rich", "confluent_kafka"]
    code = f"import sys, callgauge; print([name for name in {heavy} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_public_names() -> None:
    """`__all__` is sorted, complete, and every name is there and documented."""
    public = [name for name in vars(callgauge) if isinstance(getattr(callgauge, name), type)]
    assert sorted([*public, "load_settings"]) == callgauge.__all__
    assert all(getattr(callgauge, name).__doc__ for name in callgauge.__all__)
