"""An evaluation: what one `eval` directory says, with a prediction for each row."""
import dataclasses
import functools
import json
import pathlib

import numpy as np

from .errors import UserError
from .json_file import read_json
from .metrics import METRICS, score
from .tab_separated import read_tab_separated
from .tensor_file import read_tensors

# The student, the student with retrieval, and retrieval alone -> prefix of their columns
SIDES = {"alone": "student_", "combined": "", "retrieval": "kb_"}
PARTS = {"student": "student_p_", "retrieval": "kb_p_", "combined": "p_"}  # -> prefix of their probabilities
PART_OF = {"alone": "student", "combined": "combined", "retrieval": "retrieval"}  # side -> part

TENSORS = {"student": "student", "retrieval": "knowledge_base", "combined": "final"}  # in probabilities.safetensors


class Unlabelled(Exception):
    pass


@dataclasses.dataclass(eq=False)
class Evaluation:
    directory: pathlib.Path
    results: dict  # metrics.json
    rows: tuple  # which rows were scored
    labels: np.ndarray  # (N,) classes or scores
    decisions: dict  # side -> (N,)
    classes: list = dataclasses.field(default_factory=list)  # names; none in a regression
    probabilities: dict = dataclasses.field(default_factory=dict)  # part -> (N, C)

    @property
    def name(self):
        """The method, or "method@further evaluation"."""
        return self.directory.name.removeprefix("eval-")

    @property
    def seed(self):
        return self.directory.parent.name

    @property
    def metrics(self):
        """Those of METRICS that `eval` reported. If there is none: the first that it reported."""
        reported = self.results["metrics"]["student"]
        return [name for name in METRICS if name in reported] or list(reported)[:1]

    def scored(self):
        """Evaluations can be paired if they agree in this."""
        return self.rows, tuple(self.labels)

    def score(self, side, metric):
        """What `eval` reported of a side, of "retrieval" or of the "teacher". None if it reported nothing."""
        return self.results["metrics"].get("student" if side == "alone" else side, {}).get(metric)

    def permuted(self, metric):
        """The score of the control, which permutes the knowledge base's labels. None if there is none."""
        return self.results["retrieval"].get("permuted", {}).get("combined", {}).get(metric)

    @functools.cached_property
    def positive(self):
        """The class that F1 is of. No file names it: it is the one that has the reported F1."""
        reported = self.score("alone", "f1")
        for candidate in (1, 0):
            if reported is not None and abs(score("f1", self.labels, self.decisions["alone"], candidate) - reported) < 1e-6:
                return candidate
        return 1

    @functools.cached_property
    def options(self):
        return read_json(self.directory / "run.json").get("options", {})

    @property
    def student(self):
        """The name of the student's directory. "student-kd@1" means that configuration 1 was chosen."""
        return pathlib.Path(self.options.get("model") or "").name

    def table(self, name, columns=()):
        """A further table of the directory, such as sweep.tsv. None if there is no such file."""
        path = self.directory / name
        return read_tab_separated(path, columns) if path.exists() else None


def read_evaluation(directory):
    results = read_json(directory / "metrics.json")
    if not results["metrics"]["student"]:
        raise Unlabelled
    path = directory / "predictions.tsv"
    table = read_tab_separated(path, ["index", "label"])
    table = table[table["label"] != ""]
    rows = tuple(table["index"])
    if "score" in table:
        labels = np.array([float(f"{float(label):.6g}") for label in table["label"]])  # however the number is spelled
        decisions = {side: numbers(path, table, [f"{prefix}score"])[:, 0] for side, prefix in SIDES.items()}
        return Evaluation(directory, results, rows, labels, decisions)
    if not (directory / "probabilities.safetensors").exists() and not any(column.startswith("p_") for column in table):
        return Evaluation(directory, results, rows, *decided(path, table))  # of an archive
    classes, probabilities = read_probabilities(directory, table)
    decisions = {side: probabilities[PART_OF[side]].argmax(axis=1) for side in SIDES}
    labels = np.array([classes.index(label) for label in table["label"]])
    return Evaluation(directory, results, rows, labels, decisions, classes, probabilities)


def decided(path, table):
    """The labels, the decisions of every side, the classes, and the probabilities of those parts that are there, of a table that an
    archive has kept."""
    columns = {side: f"{prefix}prediction" for side, prefix in SIDES.items()}
    missing = [column for column in columns.values() if column not in table]
    if missing:
        raise UserError(f"{path}: there is no column {', '.join(missing)}; evaluate with a knowledge base (eval --kb)")
    kept = {part: [column for column in table if column.startswith(prefix)] for part, prefix in PARTS.items()}
    names = [table["label"], *(table[column] for column in columns.values())]
    classes = [column.removeprefix(PARTS["student"]) for column in kept["student"]] or sorted(set().union(*names))
    labels, *decisions = (np.array([classes.index(name) for name in column]) for column in names)
    probabilities = {part: numbers(path, table, columns) for part, columns in kept.items() if columns}
    return labels, dict(zip(SIDES, decisions)), classes, probabilities


def read_probabilities(directory, table, parts=tuple(PARTS)):
    """The names of the classes, and the probabilities (N, C) of the parts in the rows of predictions.tsv that `table` has."""
    path = directory / "predictions.tsv"
    classes = [column.removeprefix("p_") for column in table if column.startswith("p_")]
    if classes:
        return classes, {part: numbers(path, table, [PARTS[part] + name for name in classes]) for part in parts}
    path = directory / "probabilities.safetensors"  # of more than ten classes
    tensors, metadata = read_tensors(path)
    missing = [TENSORS[part] for part in parts if TENSORS[part] not in tensors]
    if missing:
        raise UserError(f"{path}: there is no tensor {', '.join(missing)}; evaluate with a knowledge base (eval --kb)")
    return json.loads(metadata["labels"]), {part: tensors[TENSORS[part]][table.index].astype(float) for part in parts}


def numbers(path, table, columns):
    """(N, columns)"""
    missing = [column for column in columns if column not in table]
    if missing:
        raise UserError(f"{path}: there is no column {', '.join(missing)}; evaluate with a knowledge base (eval --kb)")
    return table[columns].to_numpy(dtype=float)
