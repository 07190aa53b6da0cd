"""The figures of `reaugkd-experiments knowledge` that are worked out in Python."""
import argparse
import json

import numpy as np
import pandas as pd
import pytest

from reaugkd_experiments import knowledge
from reaugkd_experiments.errors import UserError

COLUMNS = argparse.Namespace(text_column="text", label_column="label")


def test_nearest_is_equation_6_by_hand():
    generator = np.random.default_rng(1)
    train = generator.normal(size=(40, 6))
    train /= np.linalg.norm(train, axis=1, keepdims=True)
    labels = np.array([f"class {row % 3}" for row in range(40)])
    queries = train[:5] + 0.1 * generator.normal(size=(5, 6))
    for query, predicted in zip(queries, knowledge.nearest(train, labels, queries, k=7, tau=0.2)):
        similarity = train @ query
        votes = {}
        for row in np.argsort(-similarity)[:7]:
            votes[labels[row]] = votes.get(labels[row], 0) + np.exp(similarity[row] / 0.2)
        assert predicted == max(votes, key=votes.get)


def test_intervals_are_student_t():
    assert knowledge.interval([0.5]) == "50.0"
    assert knowledge.interval([0.5, None, float("nan")]) == "50.0"
    assert knowledge.interval([]) == ""
    assert knowledge.interval([0.4, 0.5, 0.6]) == "50.0 ± 24.8"  # t = 4.303, standard error 5.77


def test_keys_and_labels_of_a_knowledge_base(tmp_path):
    keys, labels = np.eye(3, dtype=np.float32), np.array([0, 2, 1], dtype=np.float32)
    header = json.dumps({"embeddings": {"dtype": "F32", "shape": [3, 3], "data_offsets": [0, 36]},
                         "labels": {"dtype": "F32", "shape": [3], "data_offsets": [36, 48]}}).encode()
    (tmp_path / "kb.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + keys.tobytes() + labels.tobytes())
    (tmp_path / "kb.json").write_text(json.dumps({"provenance": {"reaugkd": {"labels": ["a", "b"]}}, "new_classes": ["c"]}))
    read, names = knowledge.read_keys(tmp_path)
    assert (read == keys).all()
    assert list(names) == ["a", "c", "b"]


def test_tables_have_what_was_measured_alone():
    results = pd.DataFrame([{"group": "g", "name": "n", "all": value, "new": None, "old": 0.5, "seconds": None, "gain": None}
                            for value in (0.25, 0.75)])
    text = knowledge.tables(results)
    assert "### g" in text and "50.0 ±" in text
    assert "new" not in text.split("\n")[2]


def test_a_file_without_its_columns_is_named(tmp_path):
    (tmp_path / "train.csv").write_text("text,topic\na,b\n")
    with pytest.raises(UserError, match="train.csv.*columns text and label"):
        knowledge.read_csv(tmp_path / "train.csv", COLUMNS)


def test_written_rows_come_back(tmp_path):
    rows = [('a "quoted", text', "x"), ("two\nlines", "y")]
    knowledge.write_csv(tmp_path / "rows.csv", rows, COLUMNS)
    assert knowledge.read_csv(tmp_path / "rows.csv", COLUMNS) == rows
