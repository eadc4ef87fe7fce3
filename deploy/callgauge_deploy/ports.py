"""Chooses the ports of the local stack: the settings' own, or free ones where those are taken."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from callgauge.errors import SettingError
from callgauge.settings import Settings
from callgauge_deploy.process import free_port, port_is_free

__all__ = ["HOST", "Ports", "choose_ports", "gateway_url"]

#: Where the local bus listens.
HOST = "127.0.0.1"


@dataclass(frozen=True)
class Ports:
    """The ports of one local stack."""

    bus: int
    api: int
    gateway: int
    """0: it is left out."""
    metrics: dict[str, int]
    """Role -> the port of its metrics: two workers cannot serve at one."""
    notes: tuple[str, ...] = ()
    """What the user must know: which port was taken, and what to export."""


def choose_ports(
    settings: Settings,
    is_free: Callable[[int, str], bool] = port_is_free,
    another: Callable[[str], int] = free_port,
    *,
    with_gateway: bool = True,
) -> Ports:
    """The ports that the settings name. For a default that is taken, and for 0, a free port. No two are equal.

    Args:
        is_free: whether nothing listens on a port of a host.
        another: gives a free port of a host.

    Raises:
        SettingError: a port that was asked for by a setting is taken.
    """
    used: set[int] = set()

    def choose(name: str, host: str) -> int:
        port = wanted = getattr(settings, name) if name else 0
        if wanted and (wanted in used or not is_free(wanted, host)):
            if name in settings.model_fields_set:
                raise _taken(name, wanted, host)
            port = 0
        while not port or port in used:
            port = another(host)
        used.add(port)
        return port

    bus, api = choose("bus_port", HOST), choose("api_port", settings.api_host)
    gateway = choose("gateway_port", HOST) if with_gateway else 0
    metrics = {"rollup": choose("metrics_port", settings.metrics_host)}
    metrics |= {role: choose("", settings.metrics_host) for role in ("detect", "quality", "judge", "sinks", "notify")}
    return Ports(bus, api, gateway, metrics, tuple(_notes(settings, bus, api, gateway)))


def _taken(name: str, port: int, host: str) -> SettingError:
    return SettingError(
        f"CALLGAUGE_{name.upper()}: {port} is taken on {host}: end what listens there, name another port, "
        "or 0 for any free one"
    )


def _notes(settings: Settings, bus: int, api: int, gateway: int) -> Iterator[str]:
    if settings.bus_port not in (0, bus):
        yield (
            f"port {settings.bus_port} is taken, the bus listens on {bus}; your services need: "
            f"export CALLGAUGE_BOOTSTRAP_SERVERS={HOST}:{bus}"
        )
    if settings.api_port not in (0, api):
        yield (
            f"port {settings.api_port} is taken, the console listens on {api} (callgauge query finds it); "
            f"to have the same next time: export CALLGAUGE_API_PORT={api}"
        )
    if gateway and settings.gateway_port not in (0, gateway):
        yield (
            f"port {settings.gateway_port} is taken, the gateway listens on {gateway}; your exporters need: "
            f"export OTEL_EXPORTER_OTLP_ENDPOINT={gateway_url(settings, gateway)}"
        )


def gateway_url(settings: Settings, port: int) -> str:
    """Where the local stack's gateway is, for clients."""
    return f"{'https' if settings.gateway_tls_cert else 'http'}://{HOST}:{port}"
