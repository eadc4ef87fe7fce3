"""An array that grows, which detect needs too; see callgauge_windows.grown."""

from __future__ import annotations

from callgauge_windows.grown import Grown

__all__ = ["Grown"]
