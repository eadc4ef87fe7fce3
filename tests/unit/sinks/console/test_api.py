"""The API over a filled store: its numbers are those of a plain recount, and its document is kept to."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.config import SchemathesisConfig

from callgauge.codec import decode_score
from callgauge.operations import STEPS
from callgauge.refs import read_ref, ref_of
from callgauge.schema import Call
from callgauge_console.application import make_api
from callgauge_console.parts import Parts
from callgauge_history.store import Store
from tests.console.fill import fill
from tests.console.served import GROUPINGS, Served, serve
from tests.console.traffic import NASTY, Traffic, made_traffic

NOW = time.time()
#: Given wherever alerts are asked for: by default it is the last hour, and all the tests may take long.
TWO_HOURS = {"from": NOW - 7_200, "to": NOW + 60}


@pytest.fixture(scope="module")
def traffic() -> Traffic:
    return made_traffic(NOW, calls=800)


@pytest.fixture(scope="module")
def filled(
    tmp_path_factory: pytest.TempPathFactory, new_store: Callable[[Path], Store], traffic: Traffic
) -> Iterator[Store]:
    opened = new_store(tmp_path_factory.mktemp("store") / "clickhouse")
    fill(opened, traffic, GROUPINGS)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def console(filled: Store, traffic: Traffic, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    budgets = tmp_path_factory.mktemp("budgets") / "budgets.yaml"
    budgets.write_text("budgets: [{name: users, by: user_id, of: calls, limit: 20, period: month}]")
    with serve(filled, traffic.alerts, budgets_file=budgets) as served:
        yield served


def get(console: Served, path: str, **params: Any) -> Any:
    answer = httpx.get(f"{console.url}{path}", params=params, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.json()


def hour_of(traffic: Traffic) -> tuple[dict[str, float], list[Call]]:
    """An hour of whole steps, and the calls of models that ended in it."""
    end = int(NOW) // 600 * 600 - 600
    begin = end - 3_600
    ended = [call for call in traffic.calls if begin <= call.ts + (call.latency_ms or 0) / 1e3 < end]
    return {"from": begin, "to": end}, [call for call in ended if call.operation not in STEPS]


def test_figures_are_a_recount(console: Served, traffic: Traffic) -> None:
    """Of all, of a service, by model, over time."""
    hour, calls = hour_of(traffic)
    now = get(console, "/v1/summary", **hour)["now"]
    assert (now["calls"], now["errors"]) == (len(calls), sum(call.status == "error" for call in calls))
    assert now["input_tokens"] == sum(call.input_tokens or 0 for call in calls)
    assert now["cost_usd"] == pytest.approx(sum(call.cost_usd or 0 for call in calls), abs=1e-6)
    answered = sorted(call.latency_ms or 0 for call in calls if call.status == "success")
    assert now["latency_p50_ms"] == pytest.approx(answered[(len(answered) - 1) // 2], rel=0.03)
    chat = [call for call in calls if call.service == "chat"]
    assert get(console, "/v1/summary", **hour, service="chat")["now"]["calls"] == len(chat)
    rows = get(console, "/v1/breakdown", **hour, by="model")["rows"]
    assert {row["value"]: row["totals"]["calls"] for row in rows} == {
        model: sum(call.model == model for call in calls) for model in {call.model for call in calls}
    }
    assert all(sum(row["course"]) == row["totals"]["calls"] for row in rows)
    series = get(console, "/v1/metrics", **hour, by="service", measure=["calls", "latency_p95_ms"], step=300)
    assert len(series["times"]) == 12
    assert {one["labels"]["service"]: sum(one["values"]["calls"]) for one in series["series"]} == {
        service: sum(call.service == service for call in calls) for service in {call.service for call in calls}
    }


def test_calls_are_found_page_by_page(console: Served, traffic: Traffic) -> None:
    """By user and status; each once, the newest first; and each leads to its trace."""
    hour, _ = hour_of(traffic)
    seen: list[Any] = []
    cursor = None
    while True:
        page = get(console, "/v1/calls", **hour, service="search", limit=7, **({"cursor": cursor} if cursor else {}))
        seen += page["calls"]
        cursor = page["cursor"]
        if cursor is None:
            break
    ids = [call["event_id"] for call in seen]
    begin, end = hour["from"], hour["to"]
    wanted = [c for c in traffic.calls if c.service == "search" and begin <= c.ts + (c.latency_ms or 0) / 1e3 < end]
    assert len(ids) == len(set(ids)) == len(wanted)
    assert [call["end_ms"] for call in seen] == sorted((call["end_ms"] for call in seen), reverse=True)
    failed = get(console, "/v1/calls", **hour, status="error")["calls"]
    assert failed
    assert {call["status"] for call in failed} == {"error"}
    mine = get(console, "/v1/calls", **hour, user=NASTY["user_id"])["calls"]
    assert {call["user_id"] for call in mine} <= {NASTY["user_id"]}
    chain = next(call for call in seen if call["operation"] == "chain")
    trace = get(console, f"/v1/traces/{chain['trace_id']}")
    assert [span["depth"] for span in trace["spans"]] == [0, 1, 1]
    waited = sum(until - since for span in trace["spans"] for since, until in span["critical"])
    assert waited == pytest.approx(chain["latency_ms"], abs=2)


def test_what_a_user_used(console: Served, traffic: Traffic) -> None:
    """By day and hour, figures, courses, errors: a recount of the user's own calls, whatever is in the name."""
    hour, calls = hour_of(traffic)
    for user in ("user-01", NASTY["user_id"]):
        mine = [call for call in calls if call.user_id == user]
        assert mine
        now = get(console, "/v1/summary", **hour, user=user)["now"]
        failed = sum(call.status == "error" for call in mine)
        assert (now["calls"], now["errors"]) == (len(mine), failed)
        for step in ("day", "hour"):
            used = get(console, "/v1/usage", **hour, user=user, step=step)["rows"]
            assert sum(row["calls"] for row in used) == len(mine)
            assert sum(row["cost_usd"] for row in used) == pytest.approx(sum(call.cost_usd or 0 for call in mine))
        by_model = get(console, "/v1/usage", **hour, user=user, by="model", step="month")["rows"]
        assert {row["labels"]["model"] for row in by_model} == {call.model for call in mine}
        series = get(console, "/v1/metrics", **hour, user=user, measure="calls", step=300)["series"]
        assert sum(series[0]["values"]["calls"]) == len(mine)
        rows = get(console, "/v1/breakdown", **hour, user=user, by="model")["rows"]
        assert sum(row["totals"]["calls"] for row in rows) == len(mine)
        errors = get(console, "/v1/errors", **hour, user=user)["errors"]
        assert sum(each["errors"] for each in errors) == failed
    assert httpx.get(f"{console.url}/v1/usage", params={"zone": "Mars"}).status_code == 422


def test_names_may_hold_slashes(console: Served) -> None:
    """A user and a trace of whatever name."""
    assert get(console, "/v1/users/a%2Fb%2F/budget")["user"] == "a/b/"
    missing = httpx.get(f"{console.url}/v1/traces/a%2Fb")
    assert (missing.status_code, "'a/b'" in missing.json()["detail"]) == (404, True)


def test_why_calls_fail(console: Served, traffic: Traffic) -> None:
    """By type and provider, of a service."""
    hour, calls = hour_of(traffic)
    found = get(console, "/v1/errors", **hour, service="search")["errors"]
    mine = [call for call in calls if call.service == "search" and call.status == "error"]
    assert sum(each["errors"] for each in found) == len(mine)
    assert {each["error_type"] for each in found} == {"timeout"}


def test_quality_and_drift(console: Served) -> None:
    """Scores with their course, and what changed."""
    found = get(console, "/v1/quality")
    assert {(score["name"], score["origin"]) for score in found["scores"]} == {
        ("helpfulness", "judge"), ("thumbs", "user"), ("refusal", "heuristic")}  # fmt: skip
    for score in found["scores"]:
        assert sum(score["counts"]) == pytest.approx(score["count"], abs=3)  # whole steps, whole minutes
    assert {"error_rate", "latency_ms"} <= {change["name"] for change in get(console, "/v1/drift")["changes"]}
    fired = get(console, "/v1/anomalies", **TWO_HOURS)["fired"]
    assert {each["rule"] for each in fired} == {"high_error_rate", "slow_model", "hourly_cost"}


def test_alerts_and_what_people_do(console: Served) -> None:
    """Active, over, one; acknowledged, resolved, silenced, each once."""
    active = get(console, "/v1/alerts")["alerts"]
    assert {alert["rule"] for alert in active} == {"high_error_rate", "slow_model"}
    history = get(console, "/v1/alerts", state="history", **TWO_HOURS)["alerts"]
    assert "hourly_cost" in {alert["rule"] for alert in history}
    # It fired 50 minutes ago and ended 33 minutes ago: a time that begins between begins with it.
    later = {"from": NOW - 2_400, "to": NOW - 1_000}
    assert "hourly_cost" not in {
        alert["rule"] for alert in get(console, "/v1/alerts", state="history", **later)["alerts"]
    }
    assert {alert["rule"] for alert in get(console, "/v1/alerts", state="during", **later)["alerts"]} == {"hourly_cost"}
    after = {"from": NOW - 1_900, "to": NOW - 1_000}
    assert get(console, "/v1/alerts", state="during", **after)["alerts"] == []
    [mine] = get(console, "/v1/alerts", severity="critical")["alerts"]
    story = get(console, f"/v1/alerts/{mine['alert_id']}")
    assert len(story["alert"]["points"]) == 60
    post = f"{console.url}/v1/alerts/{mine['alert_id']}"
    first = httpx.post(f"{post}/acknowledge", json={"who": "Ada", "why": "on it"}).json()
    again = httpx.post(f"{post}/acknowledge", json={"who": "Bob"}).json()
    assert (first["written"], again["written"], "Ada" in again["told"]) == (True, False, True)
    assert get(console, f"/v1/alerts/{mine['alert_id']}")["alert"]["shown"] == "acknowledged"
    assert httpx.post(f"{post}/resolve", json={}).json()["action"]["who"] == "somebody"
    assert httpx.post(f"{console.url}/v1/alerts/none/resolve", json={}).status_code == 404
    silence = {"conditions": ["rule=slow_model"], "for_s": 60, "who": "Ada"}
    made = httpx.post(f"{console.url}/v1/silences", json=silence).json()
    assert made["hides"] == 1
    [known] = get(console, "/v1/silences")["silences"]
    assert (known["silence_id"], known["in_force"]) == (made["silence_id"], True)
    assert httpx.post(f"{console.url}/v1/silences/{made['silence_id']}/end", json={}).json()["written"]
    wrong = httpx.post(f"{console.url}/v1/silences", json={"conditions": ["servise=chat"], "for_s": 60})
    assert (wrong.status_code, "service" in wrong.json()["detail"]) == (409, True)


def test_judgements_go_to_the_bus(console: Served) -> None:
    """With the labels of the call; what names no service is refused, and nothing of the request is sent."""
    ref = ref_of({"event_id": "e1", "trace_id": "t1", "service": "chat", "model": "gpt-4o"}, complete=True)
    before = len(console.sent)
    done = httpx.post(f"{console.url}/v1/feedback", json={"ref": ref, "thumbs": True, "comment": "me@example.org"})
    assert (done.status_code, len(done.json()["score_ids"])) == (200, 1)
    score = decode_score(console.sent[before].value)
    assert (score.name, score.value, score.origin, score.call_id, score.labels["model"]) == (
        "thumbs", 1.0, "user", read_ref(ref).event_id, "gpt-4o")  # fmt: skip
    one = {"name": "helpfulness", "value": 0.5, "origin": "judge"}
    two = httpx.post(f"{console.url}/v1/quality", json={"scores": [one | {"service": "chat"}, one]})
    assert (two.status_code, two.json()["errors"][0]["where"]) == (422, "scores.1.service")
    assert len(console.sent) == before + 1


def test_budgets_and_the_rest(console: Served) -> None:
    """Whether a user may spend more; rules with their place; completeness; what the page begins with."""
    user = get(console, "/v1/users/user-01/budget")
    assert (user["decision"], user["allowed"]) == ("hard", False)
    assert get(console, "/v1/users/nobody/budget")["allowed"]
    assert get(console, "/v1/budgets")["spending"][0]["share"] > 1
    rules = {rule["name"]: rule for rule in get(console, "/v1/rules")["rules"]}
    assert rules["high_error_rate"]["place"] == "stream"
    assert rules["hourly_cost"]["last"]["value"] == 12.5
    values = get(console, "/v1/rules/values")
    assert {each["rule"] for each in values["values"]} == set(rules)
    assert all((each["value"] is None) == bool(each["why"]) for each in values["values"])
    assert get(console, "/v1/completeness")["status"] == "exact"
    assert {each["name"] for each in get(console, "/v1/pipeline")["stored"]} == {"calls", "windows", "scores", "alerts"}
    compared = get(console, "/v1/experiments", a="v1", b="v2", label="prompt_version", score="helpfulness")
    assert compared["scores"][0]["judgement"]["outcome"] == "too_few"


def test_rules_are_pushed(console: Served) -> None:
    """By an admin, checked first: what is wrong is told with its line, and what would change; never in the past."""
    admin = {"Authorization": "Bearer t0ken"}
    rule = "rules:\n  - {name: slow, by: [model], aggregate: latency_p95_ms, lookback: 5m, value: 20000}\n"
    assert httpx.post(f"{console.url}/v1/rules", json={"text": rule}).status_code == 403
    tried = httpx.post(f"{console.url}/v1/rules", json={"text": rule, "dry_run": True}, headers=admin).json()
    assert (tried["written"], tried["rules"], console.pushed) == (False, 1, [])
    assert any("high_error_rate" in change for change in tried["changes"])
    wrong = httpx.post(f"{console.url}/v1/rules", json={"text": rule.replace("5m", "5x")}, headers=admin)
    assert (wrong.status_code, "line 2" in wrong.json()["errors"][0]["why"]) == (422, True)
    past = httpx.post(f"{console.url}/v1/rules", json={"text": rule, "effective_from": 1e9}, headers=admin)
    assert past.json()["errors"][0]["where"] == "effective_from"
    done = httpx.post(f"{console.url}/v1/rules", json={"text": rule, "who": "Ada"}, headers=admin).json()
    [pushed] = console.pushed
    assert (pushed.version, pushed.author, pushed.text) == (done["version"], "Ada", rule)
    assert pushed.effective_from >= NOW + 30


load_all_checks()
_API = make_api(Parts.__new__(Parts))
# Random requests alone: all boundary values of all parameters (its coverage phase) would be thousands.
_CONFIG = SchemathesisConfig.from_dict({"phases": {"coverage": {"enabled": False}}})
_SCHEMA = schemathesis.openapi.from_dict(json.loads(json.dumps(_API.openapi())), config=_CONFIG)


@_SCHEMA.parametrize()
@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_document_is_kept_to(case: Any, console: Served) -> None:
    """Whatever is asked: a status, media type and body that the OpenAPI document names, and never a fault of ours."""
    answer = case.call(base_url=console.url, headers={"Authorization": "Bearer t0ken"}, timeout=30)
    names = ("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance")
    case.validate_response(answer, checks=CHECKS.get_by_names(names))
