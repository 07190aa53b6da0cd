"""The metrics that have an interval.

Each is a function of sums over rows, so that resampling needs sums alone: `row_statistics` gives each row's terms,
(N, S), and `score` turns their sums, (..., S), into the metric.
"""
import typing

import numpy as np


class Metric(typing.NamedTuple):
    row_statistics: typing.Callable  # (labels (N,), decisions (N,), positive class) -> (N, S)
    score: typing.Callable  # (..., S) -> (...)


def quotient(above, below):
    """0 where the divisor is 0, as scikit-learn has it."""
    return np.divide(above, below, out=np.zeros(np.broadcast(above, below).shape), where=below > 0)


def accuracy_statistics(labels, decisions, positive):
    return np.stack([decisions == labels, np.ones(len(labels))], axis=1)


def accuracy(sums):
    right, rows = np.moveaxis(sums, -1, 0)
    return quotient(right, rows)


def f1_statistics(labels, decisions, positive):
    predicted, expected = decisions == positive, labels == positive
    return np.stack([predicted & expected, predicted.astype(int) + expected], axis=1)


def f1(sums):
    """2 TP / (2 TP + FP + FN)"""
    both, predicted_and_expected = np.moveaxis(sums, -1, 0)
    return quotient(2 * both, predicted_and_expected)


def matthews_statistics(labels, decisions, positive):
    """Whether it is right, then one column a class for what is predicted, then for what is expected."""
    classes = np.arange(1 + max(labels.max(), decisions.max()))
    return np.hstack([(decisions == labels)[:, None], decisions[:, None] == classes, labels[:, None] == classes])


def matthews(sums):
    """(n right - sum_c p_c e_c) / sqrt((n² - sum_c p_c²) (n² - sum_c e_c²)), for any number of classes c."""
    right = sums[..., 0]
    predicted, expected = np.split(sums[..., 1:], 2, axis=-1)
    rows = predicted.sum(axis=-1)
    spread = (rows**2 - (predicted**2).sum(axis=-1)) * (rows**2 - (expected**2).sum(axis=-1))
    return quotient(rows * right - (predicted * expected).sum(axis=-1), np.sqrt(spread))


def pearson_statistics(labels, decisions, positive):
    """Rows, x, y, x², y², xy. Both are centered first, which changes no correlation and keeps the sums accurate."""
    x, y = decisions - decisions.mean(), labels - labels.mean()
    return np.stack([np.ones(len(x)), x, y, x * x, y * y, x * y], axis=1)


def pearson(sums):
    rows, x, y, xx, yy, xy = np.moveaxis(sums, -1, 0)
    spread = np.maximum(rows * xx - x * x, 0) * np.maximum(rows * yy - y * y, 0)
    return quotient(rows * xy - x * y, np.sqrt(spread))


# The tables show those that a task has, in this order. The first one of a task stands for it in averages.
METRICS = {"accuracy": Metric(accuracy_statistics, accuracy), "f1": Metric(f1_statistics, f1),
           "matthews_correlation": Metric(matthews_statistics, matthews), "pearson": Metric(pearson_statistics, pearson)}


def row_statistics(metric, labels, decisions, positive=1):
    return np.asarray(METRICS[metric].row_statistics(labels, decisions, positive), dtype=float)


def score(metric, labels, decisions, positive=1):
    return float(METRICS[metric].score(row_statistics(metric, labels, decisions, positive).sum(axis=0)))
