"""Who may ask, from where, how much, how often; and how it is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from callgauge.errors import SettingError, StoreError
from callgauge.keys.key_file import KeyFile
from callgauge.keys.key_hash import hash_of, id_of, new_key
from callgauge.rates import Rates
from callgauge.settings import load_settings
from callgauge_console.application import make_api
from callgauge_console.parts import Parts
from callgauge_console.pipeline import Pipeline
from callgauge_console.web.access import KEYS, Access
from callgauge_console.web.guard import Guard
from callgauge_console.web.request_metrics import RequestMetrics
from callgauge_history.store import QueryResult

READ, WRITE, TEAM = new_key(), new_key(), new_key()


class Away:
    """A store that does not answer."""

    def query(self, sql: str, parameters: object = None) -> QueryResult:
        raise StoreError("refused")


def client(access: Access, *, per_s: float = 0.0, most_bytes: int = 1_000, host: str = "127.0.0.1:22550") -> TestClient:
    none: Any = None
    store: Any = Away()
    parts = Parts(load_settings(), store, none, none, Pipeline(list), none)
    metrics = RequestMetrics(parts.registry)
    guarded = Guard(make_api(parts), access, Rates(per_s), most_bytes, metrics, clock=lambda: 0.0)
    return TestClient(guarded, base_url=f"http://{host}", raise_server_exceptions=False)


def keys(tmp_path: Path, *lines: Mapping[str, Any]) -> Access:
    file = tmp_path / "keys.yaml"
    file.write_text(json.dumps({"keys": list(lines)}))
    return Access(KeyFile(file, KEYS))


def line(key: str, **more: Any) -> dict[str, Any]:
    return {"id": id_of(key), "sha256": hash_of(key), "name": "somebody", "scopes": ["read"], **more}


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def test_this_machine_needs_no_key() -> None:
    """Who is on it may read and write, but not ask in SQL; the token may do all."""
    local = client(Access(None, "t0ken"))
    assert local.get("/v1/me").json()["scopes"] == ["read", "write"]
    assert local.get("/v1/me", headers=bearer("t0ken")).json()["scopes"] == ["admin", "read", "write"]
    assert local.post("/v1/query", json={"sql": "SELECT 1"}).status_code == 403
    assert local.get("/v1/me", headers=bearer("wrong")).status_code == 401


@pytest.mark.parametrize("host", ["evil.example", "evil.example:22550", "127.0.0.1.evil.example", "[", ""])
def test_another_name_is_refused(host: str) -> None:
    """A page whose name was made to point here (DNS rebinding) gets neither data nor the console."""
    local = client(Access(None, "t0ken"))
    for path in ("/v1/me", "/", "/static/js/main.js", "/health/live", "/openapi.json"):
        answer = local.get(path, headers={"Host": host})
        assert answer.status_code == 403
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("host", ["localhost:22550", "127.0.0.1", "[::1]:22550", "127.8.9.1:1"])
def test_names_of_this_machine_are_known(host: str) -> None:
    """By whichever it is asked."""
    assert client(Access(None)).get("/v1/me", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_pages_of_other_sites_are_refused(headers: dict[str, str]) -> None:
    """Whatever they ask for, the browser says where the page is from."""
    local = client(Access(None, "t0ken"))
    assert local.get("/v1/me", headers=headers).status_code == 403
    assert local.post("/v1/silences", json={}, headers=headers).status_code == 403


def test_a_form_cannot_act() -> None:
    """Without a key only JSON is taken, which no form sends without asking first; the console's own page may."""
    local = client(Access(None))
    for media in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
        headers = {"Content-Type": media}
        assert local.post("/v1/silences", content=b"{}", headers=headers).status_code == 415
    own = {"Origin": "http://127.0.0.1:22550", "Sec-Fetch-Site": "same-origin"}
    assert local.post("/v1/silences", json={}, headers=own).status_code == 422


def test_keys_open_their_scopes(tmp_path: Path) -> None:
    """Without one nothing below /v1; health and the page need none."""
    access = keys(tmp_path, line(READ), line(WRITE, scopes=["read", "write"], name="ops"))
    far = client(access, host="callgauge.example")
    nobody = far.get("/v1/me")
    assert (nobody.status_code, nobody.headers["www-authenticate"]) == (401, "Bearer")
    assert far.get("/health/live").status_code == far.get("/").status_code == 200
    assert far.get("/v1/me", headers=bearer(READ)).json()["name"] == "somebody"
    assert far.post("/v1/silences", json={}, headers=bearer(READ)).status_code == 403
    assert far.post("/v1/silences", json={}, headers=bearer(WRITE)).status_code == 422
    assert far.post("/v1/query", json={"sql": "SELECT 1"}, headers=bearer(WRITE)).status_code == 403
    assert far.get("/v1/me", headers=bearer(new_key())).status_code == 401


def test_a_team_sees_its_labels_alone(tmp_path: Path) -> None:
    """What it asks for beyond is refused, and what is about everybody too."""
    team = client(keys(tmp_path, line(TEAM, labels={"service": ["chat", "search"]})))
    assert team.get("/v1/me", headers=bearer(TEAM)).json()["labels"] == {"service": ["chat", "search"]}
    for path in ("/v1/summary?service=billing", "/v1/completeness", "/v1/pipeline", "/v1/anomalies"):
        assert team.get(path, headers=bearer(TEAM)).status_code == 403, path


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"scopes": []}, "scopes"),
        ({"scopes": ["all"]}, "scopes"),
        ({"name": ""}, "name"),
        ({"labels": {"team": ["x"]}}, "labels"),
        ({"labels": {"service": "chat"}}, "service"),
        ({"labels": {"service": ["chat"]}, "scopes": ["admin"]}, "admin"),
        ({"service": "chat"}, "id, labels, name, scopes, sha256"),
    ],
)
def test_a_wrong_file_is_told(tmp_path: Path, changes: dict[str, Any], why: str) -> None:
    """In one line: which key, and what is wrong."""
    with pytest.raises(SettingError, match=f"key 1: .*{why}"):
        keys(tmp_path, line(READ, **changes))


def test_too_much_and_too_often(tmp_path: Path) -> None:
    """A large body is not read; who asks too often is told when to come again, and who tries keys is slowed down."""
    local = client(Access(None), per_s=1.0)
    large = local.post("/v1/silences", content=b"x" * 1_001, headers={"Content-Type": "application/json"})
    assert large.status_code == 413
    assert local.get("/v1/me").status_code == 200
    often = [local.get("/v1/me") for _ in range(3)][-1]
    assert (often.status_code, int(often.headers["retry-after"]) >= 1) == (429, True)
    guessing = client(keys(tmp_path, line(READ)), per_s=1.0)
    assert [guessing.get("/v1/me", headers=bearer(new_key())).status_code for _ in range(4)][-1] == 429


def test_every_answer_has_the_headers() -> None:
    """No inline script, no frame, no text that is taken for HTML; problems have one form."""
    local = client(Access(None))
    for path, status in (
        ("/", 200),
        ("/services", 200),
        ("/service/a/b", 200),
        ("/nothing", 404),
        ("/v1/nothing", 404),
    ):
        answer = local.get(path)
        assert answer.status_code == status
        policy = answer.headers["content-security-policy"]
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
        assert "require-trusted-types-for 'script'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
    problem = local.get("/v1/nothing")
    assert problem.headers["content-type"] == "application/problem+json"
    assert problem.json().keys() >= {"type", "title", "status", "detail", "instance"}
    assert problem.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("query", "where"),
    [("from=yesterday", "from"), ("from=2026-01-02&to=2026-01-01", "from"), ("by=team", "by.0"), ("limit=0", "limit")],
)
def test_wrong_parameters_are_named(query: str, where: str) -> None:
    """Each with what is wrong with it."""
    answer = client(Access(None)).get(f"/v1/metrics?{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["where"] == where


def test_metrics_of_all_services_are_for_who_sees_all(tmp_path: Path) -> None:
    """Prometheus needs a key as everybody does, and one that is not kept to some services."""
    access = keys(tmp_path, line(READ), line(TEAM, labels={"service": ["chat"]}))
    served = client(access)
    assert served.get("/metrics").status_code == 401
    assert served.get("/metrics", headers=bearer(TEAM)).status_code == 403
    answer = served.get("/metrics", headers=bearer(READ))
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    assert "process_cpu_seconds_total" in answer.text
    assert "callgauge_metrics_up" in answer.text


def test_requests_are_counted_by_route() -> None:
    """Also those that are refused; whatever is asked for, the names are those of the routes."""
    local = client(Access(None))
    for path in ("/v1/me", "/v1/me", "/v1/nothing/1", "/v1/nothing/2", "/v1/metrics?limit=0", "/services"):
        local.get(path)
    local.post("/v1/silences", content=b"x")
    text = local.get("/metrics").text
    counted = {line for line in text.splitlines() if line.startswith("callgauge_console_requests_total")}
    assert counted == {
        'callgauge_console_requests_total{route="/v1/me",status="200"} 2.0',
        'callgauge_console_requests_total{route="",status="404"} 2.0',
        'callgauge_console_requests_total{route="/v1/metrics",status="422"} 1.0',
        'callgauge_console_requests_total{route="",status="415"} 1.0',
    }
    assert 'callgauge_console_request_duration_seconds_count{route="/v1/me"} 2.0' in text
