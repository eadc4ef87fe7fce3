"""What the commands of `callgauge` have in common: the settings they use, and parts that are loaded when needed."""

from __future__ import annotations

import importlib
from typing import Any

from pydantic import SecretStr

from callgauge.errors import SettingError
from callgauge.settings import Settings, load_settings

__all__ = ["client_settings", "load", "store_settings"]


def client_settings() -> Settings:
    """Settings for commands that talk to a bus: the running local stack's, unless the environment names one."""
    from callgauge_deploy.data_dir import running_stack

    settings = load_settings()
    stack = None if "bootstrap_servers" in settings.model_fields_set else running_stack(settings.data_dir)
    return settings.model_copy(update={"bootstrap_servers": stack.bootstrap}) if stack else settings


def store_settings() -> Settings:
    """Settings for commands that read the history: the local stack's folder, unless the environment names a store."""
    settings = load_settings()
    if "store" in settings.model_fields_set:
        return settings
    return settings.model_copy(update={"store": SecretStr(f"chdb://{settings.data_dir / 'clickhouse'}")})


def load(module: str, extra: str) -> Any:
    """Import a module that needs an optional part of callgauge.

    Raises:
        SettingError: that part is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("callgauge"):
            raise
        raise SettingError(f"{error.name} is not installed: pip install 'callgauge[{extra}]'") from error
