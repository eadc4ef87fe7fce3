"""What callgauge raises.

    CallgaugeError
    ├── SettingError     a setting is missing or out of range
    ├── RuleError        a rule file cannot be used
    ├── DecodeError      a message cannot be read: ends in the dead-letter topic
    ├── TraceError       a recorded trace cannot be read
    ├── BrokerError      the bus refused or cannot be reached
    ├── StoreError       ClickHouse refused or cannot be reached
    ├── QuestionError    a question to the history cannot be answered as it was asked
    └── BrokenChain      records of a partition came out of order: the worker must end and read again

Every message says what was wrong, where, and what to do.
"""

__all__ = [
    "BrokenChain",
    "BrokerError",
    "CallgaugeError",
    "DecodeError",
    "QuestionError",
    "RuleError",
    "SettingError",
    "StoreError",
    "TraceError",
]


class CallgaugeError(Exception):
    """Anything callgauge raises on purpose."""


class SettingError(CallgaugeError):
    """A setting is missing or out of range."""


class RuleError(CallgaugeError):
    """A rule file cannot be used."""


class DecodeError(CallgaugeError):
    """A message cannot be read.

    Attributes:
        field: dotted path of the offending field, "" when the whole message is at fault.
        reason: what was wrong, in words.
    """

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}" if field else reason)
        self.field = field
        self.reason = reason


class TraceError(CallgaugeError):
    """A recorded trace cannot be read."""


class BrokerError(CallgaugeError):
    """The bus refused or cannot be reached."""


class StoreError(CallgaugeError):
    """ClickHouse refused or cannot be reached."""


class QuestionError(CallgaugeError):
    """A question to the history cannot be answered as it was asked."""


class BrokenChain(CallgaugeError):
    """Records of a partition came with a gap or out of order inside one assignment."""
