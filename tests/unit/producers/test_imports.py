"""What `import callgauge` brings with it, and what it offers."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import callgauge


def test_import_is_light() -> None:
    """`import callgauge` brings in none of the heavy packages, nor librdkafka."""
    heavy = ["numpy", "faust", "aiokafka", "clickhouse_connect", "chdb", "pyarrow", "rich", "confluent_kafka"]
    code = f"import sys, callgauge; print([name for name in {heavy} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_import_loads_nothing_but_the_package() -> None:
    """No other distribution, and of the standard library nothing that takes long: names are loaded when used."""
    code = "import sys; before = set(sys.modules); import callgauge; print(*sorted(set(sys.modules) - before))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    others = [name for name in found if name.partition(".")[0] not in sys.stdlib_module_names]
    assert others == ["callgauge"]
    slow = {
        "asyncio",
        "dataclasses",
        "email",
        "importlib.metadata",
        "inspect",
        "json",
        "logging",
        "threading",
        "typing",
    }
    assert slow & set(found) <= {"typing"}


def test_every_name_is_light() -> None:
    """Neither do the names that are used bring in anything heavy."""
    heavy = ["numpy", "faust", "aiokafka", "clickhouse_connect", "chdb", "pyarrow", "rich", "typer"]
    code = f"import sys; from callgauge import *; Gauge(); print([name for name in {heavy} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_public_names() -> None:
    """`__all__` is sorted, and every name in it is there, documented, and shown by `dir`."""
    assert callgauge.__all__ == sorted(callgauge.__all__)
    assert all(getattr(callgauge, name).__doc__ for name in callgauge.__all__)
    assert set(callgauge.__all__) <= set(dir(callgauge))
    public = [name for name in dir(callgauge) if isinstance(getattr(callgauge, name), type)]
    assert sorted([*public, "instrument", "load_settings"]) == callgauge.__all__


def test_names_come_from_where_type_checkers_see_them() -> None:
    """The imports for typing and those at use name the same modules, and no name is left out."""
    tree = ast.parse(Path(callgauge.__file__).read_text("utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    seen = {alias.name: node.module for node in imports for alias in node.names if node.module != "typing"}
    assert {name: module for name, module in seen.items() if module != "__future__"} == {
        name: getattr(callgauge, name).__module__ for name in callgauge.__all__
    }


def test_an_unknown_name_is_an_attribute_error() -> None:
    """As of any module; so `hasattr` works, and a submodule can be imported by `from`."""
    with pytest.raises(AttributeError, match="module 'callgauge' has no attribute 'Gage'"):
        callgauge.Gage  # type: ignore[attr-defined]  # noqa: B018
    code = "from callgauge import origins; print(origins.__name__)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "callgauge.origins"
