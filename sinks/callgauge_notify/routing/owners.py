"""The catalogue of owners: which team a service belongs to, where the team looks, to whom it escalates.

services:
  - service: chat-*            # * stands for anything
    team: assistants
    channel: "#assistants"     # of Slack
    escalation: assistants-pager   # a receiver of the routes file

The first entry that fits a service counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

from pydantic import BaseModel, ConfigDict

from callgauge_notify.routing.fields import Name, Text

__all__ = ["NOBODY", "UNKNOWN", "Owner", "Owners"]


class Owner(BaseModel):
    """Who owns a service."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    service: Text
    team: Name
    channel: Text = ""
    escalation: Name | None = None


#: The owner of what nobody owns.
UNKNOWN = Owner.model_construct(service="*", team="", channel="", escalation=None)


class Owners:
    """The owners, in the order of the file."""

    def __init__(self, owners: tuple[Owner, ...] = ()) -> None:
        self.all = owners

    def of(self, labels: Mapping[str, str]) -> Owner:
        """Who owns the service of these labels; `UNKNOWN` if nobody does."""
        service = labels.get("service")
        if service is None:
            return UNKNOWN
        return next((owner for owner in self.all if fnmatchcase(service, owner.service)), UNKNOWN)


NOBODY = Owners()
