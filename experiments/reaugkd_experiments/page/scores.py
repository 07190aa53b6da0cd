"""The table of scores, with intervals of 95 % by a bootstrap over the scored rows."""
import dataclasses

import numpy as np
import scipy.stats

from ..difference import middle
from ..metrics import METRICS, quotient, row_statistics
from ..resampling import draw_rows, resampled_sums
from .run import NAMES

TITLES = {"accuracy": "accuracy", "f1": "F1", "macro_f1": "macro F1", "weighted_f1": "weighted F1",
          "balanced_accuracy": "balanced accuracy", "matthews_correlation": "Matthews’ correlation",
          "pearson": "Pearson’s correlation", "spearmanr": "Spearman’s correlation"}


@dataclasses.dataclass
class Cell:
    value: float
    interval: tuple | None  # low, high; None if there are no predictions for each row, or for a metric of one's own


@dataclasses.dataclass
class Line:
    name: str
    cells: list  # of the metrics; None where eval reported nothing
    note: str = ""


def table(run):
    """(titles of the metrics, lines)"""
    metrics = list(run.of_metrics("student"))
    draws = draw_rows(str(run.results["task"]), len(run.labels))
    lines = []
    for who, name in NAMES.items():
        reported = run.of_metrics(who)
        if not reported:
            continue
        if run.unused and who == "combined":
            lines.append(Line(name, [], "retrieval not used"))
            continue
        lines.append(Line(name, [cell(run, who, metric, reported.get(metric), draws) for metric in metrics]))
    return [TITLES.get(metric, metric) for metric in metrics], lines


def cell(run, who, metric, value, draws):
    if value is None:
        return None
    resampled = resampled_scores(run, run.decisions[who], metric, draws) if who in run.decisions else None
    return Cell(value, None if resampled is None else middle(resampled))


def resampled_scores(run, decisions, metric, draws):
    """The metric in each sample of the rows. None for a metric that is not known here."""
    if metric in ("macro_f1", "weighted_f1", "balanced_accuracy"):
        return averages(metric, resampled_sums(draws, class_statistics(run.labels, decisions, len(run.classes))))
    if metric == "spearmanr":
        rows = [np.repeat(np.arange(len(draw)), draw) for draw in draws[:500]]  # each takes a sort
        return np.array([scipy.stats.spearmanr(decisions[each], run.labels[each])[0] for each in rows])
    if metric not in METRICS:
        return None
    return METRICS[metric].score(resampled_sums(draws, row_statistics(metric, run.labels, decisions, positive(run, metric))))


def positive(run, metric):
    """The class that F1 is of: the one that has the reported F1."""
    reported = run.of_metrics("student").get("f1")
    if metric != "f1" or reported is None:
        return 1
    f1 = [METRICS["f1"].score(row_statistics("f1", run.labels, run.decisions["student"], c).sum(axis=0)) for c in (0, 1)]
    return int(abs(f1[1] - reported) <= abs(f1[0] - reported))


def class_statistics(labels, decisions, classes):
    """One column a class for what is expected, then for what is predicted, then for what is both: (N, 3 C)."""
    every = np.arange(classes)
    expected, predicted = labels[:, None] == every, decisions[:, None] == every
    return np.hstack([expected, predicted, expected & predicted]).astype(float)


def averages(metric, sums):
    """scikit-learn's averages over classes: (..., 3 C) -> (...)."""
    expected, predicted, both = np.split(sums, 3, axis=-1)
    f1 = quotient(2 * both, expected + predicted)
    if metric == "macro_f1":
        return quotient(f1.sum(axis=-1), (expected + predicted > 0).sum(axis=-1))
    if metric == "weighted_f1":
        return quotient((f1 * expected).sum(axis=-1), expected.sum(axis=-1))
    return quotient(quotient(both, expected).sum(axis=-1), (expected > 0).sum(axis=-1))
