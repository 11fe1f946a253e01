"""Section tables: the sections of an evaluation as Markdown, from the JSON values they are kept as."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pausewatch.evaluation.bootstrap import Measure
from pausewatch.evaluation.tables import number, percent, table

_NAN = float("nan")


def section_markdown(kept: Mapping[str, Any]) -> str:
    """Return the tables of every section there is, with a heading each."""
    makers: dict[str, Callable[[Any], str]] = {
        "missed_runs": _missed,
        "alarm_lines": _alarm_lines,
        "envelope": _envelope,
        "peers": _peers,
        "ablation": _ablation,
        "left_out": _left_out,
    }
    return "\n".join(make(kept[name]) for name, make in makers.items() if name in kept)


def _measure(told: Mapping[str, float | None]) -> Measure:
    value, low, high, count = (
        _NAN if told[k] is None else float(told[k] or 0.0) for k in ("value", "low", "high", "count")
    )
    return Measure(value, low, high, count)


def _percent(told: Mapping[str, float | None]) -> str:
    return percent(_measure(told))


def _number(told: Mapping[str, float | None]) -> str:
    return number(_measure(told))


def _missed(rows: Sequence[Mapping[str, Any]]) -> str:
    head = "## Untampered runs that weren't found, and what forbade it\n"
    if not rows:
        return f"{head}\nAll were found.\n"
    columns = (
        "site",
        "kind",
        "event",
        "MW",
        "% of IT capacity",
        "days",
        "size over the line",
        "Lorden's days",
        "because",
    )
    body = [
        (
            f"{row['fleet']} {row['site_id']}",
            row["kind"],
            row["event"].replace("_", " "),
            f"{row['mw']:g}",
            f"{100 * row['share']:.1f}",
            f"{row['days']:g}",
            "–" if row["over_line"] is None else f"{row['over_line']:.2f}",
            "–" if row["lorden_days"] is None else f"{row['lorden_days']:.1f}",
            row["because"],
        )
        for row in rows
    ]
    return (
        f"{head}\nThe line is `detectable_mw_7d`, the median over the run's days. Lorden's days: the least mean "
        "delay that any test could have at the same alarm budget in that site's noise (Lorden "
        f"1971).\n\n{table(columns, body)}"
    )


def _alarm_lines(rows: Sequence[Mapping[str, Any]]) -> str:
    columns = (
        "alarm from", "runs of 5 % and 5 days typed", "all visible training typed",
        "false training_like a site-year", "of those with nothing behind them", "benign events called training",
    )  # fmt: skip
    body = [
        (
            " or ".join(f"{line:g} for {days} days" for line, days in row["lines"])
            + (", in force" if row["in_force"] else ""),
            _percent(row["big_typed"]),
            _percent(row["typed"]),
            _number(row["false_training"]),
            _number(row["false_training_of_nothing"]),
            _percent(row["benign_called_training"]),
        )
        for row in rows
    ]
    return (
        "## What another alarm line would give\n\nThe same findings by the judge in force, called training_like from "
        "other probabilities of training on, over other days of load; coordinated loads keep the line in force. Typed: "
        "of those found.\n\n" + table(columns, body)
    )


def _envelope(kept: Mapping[str, Any]) -> str:
    low, high = kept["promised"]
    body = [
        (
            f"{row['days']:g}",
            f"{row['multiple']:g}",
            _percent(row["found"]),
            _percent(row["asked"]),
            {True: "kept", False: "**not kept**", None: ""}[row["kept"]],
        )
        for row in kept["rows"]
    ]
    return (
        "## Is what is stated as detectable found?\n\nConstant IT load laid over the meters of sites at which "
        "nothing happens, a multiple of the `detectable_mw_7d` of the day before (of the load behind "
        "`detectable_flop_90d` for runs of 90 days), at a random minute. Found: a "
        "report until the day it ended told of it. Asked about: as training_like or unexplained. Promised at the "
        f"stated size: {100 * low:.0f} to {100 * high:.0f} %.\n\n"
        + table(("days", "size over the stated", "found", "asked about", ""), body)
    )


def _peers(rows: Sequence[Mapping[str, Any]]) -> str:
    columns = (
        "what", "sites", "runs of 5 % and 5 days found", "delay, days", "all visible training", "evasions",
        "false open a site-year", "benign events asked about", "typed",
    )  # fmt: skip
    body = [
        (
            row["name"],
            f"{row['sites']}",
            _percent(row["big_found"]),
            _number(row["big_delay_days"]),
            _percent(row["found"]),
            _percent(row["evasions_found"]),
            _number(row["false_open"]),
            _percent(row["benign_asked"]),
            _percent(row["typed"]) if row["can_type"] else "can't",
        )
        for row in rows
    ]
    about = "; ".join(dict.fromkeys(f"*{r['name']}*: {r['about']}" for r in rows if r["about"] and not r["raised"]))
    return (
        "## What a user would pick instead\n\nThe same fleets, meters, declared windows and alarm budget, by the "
        "same rules. Each is calibrated on its reference by the tail of its weekly maxima; where its false findings "
        "in the pause exceed the budget a second row raises its limits until they keep to it. Days with an alarm no "
        "more than a week apart are one finding; none can say what a load is, how large it is, or what could have "
        f"been missed. {about}.\n\n{table(columns, body)}"
    )


def _ablation(rows: Sequence[Mapping[str, Any]]) -> str:
    columns = list(rows[0]["measures"]) if rows else []
    body = [
        (
            f"without {row['without'].replace('_', ' ')}" if row["without"] else "everything",
            *[(_number if _is_number(c) else _percent)(row["measures"][c]) for c in columns],
        )
        for row in rows
    ]
    sites = rows[0]["sites"] if rows else 0
    return (
        f"## What each lane and test is worth\n\nThe first sites of each fleet, {sites} in all, by the judge in "
        "force, with one thing left out at a time; what remains has the whole alarm budget.\n\n"
        + table(("", *columns), body)
    )


def _is_number(column: str) -> bool:
    return "delay" in column or "a site-year" in column


def _left_out(rows: Sequence[Mapping[str, Any]]) -> str:
    head = "## Would the learned judge know what it was never shown?\n"
    if not rows:
        return f"{head}\nToo few episodes to train on.\n"
    columns = (
        "left out", "sites", "training typed, shown others like it", "never shown",
        "benign called training, shown others like it", "never shown",
    )  # fmt: skip
    body = [
        (
            f"{row['sort']}: {row['left_out'].replace('_', ' ')}",
            f"{row['sites']}",
            _percent(row["typed"]),
            _percent(row["typed_unseen"]),
            _percent(row["benign_called_training"]),
            _percent(row["benign_called_training_unseen"]),
        )
        for row in rows
    ]
    return (
        f"{head}\nTrained on the episodes of these fleets, on sites other than those it is asked about: of all sorts "
        "(one of five, each without a fifth of the sites), or without every site of the sort. Typed: of the training "
        f"a finding on load told of, the share that was training_like in the end.\n\n{table(columns, body)}"
    )
