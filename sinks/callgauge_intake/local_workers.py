"""What the workers of a local stack say of themselves, on their pages of metrics."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from pathlib import Path

from callgauge_intake.group_lag import Partition, unprocessed_in

__all__ = ["metrics_ports_in", "unprocessed_of"]

_HOST = "127.0.0.1"
_WITHIN_S = 3.0


def metrics_ports_in(stack_file: Path) -> dict[str, int]:
    """Role -> the port of its metrics, from the file in which a local stack says where it is; none without one."""
    try:
        found = json.loads(stack_file.read_text())["metrics"]
        return {str(role): int(port) for role, port in found.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def unprocessed_of(ports: Mapping[str, int]) -> dict[str, dict[Partition, int]]:
    """Role -> topic and partition -> records that the worker is not done with; of one that does not answer nothing."""
    return {role: unprocessed_in(_page(port)) for role, port in ports.items()}


def _page(port: int) -> str:
    connection = http.client.HTTPConnection(_HOST, port, timeout=_WITHIN_S)
    try:
        connection.request("GET", "/metrics")
        return connection.getresponse().read().decode(errors="replace")
    except (OSError, http.client.HTTPException):
        return ""
    finally:
        connection.close()
