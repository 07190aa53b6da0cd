"""The plot command on runs written by hand: the CSVs, and the pictures drawn from them."""
import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from reaugkd_experiments import pictures
from reaugkd_experiments.errors import UserError
from reaugkd_experiments.pictures import embeddings, reliability

SWEEP = [(1, 0.1, 0, 0.7, 0.5), (1, 0.5, 0, 0.8, 0.25), (1, 0.1, 1, 0.6, 0.75), (1, 0.5, 1, 0.6, 0.75),
         (4, 0.1, 0, 0.9, 0.5), (4, 0.5, 0, 0.2, 1), (4, 0.1, 1, 0.6, 0.75), (4, 0.5, 1, 0.6, 0.75)]


def write_eval(directory, combined, kb_rows=1.0):
    directory.mkdir(parents=True)
    (directory / "run.json").write_text(json.dumps({"options": {"kb_rows": kb_rows}}))
    scores = {"student": {"accuracy": 0.75}, "retrieval": {"accuracy": 0.5}, "combined": {"accuracy": combined},
              "teacher": {"accuracy": 1.0}}
    (directory / "metrics.json").write_text(json.dumps({"metrics": scores, "majority": {"accuracy": 0.5},
                                                        "retrieval": {"beta": 0.5}}))
    lines = ["index\tlabel\tprediction\tp_no\tp_yes\tstudent_p_no\tstudent_p_yes\tkb_p_no\tkb_p_yes",
             "0\tno\tno\t0.9\t0.1\t0.98\t0.02\t0.6\t0.4", "1\tyes\tyes\t0.2\t0.8\t0.3\t0.7\t0.1\t0.9"]
    (directory / "predictions.tsv").write_text("\n".join(lines) + "\n")
    (directory / "sweep.tsv").write_text("k\ttau\tbeta\tkb_temperature\tvalidation_loss\tloss\taccuracy\n" + "".join(
        f"{k}\t{tau}\t{beta}\t1\t{loss}\t{loss}\t{score}\n" for k, tau, beta, loss, score in SWEEP))
    (directory / "latency.tsv").write_text("model_ms\twith_retrieval_ms\n2\t3\n1\t1.5\n")
    (directory / "embeddings.tsv").write_text("source\tlabel\tx\ty\nteacher\tno\t-1\t0\nteacher\tyes\t1\t0.5\n"
                                              "student\tyes\t0.5\t0.25\nstudent\tno\t-0.5\t0\n")


NAMES = ["toy_task-kb-size.svg", "toy_task-reaugkd-embeddings.png", "toy_task-reaugkd-k-beta.svg",
         "toy_task-reaugkd-latency.svg", "toy_task-reaugkd-reliability.svg"]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("pictures")
    for seed, combined in ((1, 0.75), (2, 0.85)):
        chain = root / f"runs/toy_task/seed-{seed}"
        write_eval(chain / "eval-reaugkd", combined)
        write_eval(chain / "eval-reaugkd@10%", 0.5, 0.1)
        (chain / "teacher").mkdir()
        (chain / "teacher/metrics.json").write_text('{"validation_split": "holdout:0.1", "train_examples": 9}')
        (chain / "teacher/run.json").write_text('{"machine": {"precision": "fp32", "description": "none"}}')
    pictures.draw_runs([root / "runs"], root / "plots", "reaugkd")
    return root


def table(root, name):
    return [line.split(",") for line in (root / f"plots/toy_task-{name}.csv").read_text().splitlines()]


def test_k_and_beta_have_the_best_tau_of_the_validation_part(root):
    assert table(root, "reaugkd-k-beta") == [["k", "beta", "accuracy", "student_alone"], ["1", "0.0", "50.0", "75.0"],
                                             ["4", "0.0", "100.0", "75.0"], ["1", "1.0", "75.0", "75.0"],
                                             ["4", "1.0", "75.0", "75.0"]]


def test_size(root):
    assert table(root, "kb-size") == [["method", "percent_of_rows", "accuracy", "deviation", "student_alone"],
                                      ["reaugkd", "10.0", "50.0", "0.0", "75.0"],
                                      ["reaugkd", "100.0", "80.0", "7.07", "75.0"]]


def test_latency_is_sorted_and_pooled(root):
    assert table(root, "reaugkd-latency")[1:] == [  # of both seeds, without the further evaluation's
        ["0.25", "1.0", "1.5"], ["0.5", "1.0", "1.5"], ["0.75", "2.0", "3.0"], ["1.0", "2.0", "3.0"]]


def test_reliability(root):
    # Of two classes a bin is 0.05 wide; both seeds have the same two rows, all right.
    assert table(root, "reaugkd-reliability")[1:3] == [["student", "0.7", "1.0", "2"], ["student", "0.98", "1.0", "2"]]
    bins = reliability.bins_of(np.array([[0.52, 0.48], [0.46, 0.54], [0, 1]]), np.array([0, 0, 1]))
    assert bins.to_numpy().tolist() == [[0.53, 0.5, 2], [1, 1, 1]]


def test_embeddings(root):
    assert sorted(table(root, "reaugkd-embeddings")[1:]) == [
        ["student", "no", "-0.5", "0"], ["student", "yes", "0.5", "0.25"], ["teacher", "no", "-1", "0"],
        ["teacher", "yes", "1", "0.5"]]


def test_colors_of_classes_and_of_scores():
    colors, handles = embeddings.colors_of(pd.Series(["yes", "no", "yes"]))
    assert colors == {"no": "#0072B2", "yes": "#D55E00"} and len(handles) == 2
    colors, handles = embeddings.colors_of(pd.Series([str(score) for score in np.linspace(0, 5, 20)]))
    assert len(set(colors.values())) == 20
    assert [handle.get_label() for handle in handles] == ["label 0.0", "label 5.0"]


def test_the_pictures_are_drawn(root):
    plots = root / "plots"
    assert sorted(path.name for path in plots.iterdir() if path.suffix != ".csv") == NAMES
    for name in NAMES:
        content = (plots / name).read_bytes()
        assert content.startswith(b"\x89PNG") if name.endswith("png") else content.rstrip().endswith(b"</svg>")
        assert len(content) > 3000


def test_a_picture_is_drawn_from_its_csv_alone_and_again_the_same(root, tmp_path, capsys):
    for path in (root / "plots").glob("*.csv"):
        shutil.copy(path, tmp_path)
    (tmp_path / "other.csv").write_text("a,b\n")
    capsys.readouterr()
    pictures.redraw(tmp_path)
    assert sorted(capsys.readouterr().out.split()) == [str(tmp_path / name) for name in NAMES]
    for name in NAMES:
        assert (tmp_path / name).read_bytes() == (root / "plots" / name).read_bytes(), name


def test_a_damaged_csv_is_named(tmp_path):
    (tmp_path / "a-latency.csv").write_text("share,ms\n1,2\n")
    with pytest.raises(UserError, match=re.escape(f"{tmp_path}/a-latency.csv: cannot draw it: KeyError: 'model_ms'")):
        pictures.redraw(tmp_path)


def test_nothing_to_draw(root, tmp_path):
    shutil.copytree(root / "runs", tmp_path / "runs")
    for chain in (tmp_path / "runs/toy_task").iterdir():
        shutil.rmtree(chain / "eval-reaugkd@10%")
    for arguments, text in ((["runs", "--output", "plots", "--method", "pkd"], "nothing to draw of pkd in runs"),
                            (["runs"], "expected RUNS and --output DIR, or --redraw DIR"),
                            (["--redraw", "runs"], "no CSV of a picture there"),
                            (["runs", "--redraw", "runs"], "takes no runs")):
        done = subprocess.run([sys.executable, "-m", "reaugkd_experiments", "plot", *arguments], cwd=tmp_path, text=True,
                              capture_output=True)
        assert done.returncode == 2
        assert text in done.stderr and len(done.stderr.splitlines()) == 1
