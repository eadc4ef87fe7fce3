"""What Numba has compiled in this process."""

from __future__ import annotations

import sys

from numba.core.registry import CPUDispatcher

__all__ = ["signatures"]


def signatures(*prefixes: str) -> set[tuple[str, str, str]]:
    """Module, function and types of what was compiled, of the modules whose names begin with one of these."""
    modules = [module for name, module in sys.modules.items() if name.startswith(prefixes)]
    return {
        (function.__module__, name, str(signature))
        for module in modules
        for name, function in vars(module).items()
        if isinstance(function, CPUDispatcher)
        for signature in function.signatures
    }
