"""What a dead letter keeps of a payload of LiteLLM."""

from __future__ import annotations

from callgauge_gateway.web.readers import _kept


def test_half_a_surrogate_is_kept_without_what_people_wrote() -> None:
    """It has no bytes of its own, and must not cost the whole batch an error 500."""
    assert _kept(b"the payload", {"id": "\ud800", "messages": "secret"}) == rb'{"id":"\ud800"}'
