#!/usr/bin/env python3
"""The tables of experiments/reaugkd_experiments/experiments.py's runs: mean and deviation over seeds, and what is more than noise.

    experiments/reaugkd_experiments/report.py runs/small                      Markdown
    experiments/reaugkd_experiments/report.py runs/small --format latex|csv
    experiments/reaugkd_experiments/report.py runs/small runs/more --published figures.json

Intervals and p values are those of experiments/reaugkd_experiments/paired.py.
"""
import argparse
import csv
import json
import math
import pathlib
import signal
import statistics
import sys

from paired import Task, average_interval, fail, interval
from table_format import as_csv, as_latex, as_markdown


INTERVALS = ("- Differences: 95 % intervals over dev rows, with p, and over seeds (Student's t). One is more than noise where both exclude "
             "zero; they are not corrected for their number, and one of twenty over rows excludes it by chance.")


def mean_and_deviation(values, digits=1):
    values = list(values)
    if not values:
        return ""
    text = f"{100 * statistics.fmean(values):.{digits}f}"
    return f"{text} ± {100 * statistics.stdev(values):.{digits}f}" if len(values) > 1 else text


def methods_of(tasks):
    """Students, without their further evaluations."""
    return list(dict.fromkeys(method for task in tasks for method in task.runs if "@" not in method))


def averages(tasks, scores_of):
    """Seed -> the mean over the tasks with a signal, of the seeds that all of these have."""
    scores = [scores_of(task) for task in tasks if task.signal]
    seeds = set.intersection(*map(set, scores)) if scores else set()
    return {seed: statistics.fmean(each[seed] for each in scores) for seed in sorted(seeds)}


def score_column(scores, seeds):
    """Method -> text. Bold: the best of those with every one of the seeds; others say how many they have."""
    whole = {method: statistics.fmean(of_method.values()) for method, of_method in scores.items()
             if of_method and len(of_method) == len(seeds)}
    texts = {}
    for method, of_method in scores.items():
        text = mean_and_deviation(of_method.values())
        if text and method not in whole:
            text += f" ({len(of_method)} of {len(seeds)} seeds)"
        texts[method] = f"**{text}**" if method in whole and whole[method] == max(whole.values()) else text
    return texts


def main_table(tasks, which, published):
    methods = methods_of(tasks)
    columns = [({method: task.scores(method, which) for method in methods}, task.teacher) for task in tasks]
    columns.append(({method: averages(tasks, lambda task: task.scores(method, which)) for method in methods},
                    averages(tasks, lambda task: task.teacher)))
    table = [["method"] + [task.name + ("" if task.signal else " (no signal)") for task in tasks] + ["average"],
             ["teacher"] + [mean_and_deviation(teacher.values()) for _, teacher in columns]]
    texts = [score_column(scores, teacher) for scores, teacher in columns]
    table += [[method] + [column[method] for column in texts] for method in methods]
    for figure in published:
        cells = {cell["task"]: cell for cell in figure["cells"]}
        known = [cells.get(published_name(task)) for task in tasks]
        table.append([figure["method"] + " (published)"]
                     + [f"{cell['value']} [{cell['source']}]" if cell else "" for cell in known] + [""])
    return table


def published_name(task):
    """What a file of published figures calls it."""
    name = task.directory.name
    return name[:-len("-dev")] if name.endswith("-dev") else name


def runner_up_table(tasks):
    """The best method of each task and of the average, of those with every seed, against the second."""
    signals = [task for task in tasks if task.signal]
    table = [[""] + [task.name for task in tasks] + ["average"]]
    for title, which in (("student alone", "alone"), ("with retrieval", "combined")):
        row = [title]
        for part in [[task] for task in tasks] + [signals]:
            means = {method: [statistics.fmean(task.scores(method, which).values()) for task in part
                              if task.teacher and len(task.scores(method, which)) == len(task.teacher)]
                     for method in methods_of(part)}
            ranked = sorted((method for method in means if len(means[method]) == len(part)),
                            key=lambda method: -statistics.fmean(means[method]))
            text = difference_text(average_interval(part, *((method, which) for method in ranked[:2])), part) if len(ranked) > 1 else ""
            row.append(f"{ranked[0]} over {ranked[1]}: {text}" if text else "")
        table.append(row)
    return table


def average(values):
    return f"{100 * statistics.fmean(values):.1f}" if values else ""


def difference_text(difference, tasks):
    if difference is None:
        return ""
    text = f"{100 * difference.mean:+.1f} [{100 * difference.low:+.1f}, {100 * difference.high:+.1f}]"
    if difference.p is not None:
        text += f" p {difference.p:.3f}" if difference.p >= 0.0005 else " p < 0.001"
    if difference.over_seeds:
        text += f", seeds [{100 * difference.over_seeds[0]:+.1f}, {100 * difference.over_seeds[1]:+.1f}]"
    planned = max(len(task.teacher) for task in tasks)
    return text + (f" ({difference.seeds} of {planned} seeds)" if difference.seeds < planned else "")


def difference_row(tasks, left, right):
    """A cell a task, then the average over those with a signal."""
    signals = [task for task in tasks if task.signal]
    return ([difference_text(interval(task, left, right), [task]) for task in tasks]
            + [difference_text(average_interval(signals, left, right), signals)])


def retrieval_table(tasks):
    return [["method"] + [task.name for task in tasks] + ["average"]] + [
        [method] + difference_row(tasks, (method, "combined"), (method, "alone")) for method in methods_of(tasks)]


def control_table(tasks):
    """The gain of retrieval beside that of the same selection with the knowledge base's labels permuted. "Retrieval alone"
    is p^KB with the k in parentheses: where beta is 1 all k tie, and the smallest is kept."""
    table = [["method"] + [f"{task.name}: gain, permuted, retrieval alone, beta (k)" for task in tasks]]
    for method in methods_of(tasks):
        row = [method]
        for task in tasks:
            runs = list(task.runs.get(method, {}).values())
            if not runs:
                row.append("")
                continue
            gains = [run.score("combined") - run.score("alone") for run in runs]
            permuted = [run.metrics["retrieval"]["permuted"]["combined"][run.metric] - run.score("alone")
                        for run in runs if "permuted" in run.metrics["retrieval"]]
            alone = [run.metrics["metrics"]["retrieval"][run.metric] for run in runs]
            betas = ", ".join(f"{run.metrics['retrieval']['beta']:g} ({run.metrics['retrieval']['k']})" for run in runs)
            row.append(f"{100 * statistics.fmean(gains):+.1f}, "
                       + (f"{100 * statistics.fmean(permuted):+.1f}, " if permuted else "-, ")
                       + f"{average(alone)}, {betas}")
        table.append(row)
    return table


def against_table(tasks, method):
    """`method` with retrieval beside every other method alone, as the paper compares them, and both with retrieval."""
    table = [[f"{method} with retrieval minus"] + [task.name for task in tasks] + ["average"]]
    for other in methods_of(tasks):
        table.append([other + " alone"] + difference_row(tasks, (method, "combined"), (other, "alone")))
    for other in methods_of(tasks):
        if other != method:
            table.append([other + " with retrieval"] + difference_row(tasks, (method, "combined"), (other, "combined")))
    return table


def cost_table(tasks, method):
    """Medians over seeds: what each stage took, and one query alone and with retrieval."""
    stages = {"teacher-finetune": "teacher", "project": "projected", "build-kb": "kb"}
    stages.update({f"distill {name}": f"student-{name}" for name in methods_of(tasks)})
    stages[f"eval {method}"] = f"eval-{method}"
    table = [[""] + [task.name for task in tasks]]
    for title, directory in stages.items():
        table.append([title + ", s"] + [median_text(task, directory, "timing.total_seconds") for task in tasks])
    for title, key in (("one query, student, ms", "model.p50_ms"), ("one query, with retrieval, ms", "with_retrieval.p50_ms"),
                       ("retrieval on top, %", "overhead_percent")):
        row = [median_text(task, f"eval-{method}", "latency.batch_1." + key) for task in tasks]
        if any(row):
            table.append([title] + row)
    return table


def median_text(task, directory, key):
    """Of a number in metrics.json; a tuned method's configurations ("student-kd@1") count like seeds, further evaluations
    of its student ("eval-kd@k4") do not."""
    values = []
    for name in (directory, directory + "@*") if directory.startswith("student-") else (directory,):
        for path in (path for seed in task.seeds() for path in seed.glob(f"{name}/metrics.json")):
            value = json.loads(path.read_text())
            for part in key.split("."):
                value = value.get(part) if isinstance(value, dict) else None
            values += [] if value is None else [value]
    return f"{statistics.median(values):.1f}" if values else ""


def plans_of(run):
    """Those that were run in the directory, each as plan-<its name>.json (plan.json by older versions)."""
    return [json.loads(path.read_text()) for path in sorted(run.glob("plan-*.json")) or run.glob("plan.json")]


def evaluation_groups(runs):
    """The plan's further evaluations: title -> names, in the plan's order."""
    groups = {}
    for run in runs:
        for plan in plans_of(run):
            for evaluation in plan.get("evals", []):
                groups.setdefault(evaluation.get("group", "Evaluations"), {})[evaluation["name"]] = None
    return {title: list(names) for title, names in groups.items()}


def evaluation_table(tasks, names):
    """What retrieval adds to each student in each of its evaluations, the plain one first: of one task, or the average."""
    table = [["method", "as it is"] + names]
    for method in methods_of(tasks):
        sides = [method] + [f"{method}@{name}" for name in names]
        if any(side in task.runs for side in sides[1:] for task in tasks):
            gains = [((side, "combined"), (method, "alone")) for side in sides]
            table.append([method] + [difference_text(average_interval(tasks, *gain), tasks) for gain in gains])
    return table


def sweeps(task, method):
    """Per seed with a sweep.tsv: its rows, as numbers."""
    found = {}
    for seed, run in task.runs.get(method, {}).items():
        if (run.directory / "sweep.tsv").exists():
            with open(run.directory / "sweep.tsv", newline="", encoding="utf-8") as file:
                found[seed] = [{"kb_temperature": 1.0, **{name: float(text) for name, text in row.items()}}
                               for row in csv.DictReader(file, delimiter="\t")]  # older ones: T was always 1
    return found


def best_setting(rows):
    """The one that eval would select by the likelihood: ties go to the larger beta, the smaller k, the smaller tau', the T nearest to 1."""
    lowest = min(row["validation_loss"] for row in rows)
    return min((row for row in rows if row["validation_loss"] <= lowest + 1e-9),
               key=lambda row: (-row["beta"], row["k"], row["tau"], abs(math.log(row["kb_temperature"]))))


def sweep_table(task, parameter):
    """The score at each value of one parameter, the others selected on the validation part."""
    found = {method: sweeps(task, method) for method in methods_of([task])}
    found = {method: seeds for method, seeds in found.items() if seeds}
    values = sorted({row[parameter] for seeds in found.values() for rows in seeds.values() for row in rows})
    table = [["method"] + [f"{value:g}" for value in values]]
    for method, seeds in found.items():
        row = [method]
        for value in values:
            cells = [[row for row in rows if row[parameter] == value] for rows in seeds.values()]
            best = [best_setting(cell)[task.metric] for cell in cells if cell]  # a grid need not have all values
            row.append(mean_and_deviation(best) + (f" ({len(best)} of {len(cells)} seeds)" if 0 < len(best) < len(cells) else ""))
        table.append(row)
    return table


def describe(tasks):
    for task in tasks:
        seeds = len(task.teacher)
        yield (f"- {task.name}: {task.metric} on dev ({task.first.metrics['examples']} rows), "
               f"{task.training['train_examples']} rows trained on, {seeds} seed{'s' * (seeds != 1)}, selected on "
               f"{task.selected_on}; majority class {100 * task.majority:.1f}"
               + ("" if task.signal else ": **no signal**, left out of averages")
               + f". Trained {'; '.join(task.machines)}.")


def notes(tasks, runs, published):
    """What a reader of the tables should know: what the plans have and the runs do not, and mixed configurations."""
    planned = dict.fromkeys(method["name"] for run in runs for plan in plans_of(run) for method in plan["methods"])
    missing = [name for name in planned if name not in methods_of(tasks)]
    if missing:
        yield f"- Planned, and no eval is finished: {', '.join(missing)}."
    budgets = {method["name"]: len(method.get("grid", [{}])) for run in runs for plan in plans_of(run)
               for method in plan["methods"] if method["name"] in methods_of(tasks)}
    if len(set(budgets.values())) > 1:
        yield f"- The plan's budgets differ; configurations: {', '.join(f'{name} {n}' for name, n in budgets.items())}."
    for task in tasks:
        for reason in task.left_out:
            yield f"- Left out: {reason}."
        by = sorted({run.metrics["retrieval"].get("selected_by", "loss") for runs in task.runs.values() for run in runs.values()}
                    - {"loss", task.metric})
        if by:
            yield f"- {task.name}: evaluations by the task's metric selected by {', '.join(by)}; the tables show {task.metric}."
        for method in methods_of([task]):
            if len(task.students(method)) > 1:
                yield (f"- **{task.name}, {method}: the seeds have students of different configurations "
                       f"({', '.join(sorted(task.students(method)))})**: start experiments.py again, which mends it.")
    for figure in published:
        unknown = [cell["task"] for cell in figure["cells"] if cell["task"] not in map(published_name, tasks)]
        if unknown:
            yield f"- {figure['method']} (published): there is no task {', '.join(unknown)} here."


def grid_of(task, method):
    """A method's grid in the plans that the task was run by."""
    return next((entry["grid"] for plan in plans_of(task.directory.parent) for entry in plan["methods"]
                 if task.directory.name in [of_plan["name"] for of_plan in plan["tasks"]]
                 and entry["name"] == method and len(entry.get("grid", [])) > 1), [])


def configuration_table(tasks):
    """Of tuned methods: which options of the plan's grid the validation part chose, and of how many."""
    table = [["method"] + [task.name for task in tasks]]
    for method in methods_of(tasks):
        cells = []
        for task in tasks:
            grid = grid_of(task, method)
            chosen = sorted(int(name.partition("@")[2]) for name in task.students(method) if "@" in name)
            texts = [" ".join(f"{name} {value}" for name, value in grid[i].items()) or "defaults" for i in chosen if i < len(grid)]
            cells.append(" or ".join(texts) + f" (of {len(grid)})" if texts else "")
        if any(cells):
            table.append([method] + cells)
    return table


def tasks_of(runs):
    """The tasks in output directories of experiments.py that have a finished eval. Those of one name in two directories
    get the directories' too."""
    for run in runs:
        if not run.is_dir():
            fail(f"{run}: there is no such directory")
    tasks = [Task(directory) for run in runs for directory in sorted(run.iterdir()) if directory.is_dir()]
    for reason in [reason for task in tasks if not task.runs for reason in task.left_out]:
        print(f"report.py: left out: {reason}", file=sys.stderr)
    tasks = [task for task in tasks if task.runs]
    if not tasks:
        fail(f"no finished eval in {', '.join(map(str, runs))}")
    names = [task.name for task in tasks]
    for task in tasks:
        if names.count(task.name) > 1:
            task.name = f"{task.directory.parent.name}-{task.name}"
    return tasks


def tables_of(tasks, method, published, runs):
    """Title and table of each. What was selected on the very rows that it is scored on stands apart, headed so."""
    if not tasks:
        return
    heading = " (selected on dev)" if tasks[0].selected_on == "dev" else ""
    yield "Student alone" + heading, main_table(tasks, "alone", published)
    yield "With retrieval" + heading, main_table(tasks, "combined", [])
    yield "The best against the runner-up, points" + heading, runner_up_table(tasks)
    yield "Gain of retrieval, points, 95 % intervals" + heading, retrieval_table(tasks)
    yield "Gain of retrieval and its control" + heading, control_table(tasks)
    yield f"{method} with retrieval against the others" + heading, against_table(tasks, method)
    chosen = configuration_table(tasks)
    if len(chosen) > 1:
        yield "Options chosen on the validation part of the first seed" + heading, chosen
    yield "Wall time of each stage, latency at batch 1" + heading, cost_table(tasks, method)
    signals = [task for task in tasks if task.signal]
    for title, names in evaluation_groups(runs).items() if len(signals) > 1 else ():
        table = evaluation_table(signals, names)
        if len(table) > 1:
            yield f"Gain of retrieval, average over {', '.join(task.name for task in signals)}: {title}" + heading, table
    for task in tasks:
        for title, names in evaluation_groups(runs).items():
            table = evaluation_table([task], names)
            if len(table) > 1:
                yield f"Gain of retrieval, {task.name}: {title}" + heading, table
        for parameter in ("k", "tau", "beta", "kb_temperature"):
            table = sweep_table(task, parameter)
            if len(table) > 1 and (parameter != "kb_temperature" or len(table[0]) > 2):
                yield f"With retrieval, {task.name}, over {parameter}; the others selected" + heading, table


def read_published(path):
    if not path:
        return []
    try:
        published = json.loads(path.read_text())
        return [{"method": figure["method"], "cells": [{key: cell[key] for key in ("task", "value", "source")}
                                                       for cell in figure["cells"]]} for figure in published]
    except (OSError, ValueError, KeyError, TypeError) as error:
        fail(f"--published {path}: {type(error).__name__} {error}; expected "
             '[{"method": ..., "cells": [{"task": ..., "value": ..., "source": ...}]}]')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=pathlib.Path, help="output directories of experiments.py")
    parser.add_argument("--format", choices=["markdown", "latex", "csv"], default="markdown")
    parser.add_argument("--method", default="reaugkd", help="the one that the others are compared with")
    parser.add_argument("--published", type=pathlib.Path,
                        help='[{"method": ..., "cells": [{"task": ..., "value": ..., "source": ...}]}]')
    args = parser.parse_args()
    tasks = tasks_of(args.runs)
    if args.method not in methods_of(tasks):
        print(f"report.py: no eval of --method {args.method} is finished; there are {', '.join(methods_of(tasks))}",
              file=sys.stderr)
    published = read_published(args.published)
    write = {"markdown": as_markdown, "latex": as_latex, "csv": as_csv}[args.format]
    comment = {"markdown": "", "latex": "% ", "csv": "# "}[args.format]
    print("\n".join(comment + line for line in [*describe(tasks), INTERVALS, *notes(tasks, args.runs, published)]) + "\n")
    on_dev = [task for task in tasks if task.selected_on == "dev"]
    others = [task for task in tasks if task not in on_dev]
    for title, table in [*tables_of(others, args.method, published, args.runs),
                         *tables_of(on_dev, args.method, published, args.runs)]:
        print(write(title, table))


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # report.py ... | head
    main()
