"""What a page shows of an eval directory, and of the model directories that its run.json names."""
import dataclasses
import functools
import json
import pathlib

import numpy as np

from ..errors import UserError
from ..evaluation import PARTS, read_probabilities
from ..json_file import read_json
from ..tab_separated import read_tab_separated

NAMES = {"majority": "majority class", "teacher": "teacher", "student": "student", "retrieval": "retrieval",
         "combined": "combined"}
SCORES = {"student": "student_score", "retrieval": "kb_score", "combined": "score"}  # a regression's columns


@dataclasses.dataclass(eq=False)
class Run:
    directory: pathlib.Path
    results: dict  # metrics.json
    record: dict  # run.json
    labels: np.ndarray  # (N,) classes or scores
    decisions: dict  # part -> (N,)
    classes: list = dataclasses.field(default_factory=list)  # names; none in a regression
    probabilities: dict = dataclasses.field(default_factory=dict)  # part -> (N, C)

    @property
    def options(self):
        return self.record.get("options", {})

    @property
    def retrieval(self):
        """What metrics.json says of retrieval. None without a knowledge base."""
        return self.results.get("retrieval")

    @property
    def unused(self):
        """Whether beta is 1, so that the student alone answers."""
        return self.retrieval is not None and not self.retrieval.get("used", True)

    @property
    def shown_parts(self):
        """The parts with curves of their own: the combined prediction is the student's where retrieval is not used."""
        return [part for part in self.decisions if not (self.unused and part == "combined")]

    def of_metrics(self, who):
        """The scores that eval reported; empty if there are none."""
        return self.results.get("majority", {}) if who == "majority" else self.results["metrics"].get(who, {})

    def classes_table(self):
        """The lines of classes.tsv, the worst F1 first; of classes that no row has, none."""
        path = self.directory / "classes.tsv"
        if not path.exists():
            return []
        lines = read_tab_separated(path, ["label", "support", "precision", "recall", "f1"]).to_dict("records")
        return sorted((line for line in lines if int(line["support"]) > 0), key=lambda line: float(line["f1"]))

    @functools.cached_property
    def trainings(self):
        """(name, lines of train_log.jsonl) of the student and the teacher, where their directories are still there."""
        found = []
        for name, option in (("student", "model"), ("teacher", "teacher")):
            if not self.options.get(option):
                continue
            path = pathlib.Path(self.record.get("working_directory", "."), self.options[option], "train_log.jsonl")
            if path.exists():
                found.append((name, [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]))
        return found


def read_run(directory):
    if not (directory / "predictions.tsv").exists():
        raise UserError(f"{directory}: there is no predictions.tsv: expected a directory that reaugkd eval has written")
    results, record = read_json(directory / "metrics.json"), read_json(directory / "run.json")
    table = read_tab_separated(directory / "predictions.tsv", ["index", "label", "prediction"])
    table = table[table["label"] != ""]
    if not len(table):
        raise UserError(f"{directory}: its rows have no labels, so there is nothing to show")
    parts = list(PARTS) if results.get("retrieval") else ["combined"]
    if "score" in table:
        decisions = {part: table[SCORES[part]].to_numpy(float) for part in parts}
        return Run(directory, results, record, table["label"].to_numpy(float), named(decisions))
    classes, probabilities = read_probabilities(directory, table, parts)
    decisions = {part: rows.argmax(axis=1) for part, rows in probabilities.items()}
    labels = np.array([classes.index(label) for label in table["label"]])
    return Run(directory, results, record, labels, named(decisions), classes, named(probabilities))


def named(parts):
    """Without a knowledge base the final prediction is the student's."""
    return parts if len(parts) > 1 else {"student": parts["combined"]}
