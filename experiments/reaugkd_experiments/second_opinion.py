"""A second opinion: what the neighbors know that the student does not.

Retrieval can help a student only where the neighbors are right and the student is wrong. How often that is says little by itself, so
another second opinion stands beside it: the student of the next seed, which has learned the same rows by the same method. It is no
better than the first one, but it errs on other rows.
"""
import dataclasses

import numpy as np
import pandas as pd

from .difference_tables import difference_cell, parts, table_of, titles
from .score_table import columns_of, methods_of

NEIGHBORS, OTHER_SEED = "half neighbors", "half another seed's student"  # sides, of equal weights


def seconds_of(runs):
    """Seed -> the evaluation of the next seed; of the last one, that of the first. Empty for one seed."""
    seeds = sorted(runs)
    return {seed: runs[seeds[(i + 1) % len(seeds)]] for i, seed in enumerate(seeds)} if len(seeds) > 1 else {}


def halves(first, second):
    """The decisions by the mean of two opinions: scores (N,), or probabilities (N, C)."""
    mean = (first + second) / 2
    return mean if mean.ndim == 1 else mean.argmax(axis=1)


def opinion(run, side, part):
    """Scores of a regression, probabilities of a classification. None if an archive has not kept them."""
    return run.probabilities.get(part) if run.classes else run.decisions[side]


def mixed(run, other):
    """The evaluation with two more sides, or None."""
    student, neighbors = opinion(run, "alone", "student"), opinion(run, "retrieval", "retrieval")
    second = opinion(other, "alone", "student")
    if any(each is None for each in (student, neighbors, second)) or run.classes != other.classes:
        return None
    return dataclasses.replace(run, decisions={**run.decisions, NEIGHBORS: halves(student, neighbors),
                                               OTHER_SEED: halves(student, second)})


def mixed_task(task):
    """The task with the evaluations that have the two sides. None if none has."""
    runs = {}
    for method in task.methods:
        of_method = task.runs[method]
        found = {seed: mixed(of_method[seed], other) for seed, other in seconds_of(of_method).items()}
        if any(found.values()):
            runs[method] = {seed: run for seed, run in found.items() if run is not None}
    return dataclasses.replace(task, runs=runs) if runs else None


def mixed_table(tasks):
    """What a mean with equal weights adds to the student: with its neighbors, and with another seed's student. Each student is in
    two of the latter, so their interval is over the rows alone. None if no task has both."""
    tasks = [found for found in map(mixed_task, tasks) if found is not None]
    columns, rows = columns_of(tasks), []
    for method in methods_of(tasks):
        for title, side in (("its neighbors", NEIGHBORS), ("another seed's student", OTHER_SEED)):
            rows.append([f"{method}, {title}", *(difference_cell(part, (method, side), (method, "alone"), over_seeds=side == NEIGHBORS)
                                                 for part in parts(columns))])
    return table_of(rows, ["student, and what it is mixed with", *titles(columns)]) if rows else None


def errors_table(tasks):
    """How often the second opinion is right where the student is wrong, and wrong where it is right. Means over seeds. The neighbors
    are `eval`'s k, which is the smallest where beta is 1. None for regressions alone, and for one seed."""
    rows = [[task.name, method, *found] for task in tasks if task.first.classes for method in methods_of([task])
            if (found := shares(task.runs[method])) is not None]
    return pd.DataFrame(rows, columns=["task", "method", "k", "student wrong: neighbors right", "another seed right",
                                       "student right: neighbors wrong", "another seed wrong"]) if rows else None


def shares(runs):
    """k of each seed, and the four shares as texts. None where there are none."""
    found, ks = [], []
    for seed, other in seconds_of(runs).items():
        run = runs[seed]
        right = {"student": run.decisions["alone"] == run.labels, "neighbors": run.decisions["retrieval"] == run.labels,
                 "other": other.decisions["alone"] == other.labels}
        wrong = ~right["student"]
        ks.append(str(run.results["retrieval"]["k"]))
        if wrong.any() and not wrong.all():
            found.append([right["neighbors"][wrong].mean(), right["other"][wrong].mean(),
                          1 - right["neighbors"][~wrong].mean(), 1 - right["other"][~wrong].mean()])
    return [", ".join(ks), *(f"{100 * share:.0f} %" for share in np.mean(found, axis=0))] if found else None
