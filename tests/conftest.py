"""Brokers, settings and topic names for every test.

A test that kills a broker has its own (`own_kafka`, or `tests.brokers.start_broker`).
"""

from __future__ import annotations

import gc
import os
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import hypothesis
import pytest

from callgauge.settings import Settings, load_settings
from callgauge_history.store import Store
from tests.brokers import Broker, KafkaMissing, in_ci, start_broker
from tests.collected import can_fork, check_again, collected
from tests.compiling import compile_once
from tests.embedded_store import keep_in, open_new
from tests.examples import try_all
from tests.forkserver import forking, forking_for_all
from tests.order import spread
from tests.shared_broker import shared_broker

# Images of Python tell it to keep no compiled code. Each of the hundreds of processes of a run would then compile all
# that it imports, and each of pytest-xdist's rewrite every test.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# A busy machine takes its time: no example has a deadline, and to be slow is no failure.
hypothesis.settings.register_profile(
    "callgauge", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
if not in_ci():  # there Hypothesis has a profile of its own, which is as patient, and repeats the same examples
    hypothesis.settings.load_profile("callgauge")


CHAOS, INTEGRATION = Path(__file__).parent / "chaos", Path(__file__).parent / "integration"
#: Share fixtures of half a minute. At the end of a stretch five processes took some of them over, and made them anew.
QUESTIONS = Path(__file__).parent / "unit" / "sinks" / "history" / "questions"


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--long`: tests with the marker `long` do all they can; without it a part that fits into ten minutes. Those with
    the marker `only_long` have no such part."""
    parser.addoption("--long", action="store_true", help="run tests of the markers `long` and `only_long`, in full")


def pytest_configure(config: pytest.Config) -> None:
    """Before test modules are imported, and before pytest-xdist starts its processes."""
    try_all(config.getoption("--long"))
    if not getattr(config.option, "numprocesses", None):
        gc.disable()  # until all tests are collected: they, and what they import, stay
    elif not config.option.collectonly:
        compile_once()
        if can_fork(config):
            processes = ExitStack()
            config.add_cleanup(processes.close)
            processes.enter_context(forking_for_all())
            config.option.tx = [processes.enter_context(collected(config))] * len(config.option.tx)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Thousands of collected tests need not be looked at by each garbage collection."""
    check_again(session.items)
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def long(request: pytest.FixtureRequest) -> bool:
    """Whether a long test runs in full."""
    return bool(request.config.getoption("--long"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests that ask for Kafka by its fixture carry the marker `kafka`; those that must begin early are spread."""
    for item in items:
        if {"kafka", "own_kafka"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.kafka)
        if item.get_closest_marker("only_long") and not config.getoption("--long"):
            item.add_marker(pytest.mark.skip(reason="takes over a minute: with --long (make chaos)"))
    processes = getattr(config, "workerinput", {}).get("workercount", 1)
    early = [
        item for item in items if any(item.path.is_relative_to(folder) for folder in (CHAOS, INTEGRATION, QUESTIONS))
    ]
    known = set(early)
    items[:] = spread(early, [item for item in items if item not in known], processes, _shares_a_fixture)


def _shares_a_fixture(item: pytest.Item) -> object:
    """A key of tests that should run one after the other in one process: of those that wait only what is marked."""
    if item.path.is_relative_to(CHAOS) or item.path.is_relative_to(INTEGRATION):
        return item.path if item.get_closest_marker("xdist_group") else item.nodeid
    return item.path.parent if (item.path.parent / "conftest.py").exists() else item.path


@pytest.fixture(scope="session", autouse=True)
def no_settings_from_the_shell() -> Iterator[None]:
    """A developer's CALLGAUGE_ variables don't reach the tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("CALLGAUGE_") and name != "CALLGAUGE_TEST_CACHE":
                patch.delenv(name)
        yield


@pytest.fixture(scope="session", autouse=True)
def workers_are_forked() -> Iterator[None]:
    """Worker processes import once, not each (`tests.forkserver`)."""
    with forking():
        yield


@pytest.fixture(scope="session")
def tansu() -> Iterator[Broker]:
    """One tansu for the whole run."""
    with start_broker("tansu") as broker:
        yield broker


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of this run, the same one in all its processes."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def kafka(run_folder: Path) -> Iterator[Broker]:
    """One Apache Kafka for the whole run, with all its processes; skipped without Java and Maven, an error in CI."""
    with skipped_without_kafka(), shared_broker("kafka", run_folder / "brokers") as broker:
        yield broker


@pytest.fixture
def own_kafka() -> Iterator[Broker]:
    """A Kafka that a test may kill."""
    with skipped_without_kafka(), start_broker("kafka") as broker:
        yield broker


@contextmanager
def skipped_without_kafka() -> Iterator[None]:
    """Skip where Kafka cannot be started; in CI that is an error."""
    try:
        yield
    except KafkaMissing as error:
        if in_ci():
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="session", autouse=True)
def stores_are_copied(run_folder: Path) -> None:
    """Tables are made once (`tests.embedded_store`)."""
    keep_in(run_folder / "stores")


@pytest.fixture(scope="session")
def new_store() -> Callable[[Path], Store]:
    """Opens an embedded store of the newest form in a folder that is not there yet; closing it is the caller's part."""
    return open_new


@pytest.fixture(scope="session", params=["tansu", pytest.param("kafka", marks=pytest.mark.kafka)])
def broker(request: pytest.FixtureRequest) -> Broker:
    """Both brokers, one after the other."""
    chosen: Broker = request.getfixturevalue(request.param)
    return chosen


@pytest.fixture
def topics_prefix() -> str:
    """A topic (and group) prefix nobody has used."""
    return f"t{uuid.uuid4().hex[:10]}"


@pytest.fixture
def settings_of(topics_prefix: str) -> Callable[..., Settings]:
    """Makes settings for a broker under the test's own prefix: `settings_of(broker, partitions=1)`."""

    def make(broker: Broker, **overrides: object) -> Settings:
        values: dict[str, object] = {
            "bootstrap_servers": broker.bootstrap,
            "topic_prefix": topics_prefix,
            "group_prefix": topics_prefix,
            "api_port": 0,
            # a killed member is missed soon, and tansu answers JoinGroup after half of these
            "session_timeout_s": 3.0,
            "rebalance_timeout_s": 1.5,
            "heartbeat_s": 0.5,
        }
        return load_settings(**values | overrides)

    return make


@pytest.fixture
def settings(broker: Broker, settings_of: Callable[..., Settings]) -> Settings:
    """Settings for each of the two brokers, with topics and groups of the test's own."""
    return settings_of(broker)
