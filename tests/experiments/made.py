"""Tasks made of arrays, for the statistics' tests."""
import pathlib

import numpy as np

from reaugkd_experiments.evaluation import Evaluation
from reaugkd_experiments.task import Task


def evaluation(labels, alone, combined=None, metric="accuracy", teacher=1.0):
    labels, alone = np.asarray(labels), np.asarray(alone)
    combined = alone if combined is None else np.asarray(combined)
    results = {"metrics": {"student": {metric: 0.0}, "combined": {metric: 0.0}, "teacher": {metric: teacher}}}
    return Evaluation(pathlib.Path("none"), results, tuple(range(len(labels))), labels, {"alone": alone, "combined": combined})


def opinions(labels, student, neighbors):
    """An evaluation of two classes; student and neighbors: (N,) probabilities of class 1."""
    def both(p):
        return np.stack([1 - np.asarray(p), p], axis=1)

    student, neighbors = both(student), both(neighbors)
    found = evaluation(labels, student.argmax(axis=1))
    found.classes, found.probabilities = ["0", "1"], {"student": student, "retrieval": neighbors}
    found.decisions["retrieval"] = neighbors.argmax(axis=1)
    found.results["retrieval"] = {"k": 8}
    return found


def task(name, runs):
    """runs: method -> seed -> Evaluation"""
    return Task(name, pathlib.Path(name), runs)
