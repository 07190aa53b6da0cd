#!/usr/bin/env python3
"""Training throughput of reaugkd against plain PyTorch, side by side, as ratios of medians.

    bench/training.py --model $MODEL_DIR --glue $GLUE_DIR --rounds 3 --json runs/bench/training.json

Every round runs each rival once, in turn, on the same rows; a ratio is reaugkd's median over a rival's, the spread
is (largest - smallest) / median of reaugkd's rounds. --base adds a random BERT-Base of the checkpoint's vocabulary.
"""
import argparse
import json
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import tempfile

FOLDERS = {"sst2": "SST-2", "rte": "RTE"}
BASELINE = pathlib.Path(__file__).with_name("pytorch_baseline.py")
BASE = {"model_type": "bert", "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12,
        "intermediate_size": 3072, "max_position_embeddings": 512, "type_vocab_size": 2, "hidden_act": "gelu"}


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default="build/release/bin/reaugkd")
    parser.add_argument("--python", default="/usr/bin/python3", help="one that has torch")
    parser.add_argument("--glue", required=True, type=pathlib.Path)
    parser.add_argument("--model", required=True, type=pathlib.Path)
    parser.add_argument("--base", action="store_true", help="also a random BERT-Base (slow on few cores)")
    parser.add_argument("--tasks", default="sst2,rte")
    parser.add_argument("--examples", type=int, default=1920)
    parser.add_argument("--base-examples", type=int, default=192)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=pathlib.Path)
    return parser.parse_args()


def cut_data(source, target, examples):
    """The same rows for all: `examples` random training rows, a few dev rows."""
    target.mkdir(parents=True)
    for name, count in (("train.tsv", examples), ("dev.tsv", 64)):
        header, *rows = (source / name).read_text(encoding="utf-8").splitlines()
        random.Random(0).shuffle(rows)
        (target / name).write_text("\n".join([header, *rows[:count]]) + "\n", encoding="utf-8")


def base_model(checkpoint, target):
    target.mkdir()
    config = dict(BASE, vocab_size=json.loads((checkpoint / "config.json").read_text())["vocab_size"])
    (target / "config.json").write_text(json.dumps(config))
    for name in ("vocab.txt", "tokenizer_config.json"):
        if (checkpoint / name).exists():
            shutil.copy(checkpoint / name, target / name)


def run_reaugkd(args, model, init, task, data, work, precision):
    command = [args.binary, "teacher-finetune", "--model", model, "--init", init, "--task", task, "--data", data,
               "--validation", "dev", "--epochs", "1", "--save-minutes", "0", "--precision", precision, "--overwrite",
               "--quiet", "--output", work / "out"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return json.loads((work / "out" / "metrics.json").read_text())["timing"]["examples_per_second"]


def run_baseline(args, model, init, task, data, mode):
    command = [args.python, BASELINE, "--model", model, "--init", init, "--task", task, "--data", data, "--mode", mode]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def compare(args, name, model, init, task, examples, work):
    data = work / f"{name}-{task}"
    cut_data(args.glue / FOLDERS[task], data, examples)
    rates = {}
    tokens = 0
    for _ in range(args.rounds):
        for precision in ("auto", "fp32"):
            rates.setdefault(precision, []).append(run_reaugkd(args, model, init, task, data, work, precision))
        for mode in ("default", "fp32", "best"):
            result = run_baseline(args, model, init, task, data, mode)
            rates.setdefault(f"pytorch {mode}", []).append(result["examples_per_second"])
            tokens = result["mean_tokens"] if mode == "default" else tokens
    median = {key: statistics.median(values) for key, values in rates.items()}
    spread = {key: (max(values) - min(values)) / median[key] for key, values in rates.items()}
    return {"model": name, "task": task, "examples": examples, "mean_tokens": tokens, "examples_per_second": median,
            "spread": spread, "rounds": args.rounds,
            "ratio_default": median["auto"] / median["pytorch default"],
            "ratio_best": median["auto"] / median["pytorch best"],
            "ratio_fp32": median["fp32"] / median["pytorch fp32"]}


def main():
    args = parse_arguments()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        models = [("checkpoint", args.model, "pretrained", args.examples)]
        if args.base:
            base_model(args.model, work / "base")
            models.append(("BERT-Base", work / "base", "random", args.base_examples))
        for name, model, init, examples in models:
            for task in args.tasks.split(","):
                rows.append(compare(args, name, model, init, task, examples, work))
                print(f"{name} {task}: done", file=sys.stderr)
    print("| model | data | tokens a row | reaugkd, examples/s | (tokens/s) | over PyTorch default | over its best "
          "| fp32 over fp32 | spread |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for row in rows:
        rate = row["examples_per_second"]["auto"]
        print(f"| {row['model']} | {row['task']}, {row['examples']} rows | {row['mean_tokens']:.0f} | {rate:.1f} "
              f"| {rate * row['mean_tokens']:.0f} | {row['ratio_default']:.2f} | {row['ratio_best']:.2f} "
              f"| {row['ratio_fp32']:.2f} | {100 * row['spread']['auto']:.0f} % |")
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
