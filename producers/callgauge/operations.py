"""The operations of calls: which of them call a model, and which are steps around such calls.

A step holds calls that are emitted, paid and counted by themselves. So it has no price of its own, and it counts only
in the windows of grouping sets that name the label `operation`: everywhere else "calls" are calls of a model. Names are
OpenTelemetry's (`gen_ai.operation.name`), and some older ones of other emitters.
"""

__all__ = ["CHAIN", "EXECUTE_TOOL", "RETRIEVAL", "STEPS"]

CHAIN, RETRIEVAL, EXECUTE_TOOL = "chain", "retrieval", "execute_tool"

#: Operations that call no model themselves.
STEPS = frozenset(
    {
        *(CHAIN, RETRIEVAL, EXECUTE_TOOL, "tool"),
        *("create_agent", "invoke_agent", "agent", "invoke_workflow", "workflow"),
    }
)
