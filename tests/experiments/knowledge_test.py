"""The figures of `reaugkd-experiments knowledge` that are worked out in Python."""
import argparse
import json

import numpy as np
import pandas as pd
import pytest

from reaugkd_experiments import beta_rules, knowledge
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
    results = pd.DataFrame([{"group": "g", "name": "n", "all": value, "new": None, "old": 0.5, "seconds": None, "gain": None, "loss": None}
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


def rows_of_three_classes(count, seed):
    """p^S knows two classes and p^KB all three; who is right is drawn, and its probabilities are the surer ones."""
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, 3, count)
    student, kb = (draw.dirichlet([1, 1, 1], count) for _ in range(2))
    student_knows = draw.random(count) < 0.5
    student[student_knows, labels[student_knows]] += 5
    kb[~student_knows | (labels == 2), labels[~student_knows | (labels == 2)]] += 5
    student[:, 2] = 0
    student, kb = (p / p.sum(1, keepdims=True) for p in (student, kb))
    return beta_rules.Rows(student, kb, kb.max(1), labels, known=2)


@pytest.mark.parametrize("rule", beta_rules.RULES)
def test_a_rule_for_beta_is_a_distribution_and_no_worse_than_either_part(rule):
    tune, test = rows_of_three_classes(2000, 1), rows_of_three_classes(2000, 2)
    p = beta_rules.RULES[rule](tune)(test)
    assert np.allclose(p.sum(1), 1) and (p >= -1e-12).all()
    assert beta_rules.loss(p, test.labels) < min(beta_rules.loss(part, test.labels) for part in (test.student, test.kb))


def test_a_gate_learns_whom_to_ask():
    tune, test = rows_of_three_classes(2000, 1), rows_of_three_classes(2000, 2)
    gate, constant = (beta_rules.RULES[name](tune)(test) for name in
                      ("new classes by p^KB, a gate for the others (as built in)", "new classes by p^KB, one beta for the others"))
    assert beta_rules.loss(gate, test.labels) < beta_rules.loss(constant, test.labels) - 0.05


def test_a_row_of_the_knowledge_base_is_not_its_own_neighbor():
    keys = np.eye(40)[:, :8] + 0.01
    retrieval = beta_rules.Retrieval(keys, np.arange(40) % 3, 3)
    found, near = retrieval.neighbors(keys[:5], np.array([0, 1, 2, -1, -1]))
    assert all(row not in found[row] for row in range(3)) and found[3][0] == 3 and found[4][0] == 4
    p = retrieval.answers(found, near, 4, 0.05)
    assert np.allclose(p.sum(1), 1) and p[3].argmax() == 0  # row 3 answers with its label


def test_an_unknown_part_or_space_is_named():
    for parts, spaces, wrong in ((["rules", "rival", "rulez"], ["both"], "--parts: rulez"), (["rules"], ["booth"], "--spaces: booth")):
        with pytest.raises(UserError, match=wrong):
            knowledge.check(argparse.Namespace(parts=parts, spaces=spaces))
