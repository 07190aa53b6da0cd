#!/usr/bin/env python3
"""The table of docs/results.md for one GLUE task: all five stages, methods finetune, kd and reaugkd.

    bench/glue_table.py sst2 --glue $GLUE_DIR --model $MODEL_DIR --student-layers 0,2,4 \\
        --max-train-examples 10000 --output runs/sst2

Finished stages are not repeated. The Markdown goes to stdout, the stages' logs to stderr.
"""
import argparse
import json
import pathlib
import subprocess
import sys

FOLDERS = {"cola": "CoLA", "sst2": "SST-2", "mrpc": "MRPC", "qqp": "QQP", "stsb": "STS-B", "mnli": "MNLI",
           "qnli": "QNLI", "rte": "RTE", "wnli": "WNLI"}
METHODS = ["finetune", "kd", "reaugkd"]
SIGNAL = 0.03  # a teacher nearer to the majority class than this has nothing to hand down


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=FOLDERS)
    parser.add_argument("--binary", default="build/release/bin/reaugkd")
    parser.add_argument("--glue", required=True, help="directory with GLUE's own layout")
    parser.add_argument("--model", required=True, help="the teacher's checkpoint; the student is its --student-layers")
    parser.add_argument("--student-layers", required=True)
    parser.add_argument("--max-train-examples", default="0")
    parser.add_argument("--epochs", default="3", help="of teacher and student")
    parser.add_argument("--learning-rate", default="2e-4")
    parser.add_argument("--seed", default="42")
    parser.add_argument("--output", required=True, type=pathlib.Path)
    return parser.parse_args()


def run_stages(args):
    """Runs what is not finished; returns {stage name: its metrics.json}."""
    data = str(pathlib.Path(args.glue) / FOLDERS[args.task])
    out = args.output
    results = {}

    def stage(name, command, *options):
        print(f"== {name}", file=sys.stderr, flush=True)
        subprocess.run([args.binary, command, *options, "--data", data, "--seed", args.seed, "--output", out / name,
                        "--resume"], check=True, stdout=sys.stderr)
        results[name] = json.loads((out / name / "metrics.json").read_text())

    training = ["--epochs", args.epochs, "--learning-rate", args.learning_rate]
    student = ["--student", args.model, "--student-layers", args.student_layers]
    stage("teacher", "teacher-finetune", "--model", args.model, "--task", args.task,
          "--max-train-examples", args.max_train_examples, *training)
    stage("projected", "project", "--teacher", out / "teacher")
    stage("kb", "build-kb", "--teacher", out / "projected")
    for method in METHODS:
        stage(method, "distill", "--method", method, "--kb", out / "kb", *student, *training)
        stage(f"eval-{method}", "eval", "--model", out / method, "--kb", out / "kb", "--teacher", out / "teacher")
    return results


def print_scores(args, results):
    first = results["eval-finetune"]
    metric = next(iter(first["metrics"]["student"]))
    teacher = first["metrics"]["teacher"][metric]
    majority = first.get("majority", {}).get(metric)
    run = json.loads((args.output / "teacher" / "run.json").read_text())
    machine = run["machine"]
    print(f"{FOLDERS[args.task]}, {metric} on dev ({first['examples']} rows), seed {args.seed}, "
          f"{first['retrieval']['rows']} rows in the knowledge base, trained in {machine['precision']} on "
          f"{machine['description']}.", end="")
    if majority is not None:
        weak = teacher < majority + SIGNAL
        print(f" Majority class {majority:.3f}{': **no signal**' if weak else ''}.", end="")
    print("\n\n| | alone | retrieval alone | combined | the same, KB's labels permuted | wrong to right / right to wrong"
          " | k, beta, tau' |\n| --- | --- | --- | --- | --- | --- | --- |")
    print(f"| teacher | {teacher:.3f} | | | | | |")
    for method in METHODS:
        scores = results[f"eval-{method}"]["metrics"]
        retrieval = results[f"eval-{method}"]["retrieval"]
        print(f"| {method} | {scores['student'][metric]:.3f} | {scores['retrieval'][metric]:.3f} | "
              f"{scores['combined'][metric]:.3f} | {retrieval['permuted']['combined'][metric]:.3f} | "
              f"{retrieval.get('wrong_to_right', '')} / {retrieval.get('right_to_wrong', '')} | "
              f"{retrieval['k']}, {retrieval['beta']:g}, {retrieval['tau']:g} |")


def print_costs(results):
    print("\n| stage | seconds |\n| --- | --- |")
    for name, metrics in results.items():
        print(f"| {name} | {metrics['timing']['total_seconds']:.1f} |")
    latency = results["eval-reaugkd"]["latency"]
    single, many = latency["batch_1"], latency["throughput"]
    print(f"\nRetrieval (reaugkd): {single['overhead_percent']:+.1f} % at batch 1 "
          f"({single['model']['p50_ms']:.2f} to {single['with_retrieval']['p50_ms']:.2f} ms, p50), "
          f"{many['overhead_percent']:+.1f} % at batch {latency['batch_size']}.")


def main():
    args = parse_arguments()
    results = run_stages(args)
    print_scores(args, results)
    print_costs(results)


main()
