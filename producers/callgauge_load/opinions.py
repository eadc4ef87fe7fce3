"""The texts of LLMDrift's opinion questions: what was asked, and what each of the four models answered.

Source and licence: as `callgauge_load.llmdrift`.
"""

from __future__ import annotations

from pathlib import Path

from callgauge.counted import LABELS
from callgauge.schema import Call, Content
from callgauge_load.rows import read_rows

__all__ = ["Opinions"]

_FEATURE = "opinionqa"
_COLUMNS = frozenset({"id", "query", "gpt-4-0314", "gpt-4-0613"})


class Opinions:
    """The texts of a file, by question and model.

    Raises:
        TraceError: the file or a row cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._rows = {row.text("id"): row.cells for row in read_rows(path, _COLUMNS)}

    def content(self, call: Call) -> Content | None:
        """The content of a call of `callgauge_load.llmdrift`; None: its text is not known."""
        cells = self._rows.get(call.tags.get("id", "")) if call.feature == _FEATURE else None
        answer = (cells or {}).get(call.response_model)
        if not cells or not answer:
            return None
        prompt = cells["query"] or ""
        labels = {label: value for label in LABELS if label != "service" and (value := getattr(call, label))}
        return Content(
            event_id=call.event_id,
            trace_id=call.trace_id,
            ts=call.ts,
            service=call.service,
            labels=labels,
            prompt=prompt,
            response=answer,
            prompt_chars=len(prompt),
            response_chars=len(answer),
        )
