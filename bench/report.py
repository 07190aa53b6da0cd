#!/usr/bin/env python3
"""The tables of bench/experiments.py's runs: mean and deviation over seeds, and what is more than noise.

    bench/report.py runs/small                      Markdown
    bench/report.py runs/small --format latex|csv
    bench/report.py runs/small runs/more --published figures.json

Intervals are paired over seeds and examples: the dev rows are drawn again 2,000 times, the same rows for both sides
and all seeds, and the middle 95 % of the mean difference is given. The p value (accuracy alone) is of a paired
permutation test: the sign of each row's difference is flipped at random.
"""
import argparse
import csv
import json
import math
import pathlib
import random
import statistics
import sys

RESAMPLES = 2000
SIGNAL = 0.03  # a teacher nearer to the majority class than this has nothing to hand down


def accuracy(predicted, expected):
    return sum(p == e for p, e in zip(predicted, expected)) / len(expected)


def matthews(predicted, expected):
    """Of two classes, 0 where one of them is never predicted (as scikit-learn)."""
    count = {(p, e): 0 for p in (0, 1) for e in (0, 1)}
    for pair in zip(predicted, expected):
        count[pair] += 1
    tp, tn, fp, fn = count[1, 1], count[0, 0], count[1, 0], count[0, 1]
    product = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    return (tp * tn - fp * fn) / math.sqrt(product) if product else 0.0


def pearson(predicted, expected):
    mean_p, mean_e = statistics.fmean(predicted), statistics.fmean(expected)
    covariance = sum((p - mean_p) * (e - mean_e) for p, e in zip(predicted, expected))
    spread = sum((p - mean_p) ** 2 for p in predicted) * sum((e - mean_e) ** 2 for e in expected)
    return covariance / math.sqrt(spread) if spread else 0.0


METRICS = {"accuracy": accuracy, "matthews_correlation": matthews, "pearson": pearson}


class Run:
    """One eval directory: scores, and predictions of the student alone and with retrieval."""

    def __init__(self, directory):
        self.metrics = json.loads((directory / "metrics.json").read_text())
        self.metric = next(name for name in METRICS if name in self.metrics["metrics"]["student"])
        with open(directory / "predictions.tsv", newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
        if "score" in rows[0]:
            self.labels = [float(row["label"]) for row in rows]
            self.decisions = {"alone": [float(row["student_score"]) for row in rows],
                              "combined": [float(row["score"]) for row in rows]}
            return
        names = [column[2:] for column in rows[0] if column.startswith("p_")]
        self.labels = [names.index(row["label"]) for row in rows]

        def decide(prefix):
            return [max(range(len(names)), key=lambda c: float(row[prefix + names[c]])) for row in rows]

        self.decisions = {"alone": decide("student_p_"), "combined": decide("p_")}

    def score(self, which):
        return self.metrics["metrics"]["student" if which == "alone" else which][self.metric]


class Task:
    """All runs of one task: method -> seed -> Run."""

    def __init__(self, directory):
        self.name = directory.name
        self.runs = {}
        for evaluation in sorted(directory.glob("seed-*/eval-*/metrics.json")):
            method = evaluation.parent.name[len("eval-"):]
            self.runs.setdefault(method, {})[evaluation.parent.parent.name] = Run(evaluation.parent)
        if not self.runs:
            return
        self.first = next(iter(next(iter(self.runs.values())).values()))
        self.metric = self.first.metric
        self.teacher = self.teacher_scores()
        majority = self.first.metrics.get("majority", {}).get(self.metric, 0)
        self.signal = statistics.fmean(self.teacher) >= majority + SIGNAL
        self.majority = majority
        self.selected_on = self.first.metrics["retrieval"]["selected_on"]
        self.training = json.loads(next(iter(sorted(directory.glob("seed-*/teacher/metrics.json")))).read_text())
        self.machine = json.loads(next(iter(sorted(directory.glob("seed-*/teacher/run.json")))).read_text())["machine"]

    def teacher_scores(self):
        seeds = {}
        for runs in self.runs.values():
            for seed, run in runs.items():
                seeds[seed] = run.score("teacher")
        return list(seeds.values())

    def scores(self, method, which):
        return [run.score(which) for run in self.runs.get(method, {}).values()]


def differences(task, left, right):
    """Per common seed: (labels, left's decisions, right's); a side is (method, "alone" or "combined")."""
    common = sorted(set(task.runs.get(left[0], {})) & set(task.runs.get(right[0], {})))
    return [(task.runs[left[0]][seed].labels, task.runs[left[0]][seed].decisions[left[1]],
             task.runs[right[0]][seed].decisions[right[1]]) for seed in common]


def interval(task, left, right):
    """(mean difference, low, high, p or None) of left - right; None without a common seed."""
    pairs = differences(task, left, right)
    if not pairs:
        return None
    draw = random.Random(0)
    rows = range(len(pairs[0][0]))
    if task.metric == "accuracy":
        each = [statistics.fmean((a[i] == y[i]) - (b[i] == y[i]) for y, a, b in pairs) for i in rows]
        mean = statistics.fmean(each)
        resampled = [statistics.fmean(draw.choices(each, k=len(each))) for _ in range(RESAMPLES)]
        moving = [x for x in each if x]
        flipped = [abs(sum(x if draw.random() < 0.5 else -x for x in moving)) for _ in range(RESAMPLES)]
        p = (1 + sum(x >= abs(sum(moving)) - 1e-12 for x in flipped)) / (1 + RESAMPLES)
    else:
        measure = METRICS[task.metric]

        def difference(chosen):
            return statistics.fmean(measure([a[i] for i in chosen], [y[i] for i in chosen])
                                    - measure([b[i] for i in chosen], [y[i] for i in chosen]) for y, a, b in pairs)

        mean, p = difference(rows), None
        resampled = [difference(draw.choices(rows, k=len(rows))) for _ in range(RESAMPLES // 10)]
    resampled.sort()
    cut = len(resampled) // 40
    return mean, resampled[cut], resampled[-1 - cut], p


def mean_and_deviation(values, digits=1):
    if not values:
        return ""
    text = f"{100 * statistics.fmean(values):.{digits}f}"
    return f"{text} ± {100 * statistics.stdev(values):.{digits}f}" if len(values) > 1 else text


def main_table(tasks, which, published):
    methods = list(dict.fromkeys(method for task in tasks for method in task.runs))
    counted = [task for task in tasks if task.signal]
    means = {(method, task.name): statistics.fmean(task.scores(method, which))
             for task in tasks for method in methods if task.scores(method, which)}
    best = {task.name: max((means.get((method, task.name), -1) for method in methods)) for task in tasks}
    table = [["method"] + [task.name + ("" if task.signal else " (no signal)") for task in tasks] + ["average"]]
    table.append(["teacher"] + [mean_and_deviation(task.teacher) for task in tasks]
                 + [mean_and_deviation([statistics.fmean(task.teacher) for task in counted][:1])
                    if len(counted) == 1 else average([statistics.fmean(task.teacher) for task in counted])])
    for method in methods:
        row = [method]
        for task in tasks:
            text = mean_and_deviation(task.scores(method, which))
            row.append(f"**{text}**" if text and means[method, task.name] == best[task.name] else text)
        complete = all((method, task.name) in means for task in counted)
        row.append(average([means[method, task.name] for task in counted]) if complete else "")
        table.append(row)
    for figure in published:
        cells = {cell["task"]: cell for cell in figure["cells"]}
        table.append([figure["method"] + " (published)"]
                     + [f"{cells[task.name]['value']} [{cells[task.name]['source']}]" if task.name in cells else ""
                        for task in tasks] + [""])
    return table


def average(values):
    return f"{100 * statistics.fmean(values):.1f}" if values else ""


def difference_text(result):
    if result is None:
        return ""
    mean, low, high, p = result
    text = f"{100 * mean:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]"
    return text + (f" p {p:.3f}" if p is not None else "")


def retrieval_table(tasks):
    table = [["method"] + [task.name for task in tasks]]
    for method in dict.fromkeys(method for task in tasks for method in task.runs):
        table.append([method] + [difference_text(interval(task, (method, "combined"), (method, "alone")))
                                 for task in tasks])
    return table


def control_table(tasks):
    """The gain of retrieval beside that of the same selection with the knowledge base's labels permuted."""
    table = [["method"] + [f"{task.name}: gain, permuted, retrieval alone, beta" for task in tasks]]
    for method in dict.fromkeys(method for task in tasks for method in task.runs):
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
            betas = ", ".join(f"{run.metrics['retrieval']['beta']:g}" for run in runs)
            row.append(f"{100 * statistics.fmean(gains):+.1f}, "
                       + (f"{100 * statistics.fmean(permuted):+.1f}, " if permuted else "-, ")
                       + f"{average(alone)}, {betas}")
        table.append(row)
    return table


def against_table(tasks, method):
    """`method` with retrieval beside every other method alone, as the paper compares them."""
    table = [[f"{method} with retrieval minus"] + [task.name for task in tasks]]
    for other in dict.fromkeys(name for task in tasks for name in task.runs):
        row = [other + " alone"]
        row += [difference_text(interval(task, (method, "combined"), (other, "alone"))) for task in tasks]
        table.append(row)
    return table


def as_markdown(title, table):
    lines = [f"### {title}", "", "| " + " | ".join(table[0]) + " |", "| --- " * len(table[0]) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in table[1:]]) + "\n"


def as_latex(title, table):
    def cell(text):
        bold = text.startswith("**")
        text = text.strip("*").replace("±", "$\\pm$").replace("_", "\\_").replace("%", "\\%")
        return f"\\textbf{{{text}}}" if bold else text

    rows = [" & ".join(cell(text) for text in row) + " \\\\" for row in table]
    return "\n".join([f"% {title}", f"\\begin{{tabular}}{{l{'r' * (len(table[0]) - 1)}}}", "\\toprule", rows[0],
                      "\\midrule", *rows[1:], "\\bottomrule", "\\end{tabular}"]) + "\n"


def as_csv(title, table):
    return "\n".join([f"# {title}"] + [",".join('"' + text.strip("*").replace('"', '""') + '"' for text in row)
                                       for row in table]) + "\n"


def describe(tasks):
    for task in tasks:
        seeds = len(task.teacher)
        yield (f"- {task.name}: {task.metric} on dev ({task.first.metrics['examples']} rows), "
               f"{task.training['train_examples']} rows trained on, {seeds} seed{'s' * (seeds != 1)}, selected on "
               f"{task.selected_on}; majority class {100 * task.majority:.1f}"
               + ("" if task.signal else ": **no signal**, left out of averages")
               + f". Trained in {task.machine['precision']} on {task.machine['description']}.")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=pathlib.Path, help="output directories of experiments.py")
    parser.add_argument("--format", choices=["markdown", "latex", "csv"], default="markdown")
    parser.add_argument("--method", default="reaugkd", help="the one that the others are compared with")
    parser.add_argument("--published", type=pathlib.Path,
                        help='[{"method": ..., "cells": [{"task": ..., "value": ..., "source": ...}]}]')
    args = parser.parse_args()
    tasks = [Task(directory) for run in args.runs for directory in sorted(run.iterdir()) if directory.is_dir()]
    tasks = [task for task in tasks if task.runs]
    if not tasks:
        sys.exit(f"report.py: no finished eval in {', '.join(map(str, args.runs))}")
    published = json.loads(args.published.read_text()) if args.published else []
    on_dev = " (selected on dev)" if any(task.selected_on == "dev" for task in tasks) else ""
    write = {"markdown": as_markdown, "latex": as_latex, "csv": as_csv}[args.format]
    if args.format == "markdown":
        print("\n".join(describe(tasks)) + "\n")
    print(write("Student alone" + on_dev, main_table(tasks, "alone", published)))
    print(write("With retrieval" + on_dev, main_table(tasks, "combined", [])))
    print(write("Gain of retrieval, points, 95 % interval" + on_dev, retrieval_table(tasks)))
    print(write("Gain of retrieval and its control" + on_dev, control_table(tasks)))
    print(write(f"{args.method} with retrieval against the others" + on_dev, against_table(tasks, args.method)))


if __name__ == "__main__":
    main()
