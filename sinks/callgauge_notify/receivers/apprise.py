"""Passes messages to an Apprise URL: the hundred channels that have no receiver of their own here.

Apprise says only whether a message was taken, so every failure is tried again until the receiver's time is over. It
makes its own connections: the limits of `callgauge_notify.receivers.web` do not hold for it.
"""

from __future__ import annotations

import logging

import apprise

from callgauge.errors import SettingError
from callgauge_notify.grouping.notice import Notice
from callgauge_notify.receivers.receiver import NOTHING_KEPT, Memory, NotDelivered
from callgauge_notify.receivers.words import headline, template_values, text_of
from callgauge_notify.routing.receiver_kinds import AppriseSpec
from callgauge_notify.templates import rendered

__all__ = ["AppriseReceiver"]


class AppriseReceiver:
    """See above."""

    one_by_one = False
    digests = True
    pace_s = 1.0

    def __init__(self, spec: AppriseSpec) -> None:
        # Apprise logs URLs, which hold secrets.
        logging.getLogger("apprise").setLevel(logging.CRITICAL)
        self._spec = spec
        self._apprise = apprise.Apprise()
        if not self._apprise.add(spec.url.get_secret_value()):
            raise SettingError(
                f"receiver {spec.name}: Apprise does not know such a URL; see github.com/caronc/apprise/wiki"
            )

    def deliver(self, notice: Notice) -> Memory:
        """See `Receiver.deliver`."""
        values = template_values(notice)
        kind = apprise.NotifyType.SUCCESS if notice.status == "resolved" else apprise.NotifyType.WARNING
        taken = self._apprise.notify(
            title=rendered(self._spec.title, values, headline(notice)),
            body=rendered(self._spec.text, values, text_of(notice)),
            notify_type=kind,
        )
        if not taken:
            raise NotDelivered("Apprise could not deliver; it does not say why")
        return NOTHING_KEPT
