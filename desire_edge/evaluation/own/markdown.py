"""The benchmark as a page of Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from desire_edge.data import TARGETS
from desire_edge.evaluation.own.plan import CORPORA, MANY_WAYS, OwnPlan
from desire_edge.evaluation.own.summary import OURS, TITLES, plan_of, shots_of, ways_of

HEAD = """Micro ROC AUC in percent on tasks over labels that training never saw: means over all tasks of all seeds. Each
baseline's settings were chosen on tasks over validation labels, on rows that nothing was fitted on. *Italic*: better
than ours; **bold**: worse than ours; both where the 95 % interval of the paired difference leaves 0 out. The margin is
ours less the best baseline of the cell, which is the one with the highest mean on these very tasks (severe: no user
could choose it so), with its 95 % interval; ▼ marks where ours is below it by an interval corrected for the number of
cells with full targets (Bonferroni).

Logistic regression is fitted for all labels of a task at once by a solver of this project, SciPy's L-BFGS on the sum of
their losses, to the optimum that scikit-learn's has (a test holds it to that). `logistic_seconds_5w5s` is this solver's
CPU time a task; what scikit-learn's own takes, a label at a time, is `logistic_5w5s_ms` of the part `adaptation`.
"""
TRIED = """Settings are not equal in number. Ours tries one a cell: its scalars are learned once a run, from base labels
alone. A baseline tries as many as stands above its table, up to {most}: fewer would weaken it. They are chosen on
{few} tasks a cell and seed, fewest of many labels, where a baseline's choice is therefore the roughest.
"""
KINDS = {
    "full": "all targets known",
    "half": "each target known with a probability of ½",
    "few-negatives": "the positives and 10 % of the negatives known",
    "single": "of each example one positive known, the label that it was given for",
    "positives": "all positives known and nothing else, so that to take the unknown as negative is to know all",
}
QUALITY_SIZES = ("5w1s", "5w5s", "20w5s", "100w5s")


def page(summary: Mapping[str, Any]) -> str:
    """What is measured so far."""
    parts = ["# Ours beside what a user would write\n", _scope(summary), HEAD]
    if summary["cells"]:
        parts.append(_settings(summary["cells"]))
    parts.append(_metrics(summary["metrics"]))
    for corpus in CORPORA:
        by_targets = summary["cells"].get(corpus, {})
        if not by_targets:
            continue
        parts.append(f"## {corpus}\n")
        for kind in TARGETS:
            if cells := by_targets.get(kind):
                heading = f"{KINDS[kind][0].upper()}{KINDS[kind][1:]}"
                parts.append(f"{heading}; settings tried of each: {_tried(cells)}.\n\n{_table(cells)}\n")
        for kind in TARGETS:
            if quality := _quality(KINDS[kind], by_targets.get(kind, {})):
                parts.append(quality)
    if summary["left_out"]:
        parts.append("## Left out\n\nCells that the novel labels or their rows are too few for:\n")
        parts.append("\n".join(_left_out(summary)) + "\n")
    return "\n".join(parts)


def _scope(summary: Mapping[str, Any]) -> str:
    """How much of the whole plan this is; a cell is of one label seed."""
    whole, plan, scope = OwnPlan(), plan_of(summary), summary["scope"]
    tasks = ", ".join(f"{plan.tasks_of(ways)} of {ways}" for ways in plan.ways if ways > MANY_WAYS)
    state = f"{scope['measured']} are measured, {scope['left_out']} left out for want of novel labels or rows"
    return (
        f"**Scope.** The whole plan is {scope['whole_plan']} cells: {len(whole.corpora)} corpora under "
        f"{len(whole.seeds)} label seeds, {_listed(whole.ways)} labels, {_listed(whole.shots)} examples a label "
        f"({_listed(whole.partial_shots)} where targets are partly known), targets {_listed(whole.targets)}. Asked "
        f"for here are {scope['asked']}: {_listed(plan.corpora)}; seeds {_listed(plan.seeds)}; {_listed(plan.ways)} "
        f"labels; {_listed(plan.shots)} examples; targets {_listed(plan.targets)}. Of these {state} (see the end), "
        f"and {scope['missing']} missing. A cell has {plan.tasks} tasks a seed"
        + (f", {tasks} labels" if tasks else "")
        + ".\n"
    )


def _listed(values: Sequence[Any]) -> str:
    return ", ".join(map(str, values))


def _settings(cells: Mapping[str, Any]) -> str:
    """How many settings were tried, and on how many tasks."""
    every = [
        cell for by_targets in cells.values() for by_size in by_targets.values() for cell in by_size.values()
    ]
    most = max(tried for cell in every for tried in cell["tried"].values())
    tasks = sorted(number for cell in every for number in cell["tuned_on_tasks"])
    few = f"{tasks[0]}" if tasks[0] == tasks[-1] else f"{tasks[0]} to {tasks[-1]}"
    return TRIED.format(most=most, few=few)


def _left_out(summary: Mapping[str, Any]) -> list[str]:
    """A line a corpus and number of labels."""
    reasons: dict[tuple[str, int], list[str]] = {}
    for cell in plan_of(summary).cells():
        if why := summary["left_out"].get(cell.name):
            reasons.setdefault((cell.corpus, cell.ways), []).append(why)
    return [
        f"- {corpus}, {ways} labels, {len(found)} {'cell' if len(found) == 1 else 'cells'}: {found[0]}"
        for (corpus, ways), found in reasons.items()
    ]


def _metrics(found: Mapping[str, float]) -> str:
    lines = [f"| {name} | {value:g} |" for name, value in found.items()]
    return "\n".join(["| figure | |", "|---|---|", *lines, ""])


def sorted_sizes(cells: Mapping[str, Any]) -> list[str]:
    """Fewer ways first, then fewer shots."""
    return sorted(cells, key=lambda size: (ways_of(size), shots_of(size)))


def _table(cells: Mapping[str, Any]) -> str:
    names = [name for name in TITLES if any(name in cell["rows"] for cell in cells.values())]
    lines = [
        f"| | {' | '.join(TITLES[name] for name in names)} | margin |",
        "|---" * (len(names) + 2) + "|",
    ]
    for size in sorted_sizes(cells):
        cell = cells[size]
        best = cell["rows"][cell["best"]]["ours_minus"]
        margin = f"{100 * best['mean']:+.1f} ± {100 * best['half_width']:.1f}{' ▼' if cell['below'] else ''}"
        values = [_value(cell["rows"].get(name)) for name in names]
        lines.append(f"| {size} | {' | '.join(values)} | {margin} |")
    return "\n".join(lines)


def _tried(cells: Mapping[str, Any]) -> str:
    """How many settings were tried of each baseline."""
    most: dict[str, int] = {}
    for cell in cells.values():
        for name, tried in cell["tried"].items():
            most[name] = max(most.get(name, 0), tried)
    return ", ".join(f"{TITLES[name]} {most[name]}" for name in TITLES if name in most)


def _value(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return ""
    value = f"{100 * row['micro_auc']['mean']:.1f}"
    minus = row.get("ours_minus")
    if minus is None or not abs(minus["mean"]) > minus["half_width"]:
        return value
    return f"**{value}**" if minus["mean"] > 0 else f"*{value}*"


def _quality(kind: str, cells: Mapping[str, Any]) -> str:
    """What else there is of some cells: macro AUC, F1, calibration and seconds."""
    lines = [
        f"| {kind} | | macro AUC | micro F1 | ECE | Brier | CPU ms a task |",
        "|---|---|---|---|---|---|---|",
    ]
    for size in QUALITY_SIZES:
        for name, row in cells.get(size, {}).get("rows", {}).items():
            if name in (OURS, "logistic", "logistic_cosine", "logistic_priors"):
                figures = [100 * row["macro_auc"]["mean"], 100 * row["micro_f1"]["mean"], 100 * row["ece"]]
                shown = [f"{figure:.1f}" for figure in figures]
                shown += [f"{row['brier']:.3f}", f"{1000 * row['seconds']:.1f}"]
                lines.append(f"| {size} | {TITLES[name]} | {' | '.join(shown)} |")
    return "\n".join([*lines, ""]) if len(lines) > 2 else ""
