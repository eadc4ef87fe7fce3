"""What the names in a rule file are called elsewhere (`callgauge.near_names` asks for it)."""

from __future__ import annotations

from types import MappingProxyType

__all__ = ["FIELDS_MEANT", "LABELS_MEANT", "OPS_MEANT", "SEVERITIES_MEANT"]

#: What other systems, or a hurried mind, call the fields of a rule -> the field.
FIELDS_MEANT = MappingProxyType(
    {
        **dict.fromkeys(("threshold", "limit", "above", "below"), "value"),
        **dict.fromkeys(("metric", "expr", "measure", "aggregation"), "aggregate"),
        **dict.fromkeys(("alert", "title", "id"), "name"),
        **dict.fromkeys(("group_by", "labels", "dimensions"), "by"),
        **dict.fromkeys(("filter", "match", "matchers", "if"), "where"),
        **dict.fromkeys(("window", "range", "over"), "lookback"),
        **dict.fromkeys(("interval", "step", "evaluate_every"), "every"),
        **dict.fromkeys(("algorithm", "method", "type", "model"), "detector"),
        **dict.fromkeys(("params", "options", "config", "with", "args"), "parameters"),
        **dict.fromkeys(("any", "all", "of", "composite"), "conditions"),
        **dict.fromkeys(("at_least", "need", "require", "min_conditions"), "needs"),
        **dict.fromkeys(("warn",), "warning"),
        **dict.fromkeys(("operator", "comparison", "condition"), "op"),
        **dict.fromkeys(("duration", "pending_for"), "for"),
        **dict.fromkeys(("min_calls", "min_events", "min_samples", "minimum"), "min_count"),
        **dict.fromkeys(("priority",), "severity"),
        **dict.fromkeys(("description", "message", "text", "annotations"), "summary"),
        **dict.fromkeys(("url", "link", "playbook"), "runbook"),
    }
)
OPS_MEANT = MappingProxyType(
    {
        **dict.fromkeys((">", "above", "greater"), "gt"),
        **dict.fromkeys((">=", "gte", "at_least"), "ge"),
        **dict.fromkeys(("<", "below", "less"), "lt"),
        **dict.fromkeys(("<=", "lte", "at_most"), "le"),
        **dict.fromkeys(("=", "==", "equal"), "eq"),
        **dict.fromkeys(("!=", "<>", "not"), "ne"),
    }
)
SEVERITIES_MEANT = MappingProxyType(
    {
        **dict.fromkeys(("page", "fatal", "emergency", "high", "sev1", "p1"), "critical"),
        **dict.fromkeys(("warn", "medium"), "warning"),
        **dict.fromkeys(("low", "notice", "debug"), "info"),
    }
)
LABELS_MEANT = MappingProxyType(
    {"env": "environment", "svc": "service", "app": "service", "job": "service", "route": "endpoint"}
)
