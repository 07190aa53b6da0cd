#!/usr/bin/env python3
"""experiments/reaugkd_experiments/plots.py on runs written by hand: the CSVs, and that gnuplot takes the scripts."""
import csv
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "experiments/reaugkd_experiments"))
import plots  # noqa: E402

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


class Plots(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self.folder.name)
        for seed, combined in ((1, 0.75), (2, 0.85)):
            chain = self.root / f"runs/toy_task/seed-{seed}"
            write_eval(chain / "eval-reaugkd", combined)
            write_eval(chain / "eval-reaugkd@10%", 0.5, 0.1)
            (chain / "teacher").mkdir()
            (chain / "teacher/metrics.json").write_text('{"validation_split": "holdout:0.1", "train_examples": 9}')
            (chain / "teacher/run.json").write_text('{"machine": {"precision": "fp32", "description": "none"}}')
        self.out = self.root / "plots"
        self.done = subprocess.run([sys.executable, ROOT / "experiments/reaugkd_experiments/plots.py", self.root / "runs", "--output", self.out],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)

    def tearDown(self):
        self.folder.cleanup()

    def table(self, name):
        with open(self.out / f"toy_task-{name}.csv", newline="", encoding="utf-8") as file:
            return list(csv.reader(file))

    def test_k_and_beta_have_the_best_tau_of_the_validation_part(self):
        self.assertEqual(self.table("reaugkd-k-beta"),
                         [["column", "row", "k", "beta", "accuracy"], ["0", "0", "1", "0", "50.00"],
                          ["1", "0", "4", "0", "100.00"], ["0", "1", "1", "1", "75.00"], ["1", "1", "4", "1", "75.00"]])

    def test_size(self):
        self.assertEqual(self.table("kb-size")[1:], [["reaugkd", "10", "50.00", "0.00", "75.00"],
                                                     ["reaugkd", "100", "80.00", "7.07", "75.00"]])

    def test_latency_is_sorted_and_pooled(self):
        self.assertEqual(self.table("reaugkd-latency")[1:],  # of both seeds, without the further evaluation's
                         [["0.2500", "1.0", "1.5"], ["0.5000", "1.0", "1.5"], ["0.7500", "2.0", "3.0"],
                          ["1.0000", "2.0", "3.0"]])

    def test_reliability(self):
        # Of two classes a bin is 0.05 wide; both seeds have the same two rows, all right.
        self.assertEqual(self.table("reaugkd-reliability")[1:3],
                         [["student", "0.7000", "1.0000", "2"], ["student", "0.9800", "1.0000", "2"]])
        self.assertEqual(plots.reliability_rows([[0.52, 0.48], [0.46, 0.54], [0, 1]], [0, 0, 1], 2),
                         [["0.5300", "0.5000", 2], ["1.0000", "1.0000", 1]])

    def test_embeddings(self):
        self.assertEqual(sorted(self.table("reaugkd-embeddings")[1:]),
                         [["student", "no", "-0.5", "0"], ["student", "yes", "0.5", "0.25"],
                          ["teacher", "no", "-1", "0"], ["teacher", "yes", "1", "0.5"]])

    def test_gnuplot_draws_them(self):
        if not shutil.which("gnuplot"):
            self.assertIn("gnuplot is not installed", self.done.stderr)
            self.skipTest("no gnuplot")
        self.assertEqual((self.done.returncode, self.done.stderr), (0, ""))
        for name in ("reaugkd-k-beta", "kb-size", "reaugkd-latency", "reaugkd-reliability", "reaugkd-embeddings"):
            self.assertGreater((self.out / f"toy_task-{name}.png").stat().st_size, 3000)
            self.assertIn("</svg>", (self.out / f"toy_task-{name}.svg").read_text())

    def test_nothing_to_draw(self):
        for chain in (self.root / "runs/toy_task").iterdir():
            shutil.rmtree(chain / "eval-reaugkd@10%")
        done = subprocess.run([sys.executable, ROOT / "experiments/reaugkd_experiments/plots.py", self.root / "runs", "--output", self.out,
                               "--method", "pkd"], stderr=subprocess.PIPE, universal_newlines=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("nothing to draw of pkd", done.stderr)


if __name__ == "__main__":
    unittest.main()
