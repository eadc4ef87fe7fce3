"""Plays recorded traces as if they happened now.

calls = retime(read_trace("azure_code.csv.gz"), end_at=time.time())
replay(calls, settings)
"""

from callgauge_load.paced import due_times, end_s, retime
from callgauge_load.publish import ReplayResult, replay
from callgauge_load.trace import FORMATS, read_trace

__all__ = ["FORMATS", "ReplayResult", "due_times", "end_s", "read_trace", "replay", "retime"]
