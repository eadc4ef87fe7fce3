"""The settings that the processes of a local stack get."""

from __future__ import annotations

import secrets

from callgauge.settings import Settings, load_settings
from callgauge_deploy.data_dir import DataDir
from callgauge_deploy.ports import HOST, Ports

__all__ = ["local_settings"]


def local_settings(settings: Settings, folder: DataDir, ports: Ports) -> Settings:
    """`settings` with the local bus and the embedded store in place of those that they named.

    So a local stack sends nothing to production, even if it is started in a shell that is set up for production. The
    session timeout is short because tansu answers a request to join a group only after half of it; and workers have no
    names, since tansu lets a static member wait for twice 3 s before it is assigned, which counts as silence: members
    of a group whose session timeout is shorter shut each other out again and again. The console's port
    and token, and the gateway's port, are chosen before, so that they stay the same when their process is restarted.
    Nobody beyond this machine reaches the gateway.
    """
    return load_settings(
        **settings.model_dump()
        | {
            "bootstrap_servers": f"{HOST}:{ports.bus}",
            "security_protocol": "PLAINTEXT",
            "replication_factor": 1,
            "session_timeout_s": 4.0,
            "rebalance_timeout_s": 4.0,
            "heartbeat_s": 1.0,
            "worker_name": "",
            "store": f"chdb://{folder.clickhouse}",
            "store_user": "",
            "store_password": "",
            "data_dir": folder.path,
            "bus_port": ports.bus,
            "api_port": ports.api,
            "gateway_host": HOST,
            "gateway_port": ports.gateway,
            "gateway_socket": None,
            "api_token": settings.api_token.get_secret_value() or secrets.token_urlsafe(24),
        }
    )
