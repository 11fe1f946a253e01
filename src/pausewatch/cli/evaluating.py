"""Commands about the judge of findings: train one, evaluate it, promote it."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pausewatch.cli.options import FLEET, HOME, DebugOption, FleetOption, FormatOption, HomeOption, say, say_json
from pausewatch.errors import UsageError

if TYPE_CHECKING:
    from pausewatch.signatures.corpus import Corpus
    from pausewatch.signatures.rule import Explainer

_SITES, _SEED, _DAYS = 120, 20261124, 60
_TRAIN_SITES, _TRAIN_SEED, _TRAIN_DAYS = 900, 9401, 60
ModelsOption = Annotated[
    Path | None, typer.Option("--models", help="folder of the models, instead of the home's own", show_default=False)
]


def train(
    sites: Annotated[int, typer.Option("--sites", help="simulated sites, honest ones and others")] = _TRAIN_SITES,
    seed: Annotated[
        int, typer.Option("--seed", help="of the first simulated fleet; the others have the next")
    ] = _TRAIN_SEED,
    pause_days: Annotated[int, typer.Option("--pause-days", help="days of the pause")] = _TRAIN_DAYS,
    processes: Annotated[int, typer.Option("--processes", help="fleets made at a time")] = 2,
    models: ModelsOption = None,
    fleet: FleetOption = FLEET,
    home: HomeOption = HOME,
    fmt: FormatOption = "text",
    debug: DebugOption = False,
) -> None:
    """Train a challenger for the judge of findings on simulated fleets and reviewed findings; nothing is promoted."""
    from pausewatch.evaluation.corpora import build_corpora
    from pausewatch.evaluation.training import challenger, training_plans
    from pausewatch.progress import Terminal

    folder = _folder(models, home)
    plans = training_plans(sites, seed, pause_days)
    with Terminal() as progress:
        corpora = build_corpora(plans, folder, processes, progress)
    card = challenger(plans, corpora, folder, _taught_by_reviews(home))
    if fmt == "json":
        say_json({"model": card.name, "sha256": card.sha256, "corpus": card.corpus, "held_out": card.held_out})
        return
    say(f"{card.name}: {card.corpus['examples']} episodes; sites by cause: {card.corpus['sites_by_cause']}")
    for cause in card.causes:
        mine, ruled = (card.held_out[judge]["causes"][cause] for judge in ("model", "rule"))
        say(
            f"  {cause}: recall {100 * mine['recall']:.0f} % (rule {100 * ruled['recall']:.0f} %), "
            f"precision {100 * mine['precision']:.0f} % (rule {100 * ruled['precision']:.0f} %)"
        )
    say(f"next: pausewatch evaluate --model {card.name}")


def evaluate(
    sites: Annotated[int, typer.Option("--sites", help="simulated sites of all sorts")] = _SITES,
    seed: Annotated[int, typer.Option("--seed", help="of the first simulated fleet; others have the next")] = _SEED,
    pause_days: Annotated[int, typer.Option("--pause-days", help="days of the pause")] = _DAYS,
    preset: Annotated[
        list[str] | None,
        typer.Option(
            "--preset", help="fleets of this sort alone, as `simulate` names it; repeatable; not kept for a promotion"
        ),
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", help="a challenger, to compare with the champion and the rule")
    ] = None,
    peers: Annotated[bool, typer.Option("--peers", help="compare with what a user would pick instead")] = False,
    ablation: Annotated[bool, typer.Option("--ablation", help="leave out one lane or test at a time")] = False,
    envelope: Annotated[bool, typer.Option("--envelope", help="inject runs of the size stated as detectable")] = False,
    leave_out: Annotated[
        bool, typer.Option("--leave-out", help="retrain without one evasion or kind of site at a time")
    ] = False,
    workers: Annotated[int, typer.Option("--workers", help="processes", min=1)] = 2,
    markdown: Annotated[
        Path | None, typer.Option("--markdown", help="a page to put the tables into, between its marks")
    ] = None,
    json: Annotated[Path | None, typer.Option("--json", help="a file to write everything to, each miss too")] = None,
    models: ModelsOption = None,
    fleet: FleetOption = FLEET,
    home: HomeOption = HOME,
    fmt: FormatOption = "text",
    debug: DebugOption = False,
) -> None:
    """Inspect simulated fleets of known truth and score what was said of them."""
    from pausewatch.evaluation.gate import keep_evaluation, require_unseen
    from pausewatch.evaluation.plans import evaluation_plans
    from pausewatch.evaluation.proof import Asked, prove
    from pausewatch.evaluation.report import evaluated, write_between_marks
    from pausewatch.findings.export import json_text
    from pausewatch.progress import Terminal
    from pausewatch.signatures.registry import RULE, champion_name, find_card

    folder = _folder(models, home)
    plans = evaluation_plans(sites, seed, pause_days, preset or ())
    judges = _judges(folder, model)
    for name in judges:
        if name != RULE:
            require_unseen(find_card(folder, name), plans)
    with Terminal() as progress:
        proof = prove(plans, Asked(peers=peers, ablation=ablation, envelope=envelope), workers, progress)
    extras = {"--peers": peers, "--ablation": ablation, "--envelope": envelope, "--leave-out": leave_out}
    command = " ".join(
        (
            f"pausewatch evaluate --sites {sites} --seed {seed} --pause-days {pause_days}",
            *[f"--preset {name}" for name in preset or ()],
            *([f"--model {model}"] if model else []),
            *[name for name, wanted in extras.items() if wanted],
        )
    )
    result = evaluated(command, proof, judges, leave_out=leave_out)
    # What speaks for a promotion is of every sort of fleet.
    if model is not None and not preset:
        keep_evaluation(folder, find_card(folder, model), champion_name(folder), result)
    if markdown is not None:
        write_between_marks(markdown, result.markdown())
    if json is not None:
        json.parent.mkdir(parents=True, exist_ok=True)
        json.write_text(json_text(result.document()), encoding="utf-8")
    if fmt == "json":
        say_json(result.document())
    else:
        say(result.markdown())


def promote(
    model: Annotated[str | None, typer.Argument(help="the challenger")] = None,
    rollback: Annotated[bool, typer.Option("--rollback", help="put the champion before this one back")] = False,
    history: Annotated[bool, typer.Option("--history", help="who judged since when, by whom and why")] = False,
    reason: Annotated[str, typer.Option("--reason", help="why, in your words; kept for ever")] = "not stated",
    by: Annotated[str | None, typer.Option("--by", help="who decides; you, by default")] = None,
    models: ModelsOption = None,
    fleet: FleetOption = FLEET,
    home: HomeOption = HOME,
    debug: DebugOption = False,
) -> None:
    """Make a challenger the judge of findings, if its evaluation speaks for it; or take the last promotion back."""
    from pausewatch.evaluation.succession import step_back, succeed
    from pausewatch.findings.register import Register
    from pausewatch.settings import Home

    if (model is not None) + rollback + history != 1:
        raise UsageError("promote takes a model, --rollback or --history", remedy="name one of them")
    folder, who, now = _folder(models, home), by or getpass.getuser(), datetime.now(UTC)
    url = Home.at(home).register_url
    if url.startswith("sqlite:///"):
        Path(url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    with Register.open(url) as register:
        if history:
            for past in register.promotions():
                say(
                    f"{past.decided_at:%Y-%m-%d %H:%M}Z {past.model} after {past.previous} ({past.action}), "
                    f"by {past.decided_by}: {past.reason}"
                )
            return
        if model is None:
            name = step_back(folder, register, by=who, reason=reason, at=now)
        else:
            name = succeed(folder, register, model, by=who, reason=reason, at=now)
    say(f"findings are judged by {name} from now on")


def _taught_by_reviews(home: Path) -> Corpus | None:
    """Return what reviewers told, where a home has a register."""
    from pausewatch.evaluation.reviewed import reviewed_findings, taught_by
    from pausewatch.findings.register import Register
    from pausewatch.settings import Home

    url, now = Home.at(home).register_url, datetime.now(UTC)
    if url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).exists():
        return None
    with Register.open(url) as register:
        return taught_by(reviewed_findings(register.reviewed(now)), now)


def _folder(models: Path | None, home: Path) -> Path:
    from pausewatch.settings import Home

    return models or Home.at(home).models


def _judges(folder: Path, model: str | None) -> dict[str, Explainer]:
    """Return the judges to compare, the one in force first."""
    from pausewatch.signatures.registry import RULE, champion_name, load
    from pausewatch.signatures.rule import explain

    names = dict.fromkeys([champion_name(folder), RULE, *([model] if model else [])])
    return {name: explain if name == RULE else load(folder, name)[0].explain for name in names}
