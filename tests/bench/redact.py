"""What redaction costs the delivery thread: `python -m tests.bench.redact [calls]`.

Each call has a trace and a user of its own, as in life; labels and tags come again.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from callgauge.ids import uuid7
from callgauge.redaction.fields import redacted_fields
from callgauge.redaction.redactor import Redactor
from tests.bench.emit import FIELDS
from tests.bench.report import percentile, report

ERROR = "Rate limit reached for gpt-4o in organization org-{} on tokens per min (TPM): Limit 30000, Used 29850."
CHAT = "Could you look over the text for the ticket of {}, please? It says that the build failed after 12 minutes. "


def fields(number: int, **more: Any) -> dict[str, Any]:
    """Those of one call."""
    own = {"event_id": uuid7(1_700_000_000.0 + number), "trace_id": f"{number:08x}f577b34da6a3ce929d0e0e47"}
    return FIELDS | {"service": "bench", "user_id": f"user-{number}"} | own | more


def measure(name: str, make: Callable[[int], Any], redact: Callable[[Any], object], count: int) -> dict[str, object]:
    """CPU time of one redaction, in ten rounds: the median round's and the least disturbed one's."""
    given = [make(number) for number in range(count)]
    taken = []
    for start in range(0, count, max(1, count // 10)):
        part = given[start : start + max(1, count // 10)]
        began = time.thread_time_ns()
        for each in part:
            redact(each)
        taken.append((time.thread_time_ns() - began) / 1e3 / len(part))
    return {"redact": name, "count": count, "p50_us": percentile(sorted(taken), 0.5), "min_us": min(taken)}


def main(calls: int = 50_000) -> None:
    """Measure and report."""
    redactor = Redactor()
    of_fields = partial(redacted_fields, redactor)
    rows = [
        measure("a call", fields, of_fields, calls),
        measure("... with tags", lambda n: fields(n, tags={"tier": "gold", "region": "eu"}), of_fields, calls),
        measure("... that failed", lambda n: fields(n, error_message=ERROR.format(n)), of_fields, calls // 5),
        measure("text of 1 KB", lambda n: (CHAT * 10).format(*[n] * 10), redactor.text, calls // 50),
        measure("text of 32 KB", lambda n: (CHAT * 300).format(*[n] * 300), redactor.text, calls // 500),
        measure("text of 32 KB, in Japanese", lambda n: f"{n} 返事をください。 " * 2_500, redactor.text, calls // 500),
    ]
    report("redact", rows, title="Cost of redaction on the delivery thread")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
