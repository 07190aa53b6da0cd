"""A task: all evaluations of one task's directory, and its columns in the tables."""
import collections
import dataclasses
import functools
import pathlib

import numpy as np

from .errors import UserError
from .evaluation import Unlabelled, read_evaluation
from .json_file import read_json
from .metrics import METRICS, row_statistics
from .resampling import draw_rows, resampled_sums

SIGNAL = 0.03  # above the majority class; a teacher with less has nothing to hand down
SHORT = {"f1": "F1", "matthews_correlation": "Matthews", "pearson": "Pearson"}  # metrics in a column's title


@dataclasses.dataclass(eq=False)
class Task:
    name: str
    directory: pathlib.Path
    runs: dict  # method, or "method@further evaluation" -> seed -> Evaluation
    left_out: list = dataclasses.field(default_factory=list)  # why an evaluation is not among them

    @functools.cached_property
    def first(self):
        return next(iter(next(iter(self.runs.values())).values()))

    @functools.cached_property
    def columns(self):
        return [Column(self, metric) for metric in self.first.metrics]

    @property
    def main(self):
        """The column that stands for the task in averages."""
        return self.columns[0]

    @functools.cached_property
    def methods(self):
        return [name for name in self.runs if "@" not in name]

    @property
    def seed_directories(self):
        """"seed-1.bak" is none of them."""
        return [path for path in sorted(self.directory.glob("seed-*")) if "." not in path.name]

    @property
    def published_name(self):
        """The task's name in a file of published figures."""
        return self.directory.name.removesuffix("-dev")

    def students(self, method):
        """The students' directories over the seeds. Two or more names mean that the method's grid has changed."""
        return {evaluation.student for evaluation in self.runs.get(method, {}).values()}

    @functools.cached_property
    def majority(self):
        return self.first.results.get("majority", {}).get(self.main.metric, 0)

    @functools.cached_property
    def signal(self):
        """Whether the teacher is clearly better than the majority class: by 3 points, or half of what is left to 100."""
        return np.mean(list(self.main.teacher.values())) >= self.majority + min(SIGNAL, (1 - self.majority) / 2)

    @functools.cached_property
    def teachers(self):
        return [path for seed in self.seed_directories for path in seed.glob("teacher/metrics.json")]

    @functools.cached_property
    def training(self):
        return read_json(self.teachers[0])

    @property
    def selected_on(self):
        return self.training["validation_split"]

    @functools.cached_property
    def machines(self):
        machines = (read_json(path.with_name("run.json"))["machine"] for path in self.teachers)
        return sorted({f"in {machine['precision']} on {machine['description']}" for machine in machines})

    @functools.cached_property
    def draws(self):
        """How often each bootstrap sample holds each row: the same for every two sides, so that they stay paired."""
        return draw_rows(self.name, len(self.first.labels))


class Column:
    """A task by one of its metrics. A side is (method, "alone" or "combined")."""

    def __init__(self, task, metric):
        self.task, self.metric = task, metric
        self.found = {}  # side -> seed -> scores of the bootstrap samples

    @property
    def title(self):
        return self.task.name if len(self.task.columns) == 1 else f"{self.task.name} {SHORT.get(self.metric, self.metric)}"

    @property
    def file_name(self):
        return self.task.name if self is self.task.main else f"{self.task.name}-{self.metric}"

    @property
    def averaged(self):
        return self is self.task.main and self.task.signal

    @property
    def has_intervals(self):
        return self.metric in METRICS

    def scores(self, name, side):
        """Seed -> score, as `eval` reported it."""
        scores = {seed: run.score(side, self.metric) for seed, run in self.task.runs.get(name, {}).items()}
        return {seed: score for seed, score in scores.items() if score is not None}

    @functools.cached_property
    def teacher(self):
        """Seed -> score."""
        return {seed: score for name in self.task.runs for seed, score in self.scores(name, "teacher").items()}

    def seeds(self, *sides):
        """Those that all sides have."""
        return set.intersection(*(set(self.task.runs.get(name, {})) for name, _ in sides))

    def row_statistics(self, side, seed):
        name, which = side
        run = self.task.runs[name][seed]
        return row_statistics(self.metric, run.labels, run.decisions[which], run.positive if self.metric == "f1" else 1)

    def score_of_rows(self, side, seed):
        return METRICS[self.metric].score(self.row_statistics(side, seed).sum(axis=0))

    def resampled_scores(self, side, seed):
        """The score in each bootstrap sample of the rows, (resamples,)."""
        if side not in self.found:  # all seeds of a side in one product: a large task is then three times faster
            statistics = {each: self.row_statistics(side, each) for each in self.task.runs[side[0]]}
            sums = np.split(resampled_sums(self.task.draws, np.hstack(list(statistics.values()))),
                            np.cumsum([terms.shape[1] for terms in statistics.values()])[:-1], axis=1)
            self.found[side] = {each: METRICS[self.metric].score(terms) for each, terms in zip(statistics, sums)}
        return self.found[side][seed]


def read_task(directory):
    """Reads every evaluation, but leaves out those that cannot be paired with the others: without labels, or of other rows
    than most plain evaluations have."""
    task = Task(directory.name, directory, {})
    found = []
    for path in (path for seed in task.seed_directories for path in sorted(seed.glob("eval-*/metrics.json"))):
        if ".tmp-" in path.parent.name:
            continue
        try:
            found.append(read_evaluation(path.parent))
        except Unlabelled:
            task.left_out.append(f"{path.parent}: no scored row has a label")
    plain = [run for run in found if "@" not in run.name] or found
    rows = collections.Counter(run.scored() for run in plain).most_common(1)
    for run in sorted(found, key=lambda run: run.name):
        if run.scored() == rows[0][0]:
            task.runs.setdefault(run.name, {})[run.seed] = run
        else:
            task.left_out.append(f"{run.directory}: its rows are not those of the task's other evaluations")
    if task.runs and not task.main.teacher:
        raise UserError(f"{directory}: no evaluation has the teacher's score; give eval --teacher")
    if task.runs and not task.teachers:
        raise UserError(f"{directory}: no seed has teacher/metrics.json, which says what was trained on")
    return task


def read_tasks(runs):
    """The tasks in output directories of the run command that have a finished evaluation. If two directories have a task of
    one name, the directories' names are put before it. Also returns why evaluations of other tasks were left out."""
    for run in runs:
        if not run.is_dir():
            raise UserError(f"{run}: there is no such directory; expected an output directory of the run command")
    found = [read_task(directory) for run in runs for directory in sorted(run.iterdir()) if directory.is_dir()]
    tasks = [task for task in found if task.runs]
    if not tasks:
        raise UserError(f"no finished eval in {', '.join(map(str, runs))}; expected TASK/seed-N/eval-METHOD/metrics.json")
    names = [task.name for task in tasks]
    for task in tasks:
        if names.count(task.name) > 1:
            task.name = f"{task.directory.parent.name}-{task.name}"
    return tasks, [reason for task in found if not task.runs for reason in task.left_out]
