"""What bench/report.py's tables compare: the evaluations of a task, and the difference of two sides.

Intervals are paired over seeds and examples: the dev rows are drawn again 2,000 times (fewer where there are more than
1,000 rows, 200 at least), the same rows for both sides and all seeds, and the middle 95 % of the mean difference is
given; Matthews and Pearson always have 200. The p value (accuracy alone) is of a paired permutation test: the sign of
each row's difference is flipped at random.
"""
import collections
import csv
import json
import math
import pathlib
import random
import statistics
import sys

RESAMPLES, FEWEST_RESAMPLES = 2000, 200
SIGNAL = 0.03  # a teacher nearer to the majority class than this has nothing to hand down


def fail(message):
    sys.exit(f"report.py: {message}")


def accuracy(predicted, expected):
    return sum(p == e for p, e in zip(predicted, expected)) / len(expected)


def matthews(predicted, expected):
    """Of any number of classes, 0 where only one is predicted or expected (as scikit-learn)."""
    n, right = len(expected), sum(p == e for p, e in zip(predicted, expected))
    of_p, of_e = collections.Counter(predicted), collections.Counter(expected)
    product = (n * n - sum(c * c for c in of_p.values())) * (n * n - sum(c * c for c in of_e.values()))
    return (right * n - sum(of_p[c] * of_e[c] for c in of_e)) / math.sqrt(product) if product else 0.0


def pearson(predicted, expected):
    mean_p, mean_e = statistics.fmean(predicted), statistics.fmean(expected)
    covariance = sum((p - mean_p) * (e - mean_e) for p, e in zip(predicted, expected))
    spread = sum((p - mean_p) ** 2 for p in predicted) * sum((e - mean_e) ** 2 for e in expected)
    return covariance / math.sqrt(spread) if spread else 0.0


METRICS = {"accuracy": accuracy, "matthews_correlation": matthews, "pearson": pearson}  # those with an interval


class Run:
    """One eval directory: scores, and predictions of the student alone and with retrieval."""

    def __init__(self, directory):
        self.directory = directory
        self.metrics = json.loads((directory / "metrics.json").read_text())
        scores = self.metrics["metrics"]["student"]
        if not scores:
            fail(f"{directory}: no scored row has a label, so there is nothing to compare")
        self.metric = next((name for name in METRICS if name in scores), next(iter(scores)))
        with open(directory / "predictions.tsv", newline="", encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE) if row["label"]]
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
    """All runs of one task: method -> seed -> Run; further evaluations of a method's student are "method@evaluation"."""

    def __init__(self, directory):
        self.name, self.directory = directory.name, directory
        self.runs = {}
        for evaluation in sorted(directory.glob("seed-*/eval-*/metrics.json")):
            method = evaluation.parent.name[len("eval-"):]
            self.runs.setdefault(method, {})[evaluation.parent.parent.name] = Run(evaluation.parent)
        if not self.runs:
            return
        self.first = next(iter(next(iter(self.runs.values())).values()))
        self.metric = self.first.metric
        self.teacher = self.teacher_scores()
        if not self.teacher:
            fail(f"{directory}: no evaluation has the teacher's score; give eval --teacher")
        majority = self.first.metrics.get("majority", {}).get(self.metric, 0)
        self.signal = statistics.fmean(self.teacher.values()) >= majority + SIGNAL
        self.majority = majority
        teachers = sorted(directory.glob("seed-*/teacher/metrics.json"))
        if not teachers:
            fail(f"{directory}: no seed has its teacher/metrics.json, which says what was trained on")
        self.training = json.loads(teachers[0].read_text())
        self.selected_on = self.training["validation_split"]
        self.machines = sorted({f"in {machine['precision']} on {machine['description']}" for machine in
                                (json.loads(path.with_name("run.json").read_text())["machine"] for path in teachers)})

    def teacher_scores(self):
        return {seed: run.score("teacher") for runs in self.runs.values() for seed, run in runs.items()
                if "teacher" in run.metrics["metrics"]}

    def scores(self, method, which):
        return {seed: run.score(which) for seed, run in self.runs.get(method, {}).items()}

    def chosen(self, method):
        """The configurations of a tuned method whose students its seeds have: {"1"}; two or more where its grid changed."""
        names = (pathlib.Path(json.loads((run.directory / "run.json").read_text()).get("options", {}).get("model", "")).name
                 for run in self.runs.get(method, {}).values())
        return {name.partition("@")[2] for name in names if "@" in name}


def differences(task, left, right):
    """Per common seed: (labels, left's decisions, right's); a side is (method, "alone" or "combined")."""
    common = sorted(set(task.runs.get(left[0], {})) & set(task.runs.get(right[0], {})))
    return [(task.runs[left[0]][seed].labels, task.runs[left[0]][seed].decisions[left[1]],
             task.runs[right[0]][seed].decisions[right[1]]) for seed in common]


def resample(task, left, right, seed=0):
    """(mean of left - right, the same of dev rows drawn again, p or None); None without a common seed or for another
    metric."""
    pairs = differences(task, left, right)
    if not pairs or task.metric not in METRICS:
        return None
    draw = random.Random(seed)
    rows = range(len(pairs[0][0]))
    resamples = max(FEWEST_RESAMPLES, min(RESAMPLES, RESAMPLES * 1000 // len(rows)))
    if task.metric == "accuracy":
        each = [statistics.fmean((a[i] == y[i]) - (b[i] == y[i]) for y, a, b in pairs) for i in rows]
        mean = statistics.fmean(each)
        resampled = [statistics.fmean(draw.choices(each, k=len(each))) for _ in range(resamples)]
        moving = [x for x in each if x]
        flipped = [abs(sum(x if draw.random() < 0.5 else -x for x in moving)) for _ in range(resamples)]
        p = (1 + sum(x >= abs(sum(moving)) - 1e-12 for x in flipped)) / (1 + resamples)
    else:
        measure = METRICS[task.metric]

        def difference(chosen):
            return statistics.fmean(measure([a[i] for i in chosen], [y[i] for i in chosen])
                                    - measure([b[i] for i in chosen], [y[i] for i in chosen]) for y, a, b in pairs)

        mean, p = difference(rows), None
        resampled = [difference(draw.choices(rows, k=len(rows))) for _ in range(FEWEST_RESAMPLES)]
    return mean, resampled, p


def middle(resampled):
    """The ends of the middle 95 %."""
    ordered = sorted(resampled)
    cut = len(ordered) // 40
    return ordered[cut], ordered[-1 - cut]


def interval(task, left, right):
    """(mean difference, low, high, p or None) of left - right; None where resample() has none."""
    found = resample(task, left, right)
    return found and (found[0], *middle(found[1]), found[2])


def average_interval(tasks, left, right):
    """The same of the mean over the tasks with a signal, whose rows are drawn independently; None where one has none."""
    found = [resample(task, left, right, seed) for seed, task in enumerate(tasks) if task.signal]
    if not found or None in found:
        return None
    return (statistics.fmean(mean for mean, _, _ in found),
            *middle([statistics.fmean(each) for each in zip(*(resampled for _, resampled, _ in found))]), None)
