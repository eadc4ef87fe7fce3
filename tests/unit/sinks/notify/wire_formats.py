"""The documented limits of receivers' formats, as JSON schemas, and checks for stubs that refuse what breaks them."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs

import jsonschema

from tests.unit.sinks.notify.http_stub import Request

__all__ = ["ALERTMANAGER_WEBHOOK", "PAGERDUTY", "SLACK", "checked", "slack_api_problem"]


def _text(most: int, **more: Any) -> dict[str, Any]:
    return {"type": "string", "maxLength": most, **more}


#: developer.pagerduty.com/docs/send-alert-event
PAGERDUTY: dict[str, Any] = {
    "type": "object",
    "required": ["routing_key", "event_action"],
    "additionalProperties": False,
    "properties": {
        "routing_key": {"type": "string", "minLength": 32, "maxLength": 32},
        "event_action": {"enum": ["trigger", "acknowledge", "resolve"]},
        "dedup_key": _text(255, minLength=1),
        "client": {"type": "string"},
        "client_url": {"type": "string"},
        "links": {
            "type": "array",
            "items": {"type": "object", "required": ["href"], "properties": {"href": {"pattern": "^https?://"}}},
        },
        "images": {"type": "array"},
        "payload": {
            "type": "object",
            "required": ["summary", "source", "severity"],
            "additionalProperties": False,
            "properties": {
                "summary": _text(1_024, minLength=1),
                "source": {"type": "string", "minLength": 1},
                "severity": {"enum": ["critical", "error", "warning", "info"]},
                "timestamp": {
                    "type": "string",
                    "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)$",
                },
                "component": {"type": "string"},
                "group": {"type": "string"},
                "class": {"type": "string"},
                "custom_details": {"type": "object"},
            },
        },
    },
    "if": {"properties": {"event_action": {"const": "trigger"}}},
    "then": {"required": ["payload"]},
    "else": {"required": ["dedup_key"]},
}

#: docs.slack.dev/reference/block-kit/block-elements/button-element
_BUTTON: dict[str, Any] = {
    "type": "object",
    "required": ["type", "text", "action_id"],
    "properties": {
        "type": {"const": "button"},
        "text": {
            "required": ["type", "text"],
            "properties": {"type": {"const": "plain_text"}, "text": _text(75, minLength=1)},
        },
        "action_id": _text(255, minLength=1),
        "value": _text(2_000),
        "style": {"enum": ["primary", "danger"]},
    },
    "additionalProperties": False,
}

#: docs.slack.dev/reference/block-kit/blocks
SLACK: dict[str, Any] = {
    "type": "object",
    "required": ["text", "blocks"],
    "properties": {
        "text": _text(40_000, minLength=1),
        "blocks": {
            "type": "array",
            "minItems": 1,
            "maxItems": 50,
            "items": {
                "oneOf": [
                    {
                        "required": ["type", "text"],
                        "properties": {
                            "type": {"const": "header"},
                            "text": {
                                "required": ["type", "text"],
                                "properties": {"type": {"const": "plain_text"}, "text": _text(150, minLength=1)},
                            },
                        },
                    },
                    {
                        "required": ["type", "text"],
                        "properties": {
                            "type": {"const": "section"},
                            "text": {
                                "required": ["type", "text"],
                                "properties": {"type": {"const": "mrkdwn"}, "text": _text(3_000, minLength=1)},
                            },
                        },
                    },
                    {
                        "required": ["type", "elements"],
                        "properties": {
                            "type": {"const": "context"},
                            "elements": {"type": "array", "minItems": 1, "maxItems": 10},
                        },
                    },
                    {
                        "required": ["type", "elements"],
                        "properties": {
                            "type": {"const": "actions"},
                            "block_id": _text(255),
                            "elements": {"type": "array", "minItems": 1, "maxItems": 25, "items": _BUTTON},
                        },
                    },
                ]
            },
        },
    },
}

_STRINGS = {"type": "object", "additionalProperties": {"type": "string"}}
_TIME = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$"}
#: prometheus.io/docs/alerting/latest/configuration/#webhook_config
ALERTMANAGER_WEBHOOK: dict[str, Any] = {
    "type": "object",
    "required": ["version", "groupKey", "truncatedAlerts", "status", "receiver", "groupLabels", "commonLabels",
                 "commonAnnotations", "externalURL", "alerts"],
    "properties": {
        "version": {"const": "4"},
        "groupKey": {"type": "string"},
        "truncatedAlerts": {"type": "integer", "minimum": 0},
        "status": {"enum": ["firing", "resolved"]},
        "receiver": {"type": "string"},
        "groupLabels": _STRINGS,
        "commonLabels": _STRINGS,
        "commonAnnotations": _STRINGS,
        "externalURL": {"type": "string"},
        "alerts": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["status", "labels", "annotations", "startsAt", "endsAt", "generatorURL", "fingerprint"],
                "properties": {
                    "status": {"enum": ["firing", "resolved"]},
                    "labels": _STRINGS | {"required": ["alertname"]},
                    "annotations": _STRINGS,
                    "startsAt": _TIME,
                    "endsAt": _TIME,
                    "generatorURL": {"type": "string"},
                    "fingerprint": {"type": "string"},
                },
            },
        },
    },
}  # fmt: skip


def checked(schema: dict[str, Any], most_bytes: int = 512 * 1024) -> Any:
    """A check for a stub."""
    validator = jsonschema.Draft202012Validator(schema)

    def problem_of(request: Request) -> str:
        if len(request.body) > most_bytes:
            return f"{len(request.body)} bytes"
        if request.headers.get("Content-Type") != "application/json":
            return "no JSON by its Content-Type"
        return "; ".join(f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(request.json))

    return problem_of


def slack_api_problem(request: Request) -> str:
    """What Slack's Web API would not take of chat.postMessage and chat.update."""
    method = request.path.rsplit("/", 1)[-1]
    if request.headers.get("Authorization") != "Bearer xoxb-1":
        return "not authorised"
    fields = slack_api_fields(request)
    needed = {"chat.postMessage": ["channel"], "chat.update": ["channel", "ts"]}.get(method)
    if needed is None or any(name not in fields for name in needed):
        return f"{method}: fields {sorted(fields)}"
    return "; ".join(error.message[:200] for error in jsonschema.Draft202012Validator(SLACK).iter_errors(fields))


def slack_api_fields(request: Request) -> dict[str, Any]:
    """The fields of a call, which slack-sdk sends as a form or as JSON."""
    if "json" in request.headers.get("Content-Type", ""):
        found: dict[str, Any] = request.json
        return found
    form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
    return form | ({"blocks": json.loads(form["blocks"])} if "blocks" in form else {})
