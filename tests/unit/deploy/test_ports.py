"""The local stack's ports: fixed, so that the SDK's default meets the bus, and free ones where they are taken."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from callgauge.errors import SettingError
from callgauge.settings import API_PORT, GATEWAY_PORT, Settings, load_settings
from callgauge_deploy.ports import Ports, choose_ports
from callgauge_deploy.process import PORTS


def free_except(*taken: int) -> Callable[[int, str], bool]:
    return lambda port, host: port not in taken


def others(*ports: int) -> Callable[[str], int]:
    left = list(ports)
    return lambda host: left.pop(0)


def test_the_sdk_s_default_meets_the_local_bus() -> None:
    """Nothing is to be exported when nothing is taken."""
    ports = choose_ports(load_settings(), free_except(), others(*range(15_001, 15_007)))
    roles = ("rollup", "detect", "quality", "judge", "sinks", "notify")
    metrics = dict(zip(roles, range(15_001, 15_007), strict=True))
    assert ports == Ports(9092, API_PORT, GATEWAY_PORT, metrics)
    assert Settings.model_fields["bootstrap_servers"].default == "127.0.0.1:9092"


def test_the_api_s_port_is_not_ephemeral() -> None:
    """A client's own port is never the same by chance."""
    assert API_PORT in PORTS


def test_a_default_that_is_taken_gives_way() -> None:
    """It is said which, where it is instead, and what to export."""
    taken = (9092, API_PORT, GATEWAY_PORT)
    ports = choose_ports(load_settings(), free_except(*taken), others(*range(15_001, 15_010)))
    assert (ports.bus, ports.api, ports.gateway) == (15_001, 15_002, 15_003)
    assert ports.notes == (
        "port 9092 is taken, the bus listens on 15001; your services need: "
        "export CALLGAUGE_BOOTSTRAP_SERVERS=127.0.0.1:15001",
        "port 22550 is taken, the console listens on 15002 (callgauge query finds it); "
        "to have the same next time: export CALLGAUGE_API_PORT=15002",
        "port 4318 is taken, the gateway listens on 15003; your exporters need: "
        "export OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:15003",
    )


def test_a_gateway_that_is_left_out_has_no_port() -> None:
    """And nothing is said of who has it."""
    ports = choose_ports(load_settings(), free_except(GATEWAY_PORT), others(*range(15_001, 15_007)), with_gateway=False)
    assert (ports.gateway, ports.notes) == (0, ())


def test_zero_is_a_free_port() -> None:
    """Without a word; no two are the same, whatever comes by chance."""
    settings = load_settings(bus_port=0, api_port=0, gateway_port=0)
    chance = (15_001, 15_001, 15_002, 15_001, 15_003, 15_003, *range(15_004, 15_010))
    ports = choose_ports(settings, free_except(), others(*chance))
    assert (ports.bus, ports.api, ports.gateway) == (15_001, 15_002, 15_003)
    assert list(ports.metrics.values()) == list(range(15_004, 15_010))


def test_a_metrics_port_is_that_of_rollup() -> None:
    """Two workers of one machine cannot share it."""
    ports = choose_ports(load_settings(metrics_port=9100), free_except(), others(*range(15_001, 15_006)))
    assert ports.metrics["rollup"] == 9100
    assert list(ports.metrics.values())[1:] == list(range(15_001, 15_006))


@pytest.mark.parametrize(
    ("name", "port"), [("bus_port", 9092), ("api_port", 8080), ("gateway_port", 4318), ("metrics_port", 9100)]
)
def test_a_port_that_was_asked_for_never_gives_way(name: str, port: int) -> None:
    """Whoever names one relies on it: taken, it is an error that says what to do."""
    settings = load_settings(**{name: port})
    ports = choose_ports(settings, free_except(), others(*range(15_001, 15_007)))
    assert port in (ports.bus, ports.api, ports.gateway, ports.metrics["rollup"])
    with pytest.raises(SettingError) as caught:
        choose_ports(settings, free_except(port), others(*range(15_001, 15_007)))
    assert str(caught.value) == (
        f"CALLGAUGE_{name.upper()}: {port} is taken on 127.0.0.1: end what listens there, name another port, "
        "or 0 for any free one"
    )


def test_one_port_for_two_is_an_error() -> None:
    """The second of them is named."""
    settings = load_settings(bus_port=8080, api_port=8080)
    with pytest.raises(SettingError, match=r"^CALLGAUGE_API_PORT: 8080 is taken"):
        choose_ports(settings, free_except(), others())
