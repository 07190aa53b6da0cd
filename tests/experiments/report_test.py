"""The report command on runs of a binary that only writes what the stages write."""
import json
import re
import shutil
import subprocess
import tarfile

import numpy as np
import pandas as pd
import pytest
from fake_binary import PLAN
from reaugkd_experiments.errors import UserError
from reaugkd_experiments.evaluation import TENSORS, read_evaluation
from reaugkd_experiments.table_format import as_csv, as_latex, as_markdown


def test_fewer_seeds_are_said_and_are_not_the_best(workplace):
    methods = [{"method": "kd"}, {"name": "part", "method": "kd"}]
    workplace.run_plan(dict(PLAN, methods=methods), "--methods", "kd")
    workplace.run_plan(dict(PLAN, methods=methods), "--seeds", "1")
    tables = workplace.report()
    assert "| kd | **50.0 ± 0.0** |" in tables
    assert "| part | 50.0 (1 of 2 seeds) |" in tables


def test_two_plans_in_one_directory(workplace):
    workplace.run_plan(dict(PLAN, seeds=[1], methods=[{"method": "kd"}], evals=[{"name": "k4", "options": {"k": 4}}]))
    workplace.run_plan(dict(PLAN, seeds=[1], methods=[{"method": "pkd"}, {"method": "rkd"}]), name="another")
    tables = workplace.report()
    assert "| method | as it is | k4 |" in tables
    assert "- Planned, and no eval is finished: rkd." in tables


def test_tasks_of_one_name_in_two_directories(workplace):
    workplace.run_plan(dict(PLAN, seeds=[1], methods=[{"method": "kd"}]))
    (workplace.root / "runs").rename(workplace.root / "first")
    workplace.run_plan(dict(PLAN, seeds=[1], methods=[{"method": "pkd"}]))
    tables = workplace.report(workplace.root / "first")
    assert "| method | runs-rte | first-rte | average |" in tables
    assert "| kd | | **50.0** |" in tables


def test_what_was_selected_on_dev_stands_apart(workplace):
    workplace.run_plan(PLAN)
    workplace.run_plan(PLAN, "--select-on-dev", "--tasks", "rte")
    plan = json.loads((workplace.root / "runs/plan-plan-dev.json").read_text())
    assert [task["name"] for task in plan["tasks"]] == [task["task"] + "-dev" for task in PLAN["tasks"]]
    tables = workplace.report().split("### ")
    assert "Student alone\n\n| method | rte | average |" in tables[1]
    assert "Student alone (selected on dev)\n\n| method | rte-dev | average |" in tables[len(tables) // 2 + 1]


def test_reports_errors_are_no_tracebacks(workplace):
    workplace.run_plan(dict(PLAN, seeds=[1], methods=[{"method": "kd"}]))
    (workplace.root / "figures.json").write_text('[{"method": "x"}]')
    runs = workplace.root / "runs"
    for arguments, text in (([workplace.root / "none"], "there is no such directory"),
                            ([workplace.root / "RTE"], "no finished eval"),
                            ([runs, "--published", workplace.root / "figures.json"], "expected [{")):
        done = workplace.command("report", *arguments)
        assert done.returncode == 2
        assert text in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_damaged_files_are_named(workplace):
    workplace.run_plan(dict(PLAN, seeds=[1], methods=[{"method": "kd"}]))
    directory = workplace.root / "runs/rte/seed-1/eval-kd"
    predictions = (directory / "predictions.tsv").read_text()
    (directory / "predictions.tsv").write_text(predictions.replace("student_p_", "p_student_"))
    with pytest.raises(UserError, match="predictions.tsv: there is no column student_p_0, student_p_1"):
        workplace.report()
    (directory / "metrics.json").write_text("{")
    with pytest.raises(UserError, match="eval-kd/metrics.json: it is damaged"):
        workplace.report()


def test_a_plan_that_was_copied_by_hand(workplace):
    plan = dict(PLAN, seeds=[1], methods=[{"method": "kd"}])
    workplace.run_plan(plan)
    tables = workplace.report()
    kept = workplace.root / "runs/plan-plan.json"
    assert json.loads(kept.read_text()) != plan  # a run writes names and grids that its plan may leave out
    kept.write_text(json.dumps(plan))
    assert workplace.report() == tables
    kept.write_text(json.dumps(dict(plan, methods=[{"method": "kd", "grid": []}])))
    with pytest.raises(UserError, match='runs/plan-plan.json: method kd: "grid" is'):
        workplace.report()


def write_tensors(path, labels, tensors):
    header = {"__metadata__": {"labels": json.dumps(labels)}}
    content = b""
    for name, rows in tensors.items():
        data = np.array(rows, dtype="<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(np.shape(rows)), "data_offsets": [len(content), len(content) + len(data)]}
        content += data
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + content)


def test_probabilities_of_many_classes_are_read_from_their_file(workplace):
    workplace.run_plan(dict(PLAN, seeds=[1], methods=[{"method": "kd"}]))
    directory = workplace.root / "runs/rte/seed-1/eval-kd"
    by_columns = read_evaluation(directory)
    path = directory / "probabilities.safetensors"
    write_tensors(path, ["0", "1"], {name: [[0.5, 0.5], *by_columns.probabilities[part]] for part, name in TENSORS.items()})
    lines = ["index\tlabel\tprediction", "9\t\t0"]  # an unlabelled row, which is left out
    lines += [f"{row}\t{label}\t0" for row, label in zip(by_columns.rows, by_columns.labels)]
    (directory / "predictions.tsv").write_text("\n".join(lines) + "\n")
    by_file = read_evaluation(directory)
    assert by_file.rows == by_columns.rows and by_file.classes == ["0", "1"]
    for part, probabilities in by_columns.probabilities.items():
        assert by_file.probabilities[part] == pytest.approx(probabilities)
    assert (by_file.decisions["alone"] == by_columns.decisions["alone"]).all()
    write_tensors(path, ["0", "1"], {"final": [[0.5, 0.5]] * 5})
    with pytest.raises(UserError, match="there is no tensor student, knowledge_base"):
        read_evaluation(directory)
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(UserError, match="probabilities.safetensors: cannot read the tensors"):
        read_evaluation(directory)


def test_a_run_that_goes_on_is_no_part_of_it(workplace):
    workplace.run_plan(dict(PLAN, seeds=[1], methods=[{"method": "kd"}]))
    begun = workplace.root / "runs/rte/seed-2/teacher"
    begun.mkdir(parents=True)
    (begun / "run.json").write_text('{"machine": {}}')
    assert "1 seed," in workplace.report()


def test_a_metric_of_ones_own_and_rows_without_labels(workplace):
    workplace.run_plan(dict(PLAN, seeds=[1], methods=[{"method": "kd"}]))
    directory = workplace.root / "runs/rte/seed-1/eval-kd"
    metrics = (directory / "metrics.json").read_text()
    (directory / "metrics.json").write_text(metrics.replace("accuracy", "f1"))
    with open(directory / "predictions.tsv", "a") as file:
        file.write("4\t\t0" + "\t0.5" * 6 + "\n")
    assert "| kd | **50.0** |" in workplace.report()


def test_report(workplace):
    workplace.run_plan(dict(PLAN, options={"eval": {"sweep": True}}))
    markdown = workplace.report(method="kd")
    for text in ("| kd | +25.0 [", "| kd | 75.0 ± 0.0 | 100.0 ± 0.0 |", "| distill kd, s | 2.0 |",
                 "| retrieval on top, % | 25.0 |", "over beta; the others selected"):
        assert text in markdown
    latex = workplace.report(method="kd", form="latex")
    assert "\\toprule" in latex and "kd & \\textbf{50.0 $\\pm$ 0.0}" in latex
    assert '"method","rte","average"\n"teacher","100.0 ± 0.0","100.0 ± 0.0"' in workplace.report(form="csv")


def test_the_commands_of_the_report(workplace):
    workplace.run_plan(dict(PLAN, seeds=[1]))
    done = workplace.command("report", workplace.root / "runs", "--method", "kdd", "--format", "csv")
    assert done.returncode == 0
    assert done.stdout.startswith("# - rte: accuracy on dev (4 rows)")
    assert done.stderr == "--method kdd: no eval of it is finished; there are kd, takd\n"


def test_the_best_against_the_runner_up(workplace):
    workplace.run_plan(dict(PLAN, methods=[{"method": "kd"}, {"method": "pkd"}, {"method": "takd"}]))
    for seed in (1, 2):  # two of four right, then three
        predictions = workplace.root / f"runs/rte/seed-{seed}/eval-pkd/predictions.tsv"
        predictions.write_text(predictions.read_text().replace("\t0.1\t0.9\t0.5", "\t0.9\t0.1\t0.5"))
        metrics = predictions.with_name("metrics.json")
        metrics.write_text(metrics.read_text().replace('"student": {"accuracy": 0.5}', '"student": {"accuracy": 0.75}'))
    tables = workplace.report(method="kd")
    assert "| pkd | **75.0 ± 0.0** | **75.0 ± 0.0** |" in tables
    assert re.search(r"\| student alone \| pkd over kd: \+25\.0 \[-\d\d\.\d, \+\d\d\.\d\] p 0\.\d+ \|", tables)
    assert "| pkd alone | +0.0 [+0.0, +0.0] p 1.000 |" in tables
    assert "| pkd with retrieval | " in tables


def test_differences_and_averages_say_how_many_seeds_they_have(workplace):
    methods = [{"method": "kd"}, {"name": "part", "method": "kd"}]
    workplace.run_plan(dict(PLAN, methods=methods), "--methods", "kd")
    workplace.run_plan(dict(PLAN, methods=methods), "--seeds", "1")
    tables = workplace.report(method="kd")
    assert "| part | 50.0 (1 of 2 seeds) | 50.0 (1 of 2 seeds) |" in tables
    assert "| part | +25.0 [+0.0, +75.0] (1 of 2 seeds) |" in tables


def test_what_cannot_be_paired_is_left_out(workplace):
    evals = [{"name": "test", "options": {"split": "test"}}, {"name": "holdout", "options": {"split": "holdout"}}]
    workplace.run_plan(dict(PLAN, seeds=[1], methods=[{"method": "kd"}], evals=evals))
    seed = workplace.root / "runs/rte/seed-1"
    metrics = seed / "eval-kd@test/metrics.json"
    metrics.write_text(json.dumps({**json.loads(metrics.read_text()), "metrics": {"student": {}}}))
    other = seed / "eval-kd@holdout/predictions.tsv"
    other.write_text(other.read_text() + "9\t1\t1" + "\t0.5" * 6 + "\n")
    shutil.copytree(seed / "eval-kd", seed / "eval-kd.tmp-overwrite")
    shutil.copytree(seed, seed.with_name("seed-1.bak"))
    tables = workplace.report()
    assert f"- Left out: {seed}/eval-kd@test: no scored row has a label." in tables
    assert f"- Left out: {seed}/eval-kd@holdout: its rows are not those of the task's other evaluations." in tables
    assert "9 rows trained on, 1 seed," in tables
    assert "tmp-overwrite |" not in tables
    assert "@holdout |" not in tables


def test_one_evaluation_of_other_rows_does_not_leave_out_the_others(workplace):
    workplace.run_plan(dict(PLAN, seeds=[1], methods=[{"method": "kd"}, {"method": "pkd"}, {"method": "takd"}]))
    with open(workplace.root / "runs/rte/seed-1/eval-kd/predictions.tsv", "a") as file:
        file.write("9\t1\t1" + "\t0.5" * 6 + "\n")
    tables = workplace.report(method="pkd")
    assert "| kd |" not in tables
    assert "| pkd | **50.0** |" in tables


def test_sweeps_of_two_grids(workplace):
    workplace.run_plan(dict(PLAN, seeds=[1], methods=[{"method": "kd"}, {"method": "pkd"}], options={"eval": {"sweep": True}}))
    sweep = workplace.root / "runs/rte/seed-1/eval-pkd/sweep.tsv"
    sweep.write_text(sweep.read_text().replace("\n4\t", "\n8\t"))
    assert "| method | 1 | 4 | 8 |\n| --- |\n| kd | 75.0 | 100.0 | |\n| pkd | 75.0 | | 100.0 |" in workplace.report()


def test_published_figures(workplace):
    workplace.run_plan(dict(PLAN, seeds=[1]), "--select-on-dev")
    figures = workplace.root / "figures.json"
    figures.write_text(json.dumps([{"method": "BERT*", "cells": [{"task": "rte", "value": "71.1", "source": "a | b"},
                                                                 {"task": "RTE", "value": "0", "source": "c"}]}]))
    tables = workplace.report(published=figures)
    assert "| BERT* (published) | 71.1 [a \\| b] | |" in tables
    assert "- BERT* (published): there is no task RTE here." in tables


def test_budgets_that_differ_are_said(workplace):
    workplace.run_plan(PLAN)
    assert "- The plan's budgets differ; configurations: kd 3, takd 1." in workplace.report()


def with_f1(workplace):
    """Makes a task have F1 too, as MRPC: `eval` lists it first. Of rows 0 1 0 1, the student says 0 1 1 0 and with retrieval
    0 1 0 0: F1 of the class 1 is 1/2 and 2/3."""
    for path in workplace.root.glob("runs/mrpc/seed-*/eval-*/metrics.json"):
        results = json.loads(path.read_text())
        scores = {"student": 0.5, "combined": 2 / 3, "retrieval": 0.5, "teacher": 1.0}
        results["metrics"] = {part: {"f1": scores[part], **found} for part, found in results["metrics"].items()}
        results["majority"]["f1"] = 0.0
        results["retrieval"]["permuted"] = {"combined": {"f1": 0.25, "accuracy": 0.5}}
        path.write_text(json.dumps(results))
        sweep = path.with_name("sweep.tsv")
        if sweep.exists():
            lines = sweep.read_text().splitlines()
            sweep.write_text("\n".join([lines[0] + "\tf1", *(line + "\t0.125" for line in lines[1:])]) + "\n")


def test_f1_stands_beside_accuracy_in_every_table(workplace):
    tasks = [{"task": "mrpc"}, {"task": "rte"}]
    workplace.run_plan(dict(PLAN, tasks=tasks, methods=[{"method": "kd"}, {"method": "pkd"}], options={"eval": {"sweep": True}},
                            evals=[{"name": "k4", "options": {"k": 4}}]))
    with_f1(workplace)
    figures = workplace.root / "figures.json"
    figures.write_text(json.dumps([{"method": "x", "cells": [{"task": "mrpc", "value": "80", "source": "a"},
                                                             {"task": "mrpc", "metric": "f1", "value": "85", "source": "b"},
                                                             {"task": "mrpc", "metric": "f2", "value": "1", "source": "c"}]}]))
    tables = workplace.report(method="kd", published=figures)
    assert "- mrpc: accuracy, and f1 beside it (averages take accuracy) on dev" in tables
    assert "| method | mrpc accuracy | mrpc F1 | rte | average |" in tables
    assert "| kd | **50.0 ± 0.0** | **50.0 ± 0.0** | **50.0 ± 0.0** | **50.0 ± 0.0** |" in tables  # alone
    assert "| kd | **75.0 ± 0.0** | **66.7 ± 0.0** | **75.0 ± 0.0** | **75.0 ± 0.0** |" in tables  # with retrieval
    assert "| x (published) | 80 [a] | 85 [b] | | |" in tables
    assert "- x (published): there is no task mrpc f2 here." in tables
    gain = tables.split("### Gain of retrieval, points")[1].split("###")[0]
    assert "| method | mrpc accuracy | mrpc F1 | rte | average |" in gain
    assert re.search(r"\| \+16\.7 \[-\d+\.\d, \+\d+\.\d\] p 0\.\d+ \| \+25\.0 \[", gain)
    assert "| kd with retrieval minus | mrpc accuracy | mrpc F1 | rte | average |" in tables
    assert "| mrpc F1: gain, permuted, retrieval alone, beta (k) |" in tables
    assert "| +16.7, -25.0, 50.0, 0.5 (4), 0.5 (4) |" in tables
    assert "| student alone | kd over pkd: +0.0 [" in tables
    assert "### Gain of retrieval, mrpc F1: Evaluations" in tables
    assert "### Gain of retrieval, average over mrpc accuracy, rte: Evaluations" in tables
    over_k = tables.split("### With retrieval, mrpc F1, over k; the others selected\n\n")[1]
    assert over_k.startswith("| method | 1 | 4 |\n| --- |\n| kd | 12.5 ± 0.0 | 12.5 ± 0.0 |")


def test_more_than_noise_is_bold(workplace):
    workplace.run_plan(dict(PLAN, methods=[{"method": "kd"}]))
    for seed in (1, 2):
        path = workplace.root / f"runs/rte/seed-{seed}/eval-kd/predictions.tsv"
        header = path.read_text().splitlines()[0]
        rows = [f"{i}\t1\t1\t0.1\t0.9\t{0.9 if i < 20 + seed else 0.1}\t0.5\t0.5\t0.5" for i in range(100)]
        path.write_text("\n".join([header, *rows]) + "\n")
    gain = workplace.report(method="kd").split("### Gain of retrieval, points")[1]
    assert "| kd | **+21.5 [" in gain


def test_formats_escape():
    table = pd.DataFrame([["**A & B**", "#1 5 % x_y | ± <"]], columns=["method", "a_b"])
    assert "\\textbf{A \\& B} & \\#1 5 \\% x\\_y | $\\pm$ $<$ \\\\" in as_latex("", table)
    assert "method & a\\_b \\\\" in as_latex("", table)
    assert "#1 5 % x_y \\| ± <" in as_markdown("", table)
    assert as_csv("title", table) == '# title\n"method","a_b"\n"A & B","#1 5 % x_y | ± <"\n'


def test_kept_runs_give_the_same_tables(workplace):
    workplace.run_plan(dict(PLAN, options={"eval": {"sweep": True}}))
    kept = [workplace.root / "kept.tar.xz", workplace.root / "again.tar.xz"]
    for path in kept:
        assert workplace.command("keep", workplace.root / "runs", path).returncode == 0
    assert kept[0].read_bytes() == kept[1].read_bytes()
    whole = workplace.command("report", workplace.root / "runs")
    assert whole.returncode == 0 and "### Student alone" in whole.stdout and "over k; the others selected" in whole.stdout
    of_kept = workplace.command("report", kept[0])
    assert of_kept.stderr == whole.stderr
    assert of_kept.stdout == whole.stdout.replace(str(workplace.root / "runs"), "kept")
    text = subprocess.run(["xz", "-dc", kept[0]], capture_output=True, check=True).stdout
    assert str(workplace.root).encode() not in text


def test_what_cannot_be_kept_or_read(workplace):
    (workplace.root / "runs").mkdir()
    cut = workplace.root / "cut.tar.xz"
    cut.write_bytes(b"\xfd7zXZ\x00\x00")
    outside = workplace.root / "outside.tar.xz"
    with tarfile.open(outside, "w:xz") as archive:
        archive.addfile(tarfile.TarInfo("../outside"))
    for arguments, text in ((["keep", workplace.root / "runs", workplace.root / "x.tar.xz"], "no stage is finished"),
                            (["keep", workplace.root / "runs", workplace.root / "x.zip"], "ends in .tar.xz"),
                            (["report", cut], "cannot read the archive"),
                            (["report", outside], "is no file below it")):
        done = workplace.command(*arguments)
        assert done.returncode == 2
        assert text in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert not (workplace.root / "x.tar.xz").exists()
