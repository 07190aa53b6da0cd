"""What experiments/reaugkd_experiments/report.py's tables compare: the evaluations of a task, and the difference of two sides.

Both sides have the same rows and seeds, and a difference has two intervals. What another dev set would change: the rows
are drawn again 2,000 times (fewer where there are more than 1,000 rows, 200 at least; Matthews and Pearson always have
200), the same for both sides and all seeds, and the middle 95 % of the mean difference is given; the p value (accuracy
alone) is of a paired permutation test, in which the sign of each row's difference is flipped at random. What another
seed would change: Student's t over the seeds' differences. Neither holds the other's part, and a difference is more than
noise where both exclude zero. Nothing is corrected for the number of comparisons.
"""
import collections
import csv
import functools
import json
import math
import pathlib
import random
import statistics
import sys
import typing

RESAMPLES, FEWEST_RESAMPLES = 2000, 200
SIGNAL = 0.03  # a teacher nearer to the majority class than this has nothing to hand down
STUDENT_T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)  # 97.5 % for 1 to 9 degrees of freedom


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


class Unlabelled(Exception):
    pass


class Run:
    """One eval directory: scores, and predictions of the student alone and with retrieval."""

    def __init__(self, directory):
        self.directory = directory
        self.metrics = json.loads((directory / "metrics.json").read_text())
        scores = self.metrics["metrics"]["student"]
        if not scores:
            raise Unlabelled
        self.metric = next((name for name in METRICS if name in scores), next(iter(scores)))
        with open(directory / "predictions.tsv", newline="", encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE) if row["label"]]
        self.rows = [row["index"] for row in rows]
        if "score" in rows[0]:
            self.labels = [float(f"{float(row['label']):.6g}") for row in rows]  # however a float is spelled
            self.decisions = {"alone": [float(row["student_score"]) for row in rows],
                              "combined": [float(row["score"]) for row in rows]}
            return
        names = [column[2:] for column in rows[0] if column.startswith("p_")]
        self.labels = [names.index(row["label"]) for row in rows]

        def decide(prefix):
            return [max(range(len(names)), key=lambda c: float(row[prefix + names[c]])) for row in rows]

        self.decisions = {"alone": decide("student_p_"), "combined": decide("p_")}

    def scored(self):
        return tuple(self.rows), tuple(self.labels)

    def score(self, which):
        return self.metrics["metrics"]["student" if which == "alone" else which][self.metric]


class Task:
    """All runs of one task: method -> seed -> Run; further evaluations of a method's student are "method@evaluation"."""

    def __init__(self, directory):
        self.name, self.directory = directory.name, directory
        self.runs, self.left_out = {}, []
        self.read()
        if not self.runs:
            return
        self.first = next(iter(next(iter(self.runs.values())).values()))
        self.metric = self.first.metric
        self.teacher = self.teacher_scores()
        if not self.teacher:
            fail(f"{directory}: no evaluation has the teacher's score; give eval --teacher")
        majority = self.first.metrics.get("majority", {}).get(self.metric, 0)
        self.signal = statistics.fmean(self.teacher.values()) >= majority + min(SIGNAL, (1 - majority) / 2)
        self.majority = majority
        teachers = [path for seed in self.seeds() for path in seed.glob("teacher/metrics.json")]
        if not teachers:
            fail(f"{directory}: no seed has its teacher/metrics.json, which says what was trained on")
        self.training = json.loads(teachers[0].read_text())
        self.selected_on = self.training["validation_split"]
        self.machines = sorted({f"in {machine['precision']} on {machine['description']}" for machine in
                                (json.loads(path.with_name("run.json").read_text())["machine"] for path in teachers)})

    def seeds(self):
        """Directories; "seed-1.bak" is none."""
        return [path for path in sorted(self.directory.glob("seed-*")) if "." not in path.name]

    def read(self):
        """Every eval but those without labels and those whose rows are not the ones that most plain evaluations have: they
        cannot be paired with the others."""
        found = []
        for path in (path for seed in self.seeds() for path in sorted(seed.glob("eval-*/metrics.json"))):
            if ".tmp-" in path.parent.name:
                continue
            try:
                found.append(Run(path.parent))
            except Unlabelled:
                self.left_out.append(f"{path.parent}: no scored row has a label")
        plain = [run for run in found if "@" not in run.directory.name] or found
        rows = collections.Counter(run.scored() for run in plain).most_common(1)
        for run in found:
            if run.scored() == rows[0][0]:
                self.runs.setdefault(run.directory.name[len("eval-"):], {})[run.directory.parent.name] = run
            else:
                self.left_out.append(f"{run.directory}: its rows are not those of the task's other evaluations")
        self.runs = dict(sorted(self.runs.items()))

    def teacher_scores(self):
        return {seed: run.score("teacher") for runs in self.runs.values() for seed, run in runs.items()
                if "teacher" in run.metrics["metrics"]}

    def scores(self, method, which):
        return {seed: run.score(which) for seed, run in self.runs.get(method, {}).items()}

    def students(self, method):
        """The directories that its seeds' students are in: {"student-kd@1"}; two or more where its grid changed."""
        return {pathlib.Path(json.loads((run.directory / "run.json").read_text()).get("options", {}).get("model", "")).name
                for run in self.runs.get(method, {}).values()}


class Difference(typing.NamedTuple):
    mean: float
    low: float  # over rows
    high: float
    p: typing.Optional[float]
    over_seeds: typing.Optional[tuple]  # low, high; None of one seed
    seeds: int


def common_seeds(task, left, right):
    """A side is (method, "alone" or "combined")."""
    return set(task.runs.get(left[0], {})) & set(task.runs.get(right[0], {}))


@functools.lru_cache(maxsize=None)
def resample(task, left, right, seeds):
    """(left - right of each seed, their mean for dev rows drawn again, p or None); the same rows for every two sides."""
    draw = random.Random(task.name)
    pairs = [(task.runs[left[0]][seed].labels, task.runs[left[0]][seed].decisions[left[1]],
              task.runs[right[0]][seed].decisions[right[1]]) for seed in seeds]
    rows = range(len(pairs[0][0]))
    if task.metric == "accuracy":
        resamples = max(FEWEST_RESAMPLES, min(RESAMPLES, RESAMPLES * 1000 // len(rows)))
        each = [statistics.fmean((a[i] == y[i]) - (b[i] == y[i]) for y, a, b in pairs) for i in rows]
        resampled = [statistics.fmean(draw.choices(each, k=len(each))) for _ in range(resamples)]
        by_seed = [accuracy(a, y) - accuracy(b, y) for y, a, b in pairs]
        return by_seed, resampled, permutation_p(each, draw)
    measure = METRICS[task.metric]

    def differences(chosen):
        return [measure([a[i] for i in chosen], [y[i] for i in chosen])
                - measure([b[i] for i in chosen], [y[i] for i in chosen]) for y, a, b in pairs]

    resampled = [statistics.fmean(differences(draw.choices(rows, k=len(rows)))) for _ in range(FEWEST_RESAMPLES)]
    return differences(rows), resampled, None


def permutation_p(each, draw):
    """How often the sum of the rows' differences is as far from 0 when the sign of each is flipped at random. Rows of one
    size are flipped together: so many random bits, so many of them positive."""
    sizes = collections.Counter(round(abs(x), 9) for x in each if x)
    observed = abs(sum(each)) - 1e-6
    reached = sum(abs(sum(size * (2 * bin(draw.getrandbits(n)).count("1") - n) for size, n in sizes.items())) >= observed
                  for _ in range(RESAMPLES))
    return (1 + reached) / (1 + RESAMPLES)


def middle(resampled):
    """The ends of the middle 95 %."""
    ordered = sorted(resampled)
    cut = len(ordered) // 40
    return ordered[cut], ordered[-1 - cut]


def over_seeds(by_seed):
    """95 % by Student's t."""
    if len(by_seed) < 2:
        return None
    freedom = len(by_seed) - 1
    t = STUDENT_T[freedom - 1] if freedom <= len(STUDENT_T) else 1.96 + 2.5 / freedom
    reach = t * statistics.stdev(by_seed) / math.sqrt(len(by_seed))
    mean = statistics.fmean(by_seed)
    return mean - reach, mean + reach


def average_interval(tasks, left, right):
    """Difference of left - right, averaged over the tasks, whose rows are drawn independently, with the seeds that all of
    them have for both sides. None where there is no such seed, or for a metric that is not in METRICS."""
    seeds = set.intersection(*(common_seeds(task, left, right) for task in tasks)) if tasks else set()
    if not seeds or any(task.metric not in METRICS for task in tasks):
        return None
    found = [resample(task, left, right, tuple(sorted(seeds))) for task in tasks]
    by_seed = [statistics.fmean(each) for each in zip(*(of_task for of_task, _, _ in found))]
    resampled = [statistics.fmean(each) for each in zip(*(of_task for _, of_task, _ in found))]
    return Difference(statistics.fmean(by_seed), *middle(resampled), found[0][2] if len(found) == 1 else None,
                      over_seeds(by_seed), len(seeds))


def interval(task, left, right):
    """The same of one task."""
    return average_interval([task], left, right)
