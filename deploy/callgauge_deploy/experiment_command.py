"""`callgauge experiment`: compares two variants by scores, with errors, cost and latency beside them."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from callgauge.counted import LABELS
from callgauge.errors import SettingError
from callgauge.near_names import unknown
from callgauge.printable import json_printable, printable
from callgauge_deploy.command import load, store_settings
from callgauge_deploy.time_asked import time_ms

if TYPE_CHECKING:
    from callgauge_history.experiments.experiment import Experiment, ScoreResult

__all__ = ["experiment", "sentence_of"]


def experiment(
    a: Annotated[str, typer.Argument(help="The variant that is compared with.", metavar="VARIANT_A")],
    b: Annotated[str, typer.Argument(help="The new one.", metavar="VARIANT_B")],
    score: Annotated[
        list[str],
        typer.Option("--score", help="Name of a score; -NAME if lower is better. May be repeated.", metavar="NAME"),
    ],
    service: Annotated[str, typer.Option(help="Of this service only.")] = "",
    origin: Annotated[str, typer.Option(help="Scores of this origin only: heuristic, judge, user, business.")] = "",
    label: Annotated[
        str, typer.Option(help="The label whose values are compared: model, prompt_version, ...")
    ] = "variant",
    begin: Annotated[str, typer.Option("--from", help="A time, or how long ago (7d).", metavar="TIME")] = "14d",
    end: Annotated[str, typer.Option("--to", help="The same, or now.", metavar="TIME")] = "now",
    share: Annotated[float, typer.Option(min=0.01, max=0.99, help="The share of traffic that A should get.")] = 0.5,
    least: Annotated[int, typer.Option(min=2, help="Scores that each variant needs.")] = 500,
    alpha: Annotated[
        float, typer.Option(min=0.0001, max=0.5, help="How often a decision may be wrong by chance.")
    ] = 0.05,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Compare two variants: which one has the better scores, and at what cost, latency and error rate.

    The decision may be asked for at any time and as often as one likes: it rests on a confidence sequence
    (docs/experiments.md). Each score must stand for a call of its own, assigned to its variant by chance.
    """
    if label not in LABELS:
        raise SettingError(f"--label: {unknown(label, 'label', LABELS, plain=True)}")
    module = load("callgauge_history.experiments.experiment", "analysis")
    selection = load("callgauge_history.comparing.selection", "analysis")
    now_ms = round(time.time() * 1000)
    from_ms, to_ms = time_ms(begin, now_ms, "--from"), time_ms(end, now_ms, "--to")
    if from_ms >= to_ms:
        raise SettingError(f"--from {begin} must be before --to {end}")
    scores = {name.removeprefix("-"): not name.startswith("-") for name in score}
    chosen = selection.Selection(from_ms, to_ms, {"service": service} if service else {})
    wanted = module.Wanted(a, b, scores, chosen, origin, label, least, alpha, share)
    with load("callgauge_history.query", "sinks").asking(store_settings()) as ask:
        found = module.experiment(ask, wanted)
    if as_json:
        typer.echo(json_printable(json.dumps(_object(found), indent=2)))
    else:
        _print(found)


def sentence_of(result: ScoreResult, a: str, b: str) -> str:
    """The decision on one score, in words."""
    found = result.judgement
    head = f"{result.name}: "
    if found.outcome == "too_few":
        missing = ((name, count) for name, count in ((a, found.missing_a), (b, found.missing_b)) if count)
        return (
            head + "not enough yet: " + " and ".join(f"{name} needs {count:,} more scores" for name, count in missing)
        )
    if found.outcome == "bad_ratio":
        return head + f"do not trust it: the groups do not have the sizes of the split (p = {found.ratio_p:.2g})"
    sequence = f"Cliff's delta {found.sequence_low:+.3f} to {found.sequence_high:+.3f} at any time"
    if found.outcome == "no_difference":
        return head + f"no difference seen yet ({sequence})"
    size = f", a {found.comparison.size} effect" if found.comparison else ""
    return head + f"{b} is {found.outcome} than {a}{size} ({sequence})"


def _print(found: Experiment) -> None:
    from callgauge_deploy.comparison_rows import NAMES, beside_row, errors_row, score_row
    from callgauge_deploy.results import print_rows

    a, b = found.wanted.a, found.wanted.b
    rows = []
    for each in found.scores:
        compared = each.judgement.comparison
        if compared is not None and each.mean_a is not None and each.mean_b is not None:
            rows.append(
                score_row(f"{each.name} (n {compared.n_a:,}, {compared.n_b:,})", each.mean_a, each.mean_b, compared)
            )
    rows += [errors_row(found.errors)] if found.errors else []
    rows += [beside_row(each) for each in found.beside]
    typer.echo(printable(f"{a}: {found.calls_a:,} calls; {b}: {found.calls_b:,} calls"))
    if rows:
        print_rows(("", *(name.format(a=printable(a), b=printable(b)) for name in NAMES)), rows)
    for each in found.scores:
        typer.echo(printable(sentence_of(each, a, b)))


def _object(found: Experiment) -> dict[str, Any]:
    from callgauge_deploy.comparison_rows import json_of

    a, b = found.wanted.a, found.wanted.b
    scores = [asdict(each) | {"decision": sentence_of(each, a, b)} for each in found.scores]
    return {
        "a": {"name": a, "calls": found.calls_a},
        "b": {"name": b, "calls": found.calls_b},
        "scores": scores,
        **json_of(found.errors, found.beside),
    }
