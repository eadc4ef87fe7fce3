"""Grafana's dashboards, built with Grafana's own types: `python -m tests.grafana_dashboards` writes them.

`calls` and `pipeline` ask Prometheus, `history` asks ClickHouse. A test holds that the shipped files are these.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from grafana_foundation_sdk.builders.common import VizLegendOptions
from grafana_foundation_sdk.builders.dashboard import Dashboard, QueryVariable, Row
from grafana_foundation_sdk.builders.prometheus import Dataquery as Promql
from grafana_foundation_sdk.builders.stat import Panel as Stat
from grafana_foundation_sdk.builders.table import Panel as Table
from grafana_foundation_sdk.builders.timeseries import Panel as Lines
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.common import DataSourceRef, LegendDisplayMode, LegendPlacement
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync, VariableRefresh, VariableSort

__all__ = ["FOLDER", "dashboards", "written"]

FOLDER = Path(__file__).parents[1] / "deploy" / "grafana" / "dashboards"
PROMETHEUS = DataSourceRef(type_val="prometheus", uid="callgauge-prometheus")
CLICKHOUSE = DataSourceRef(type_val="grafana-clickhouse-datasource", uid="callgauge-clickhouse")
#: Of a dashboard of calls: which services and models are shown.
CHOSEN = 'service=~"$service", model=~"$model"'
NAMED = 'service_name=~"$service", gen_ai_request_model=~"$model"'


@dataclass
class SqlQuery(Dataquery):
    """A target of the ClickHouse data source; the SDK has no type for that plugin."""

    sql: str
    is_series: bool
    ref: str

    def to_json(self) -> dict[str, object]:
        kind = "timeseries" if self.is_series else "table"
        return {
            "refId": self.ref, "editorType": "sql", "rawSql": self.sql, "queryType": kind,
            "format": 0 if self.is_series else 1, "datasource": CLICKHOUSE.to_json(),
        }  # fmt: skip


class Sql(Builder[Dataquery]):
    """Builds a `SqlQuery`, as the SDK's panels want it."""

    def __init__(self, sql: str, *, is_series: bool = True, ref: str = "A") -> None:
        self._query = SqlQuery(sql, is_series, ref)

    def build(self) -> Dataquery:
        return self._query


def _base(uid: str, title: str, text: str, back: str) -> Dashboard:
    return (
        Dashboard(title).uid(uid).description(text).tags(["callgauge"]).timezone("browser").refresh("15s")
        .time(f"now-{back}", "now").tooltip(DashboardCursorSync.CROSSHAIR).readonly()
    )  # fmt: skip


def _lines(title: str, unit: str, source: DataSourceRef, *targets: Builder[Dataquery], span: int = 12) -> Lines:
    legend = (
        VizLegendOptions()
        .show_legend(True)
        .display_mode(LegendDisplayMode.TABLE)
        .placement(LegendPlacement.BOTTOM)
        .calcs(["max"])
    )
    panel = Lines().title(title).unit(unit).datasource(source).span(span).height(8).min(0).legend(legend)
    for target in targets:
        panel.with_target(target)
    return panel


def _promql(expression: str, legend: str, ref: str = "A") -> Promql:
    return Promql().expr(expression).legend_format(legend).ref_id(ref)


def _choice(name: str, query: str) -> QueryVariable:
    return (
        QueryVariable(name).label(name.capitalize()).datasource(PROMETHEUS).query(query)
        .multi(True).include_all(True).all_value(".*")
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED).sort(VariableSort.ALPHABETICAL_ASC)
    )  # fmt: skip


def calls() -> Dashboard:
    """Traffic, failures, latency, tokens and cost by service and model."""
    rate = "$__rate_interval"
    by = "service, model"

    def stat(title: str, unit: str, expression: str) -> Stat:
        return (
            Stat().title(title).unit(unit).datasource(PROMETHEUS).span(6).height(4).with_target(_promql(expression, ""))
        )

    def percentile(q: str, ref: str) -> Promql:
        buckets = f"gen_ai_client_operation_duration_seconds_bucket{{{NAMED}}}"
        return _promql(f"histogram_quantile({q}, sum by (le) (rate({buckets}[{rate}])))", f"p{q[2:]:0<2}", ref)

    first_token = f"gen_ai_server_time_to_first_token_seconds_bucket{{{NAMED}}}"
    return (
        _base("callgauge-calls", "callgauge: calls", "LLM calls by service and model, from the newest windows.", "3h")
        .with_variable(_choice("service", "label_values(callgauge_calls_total, service)"))
        .with_variable(_choice("model", 'label_values(callgauge_calls_total{service=~"$service"}, model)'))
        .with_panel(stat("Calls per second", "reqps", f"sum(rate(callgauge_calls_total{{{CHOSEN}}}[5m]))"))
        .with_panel(
            stat(
                "Failed",
                "percentunit",
                f"(sum(rate(callgauge_errors_total{{{CHOSEN}}}[5m])) or vector(0))"
                f" / sum(rate(callgauge_calls_total{{{CHOSEN}}}[5m]))",
            )
        )
        .with_panel(
            stat(
                "p95 latency",
                "s",
                "histogram_quantile(0.95, sum by (le) ("
                f"rate(gen_ai_client_operation_duration_seconds_bucket{{{NAMED}}}[5m])))",
            )
        )
        .with_panel(stat("Cost per hour", "currencyUSD", f"sum(rate(callgauge_cost_usd_total{{{CHOSEN}}}[1h])) * 3600"))
        .with_panel(
            _lines(
                "Calls per second",
                "reqps",
                PROMETHEUS,
                _promql(f"sum by ({by}) (rate(callgauge_calls_total{{{CHOSEN}}}[{rate}]))", "{{service}} {{model}}"),
            )
        )
        .with_panel(
            _lines(
                "Failed calls per second, by type",
                "reqps",
                PROMETHEUS,
                _promql(f"sum by (error_type) (rate(callgauge_errors_total{{{CHOSEN}}}[{rate}]))", "{{error_type}}"),
            )
        )
        .with_panel(
            _lines(
                "Latency of successful calls",
                "s",
                PROMETHEUS,
                *(percentile(q, ref) for q, ref in (("0.5", "A"), ("0.95", "B"), ("0.99", "C"))),
            )
        )
        .with_panel(
            _lines(
                "Time to first token, p95",
                "s",
                PROMETHEUS,
                _promql(
                    f"histogram_quantile(0.95, sum by (le, gen_ai_request_model) (rate({first_token}[{rate}])))",
                    "{{gen_ai_request_model}}",
                ),
            )
        )
        .with_panel(
            _lines(
                "Tokens per second",
                "short",
                PROMETHEUS,
                _promql(f"sum by (token_type) (rate(callgauge_tokens_total{{{CHOSEN}}}[{rate}]))", "{{token_type}}"),
            )
        )
        .with_panel(
            _lines(
                "Cost per hour",
                "currencyUSD",
                PROMETHEUS,
                _promql(
                    f"sum by ({by}) (rate(callgauge_cost_usd_total{{{CHOSEN}}}[{rate}])) * 3600",
                    "{{service}} {{model}}",
                ),
            )
        )
        .with_panel(
            _lines(
                "Fallbacks, retries, rate limits, cancelled: share of calls",
                "percentunit",
                PROMETHEUS,
                *(
                    _promql(
                        f"sum(rate(callgauge_{name}_total{{{CHOSEN}}}[{rate}]))"
                        f" / sum(rate(callgauge_calls_total{{{CHOSEN}}}[{rate}]))",
                        name.replace("_", " "),
                        ref,
                    )
                    for name, ref in zip(("fallbacks", "retries", "rate_limited", "cancelled"), "ABCD", strict=True)
                ),
            )
        )
        .with_panel(
            _lines(
                "Cache hits: share of calls",
                "percentunit",
                PROMETHEUS,
                _promql(
                    f"sum by (service) (rate(callgauge_cache_hits_total{{{CHOSEN}}}[{rate}]))"
                    f" / sum by (service) (rate(callgauge_calls_total{{{CHOSEN}}}[{rate}]))",
                    "{{service}}",
                ),
            )
        )
    )


def pipeline() -> Dashboard:
    """Whether callgauge itself keeps up and loses nothing."""
    rate = "$__rate_interval"
    panels = (
        ("Lag", "short", "sum by (app, topic) (callgauge_lag_records)", "{{app}} {{topic}}"),
        ("Records per second", "short", f"sum by (app) (rate(callgauge_processed_records_total[{rate}]))", "{{app}}"),
        ("Event time not yet complete", "s", "time() - min by (app) (callgauge_watermark_seconds)", "{{app}}"),
        ("Window rows sent per second", "short", f"sum by (app) (rate(callgauge_rows_sent_total[{rate}]))", "{{app}}"),
        ("Records that cannot be read", "short", f"sum by (app) (rate(callgauge_dead_total[{rate}]))", "{{app}}"),
        ("Duplicates", "short", f"sum by (app) (rate(callgauge_duplicates_total[{rate}]))", "{{app}}"),
        ("Late events", "short", f"sum by (app) (rate(callgauge_late_total[{rate}]))", "{{app}}"),
        ("Offsets deleted uncounted", "short", "sum by (topic) (callgauge_lost_offsets_total)", "{{topic}}"),
        ("Notices per second", "short", f"sum by (outcome) (rate(callgauge_notices_total[{rate}]))", "{{outcome}}"),
        ("Memory", "bytes", 'process_resident_memory_bytes{job="callgauge"}', "{{instance}}"),
        ("CPU", "short", f'rate(process_cpu_seconds_total{{job="callgauge"}}[{rate}])', "{{instance}}"),
    )  # fmt: skip
    made = _base("callgauge-pipeline", "callgauge: pipeline", "Lag, watermarks and what could not be read.", "3h")
    for title, unit, expression, legend in panels:
        made.with_panel(_lines(title, unit, PROMETHEUS, _promql(expression, legend)))
    return made


def history() -> Dashboard:
    """A month, asked of ClickHouse: exact counts and costs."""
    seen = "grouping = 'model@10s' AND $__timeFilter(window_start)"
    per_hour = (
        "SELECT toStartOfHour(window_start) AS time, model, {}"
        f" FROM windows_merged WHERE {seen} GROUP BY time, model ORDER BY time"
    )
    usage = (
        "SELECT service, user_id, count() AS calls, sum(input_tokens + output_tokens) AS tokens,"
        " sum(cost_usd) AS cost_usd FROM calls_final WHERE $__timeFilter(ts)"
        " GROUP BY service, user_id ORDER BY cost_usd DESC LIMIT 50"
    )
    alerts = (
        "SELECT starts_at, ends_at, rule, severity, shown, labels, summary FROM alerts_now"
        " WHERE $__timeFilter(starts_at) ORDER BY starts_at DESC LIMIT 100"
    )

    def table(title: str, sql: str) -> Table:
        return Table().title(title).datasource(CLICKHOUSE).span(24).height(9).with_target(Sql(sql, is_series=False))

    def series(title: str, unit: str, value: str) -> Lines:
        return _lines(title, unit, CLICKHOUSE, Sql(per_hour.format(value)))

    return (
        _base("callgauge-history", "callgauge: history", "What the calls of a month were, by model.", "30d")
        .refresh("5m")
        .with_panel(series("Calls per hour", "short", "sum(calls) AS calls"))
        .with_panel(series("Cost per hour", "currencyUSD", "sum(cost_usd) AS cost"))
        .with_panel(series("Failed", "percentunit", "sum(errors) / sum(calls) AS failed"))
        .with_panel(series("Output tokens per hour", "short", "sum(output_tokens) AS tokens"))
        .with_row(Row("Who spends, and what fired"))
        .with_panel(table("Dearest users", usage))
        .with_panel(table("Alerts", alerts))
    )


def dashboards() -> dict[str, Dashboard]:
    """By the name of their file."""
    return {"calls": calls(), "pipeline": pipeline(), "history": history()}


def written(dashboard: Dashboard) -> str:
    """The JSON that Grafana reads."""
    return json.dumps(json.loads(JSONEncoder(sort_keys=True).encode(dashboard.build())), indent=1) + "\n"


def main() -> None:
    """Write the files."""
    for name, dashboard in dashboards().items():
        (FOLDER / f"{name}.json").write_text(written(dashboard))
        print(FOLDER / f"{name}.json")


if __name__ == "__main__":
    main()
