#!/usr/bin/env python3
"""Is a model that reaugkd fine-tunes as good as one of transformers? The same recipe on both sides, over seeds.

    .venv-torch/bin/python experiments/beside_transformers.py --model $MODEL_DIR --glue $GLUE_DIR --output runs/beside \\
        --tasks mrpc,rte --seeds 1,2,3,4,5 --epochs 5 --learning-rate 1e-4

Both sides: AutoModelForSequenceClassification's head, batches of 32, AdamW with weight decay 0.01 (none for biases and LayerNorm), a
tenth of the steps of warmup, a linear schedule, gradients clipped at 1. Each is scored on all of dev after each epoch, and nothing is
selected. transformers draws rows uniformly, as its Trainer does. Prints for each task the mean and deviation of the last epoch's score
on both sides, and the interval of 95 % of their difference (Welch's t). Every run is one line of OUTPUT/runs.jsonl: a second call goes
on where the first one stopped. Needs torch, transformers, SciPy and scikit-learn (make .venv-torch/.bench). --table FILE prints the
table of such a file again, and needs SciPy and scikit-learn alone.
"""
import argparse
import json
import os
import pathlib
import random
import subprocess
import time

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
import numpy as np  # noqa: E402
import scipy.stats  # noqa: E402
import sklearn.metrics  # noqa: E402

try:
    import torch
    import transformers
except ImportError:  # --table needs neither
    torch = transformers = None

# Task: folder, columns of train.tsv and dev.tsv (their header's names, or places where there is no header), label, metric.
TASKS = {"cola": ("CoLA", (3,), 1, "matthews_correlation"),
         "mrpc": ("MRPC", ("#1 String", "#2 String"), "Quality", "accuracy"),
         "rte": ("RTE", ("sentence1", "sentence2"), "label", "accuracy"),
         "sst2": ("SST-2", ("sentence",), "label", "accuracy"),
         "stsb": ("STS-B", ("sentence1", "sentence2"), "score", "pearson")}


def read_rows(path, texts, label):
    """[texts], [labels as they stand]."""
    lines = [line.split("\t") for line in path.read_text(encoding="utf-8-sig").splitlines()]
    if isinstance(label, str):
        header, *lines = lines
        texts, label = [header.index(name) for name in texts], header.index(label)
    return [[line[c] for c in texts] for line in lines], [line[label] for line in lines]


def read_lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def score(metric, labels, output):
    if metric == "pearson":
        return float(np.corrcoef(labels, output[:, 0])[0, 1])
    predicted = output.argmax(1)
    if metric == "accuracy":
        return float((predicted == labels).mean())
    return float(sklearn.metrics.matthews_corrcoef(labels, predicted))


class Transformers:
    """One fine-tuning by transformers: the score on dev after each epoch."""

    def __init__(self, args, task):
        self.args = args
        folder, texts, label, self.metric = TASKS[task]
        tokenizer = transformers.AutoTokenizer.from_pretrained(args.model)
        sides = {name: read_rows(args.glue / folder / f"{name}.tsv", texts, label) for name in ("train", "dev")}
        names = sorted(set(sides["train"][1]))
        self.classes = 1 if self.metric == "pearson" else len(names)
        self.rows, self.labels = {}, {}
        for name, (columns, labels) in sides.items():
            encoded = tokenizer(*map(list, zip(*columns)), truncation=True, max_length=128)
            self.rows[name] = [{key: encoded[key][i] for key in encoded} for i in range(len(columns))]
            self.labels[name] = np.array([float(x) if self.classes == 1 else names.index(x) for x in labels])

    def batch(self, side, order):
        rows = [self.rows[side][i] for i in order]
        length = max(len(row["input_ids"]) for row in rows)
        return {key: torch.tensor([row[key] + [0] * (length - len(row[key])) for row in rows]) for key in rows[0]}

    def dev_score(self, model):
        model.eval()
        order = sorted(range(len(self.rows["dev"])), key=lambda i: len(self.rows["dev"][i]["input_ids"]))
        output = np.empty((len(order), self.classes))
        with torch.inference_mode():
            for begin in range(0, len(order), 64):
                some = order[begin:begin + 64]
                output[some] = model(**self.batch("dev", some)).logits.float().numpy()
        model.train()
        return score(self.metric, self.labels["dev"], output)

    def run(self, seed):
        transformers.set_seed(seed)
        args = self.args
        config = transformers.AutoConfig.from_pretrained(args.model, num_labels=self.classes)
        model = transformers.AutoModelForSequenceClassification.from_pretrained(args.model, config=config, dtype=torch.float32)
        decayed = [p for p in model.parameters() if p.dim() > 1]
        plain = [p for p in model.parameters() if p.dim() <= 1]
        optimizer = torch.optim.AdamW([{"params": decayed, "weight_decay": 0.01}, {"params": plain, "weight_decay": 0}],
                                      lr=args.learning_rate, fused=True)
        count = len(self.rows["train"])
        steps = args.epochs * -(-count // 32)
        schedule = transformers.get_linear_schedule_with_warmup(optimizer, round(0.1 * steps), steps)
        scores = []
        model.train()
        for _ in range(args.epochs):
            order = random.sample(range(count), count)
            for begin in range(0, count, 32):
                some = order[begin:begin + 32]
                labels = torch.tensor(self.labels["train"][some])
                labels = labels.float() if self.classes == 1 else labels.long()
                with torch.autocast("cpu", dtype=torch.bfloat16, enabled=args.precision == "bf16"):
                    logits = model(**self.batch("train", some)).logits
                if self.classes == 1:
                    loss = torch.nn.functional.mse_loss(logits.float().squeeze(1), labels)
                else:
                    loss = torch.nn.functional.cross_entropy(logits.float(), labels)
                loss.backward()
                torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
                optimizer.zero_grad()
                schedule.step()
            scores.append(self.dev_score(model))
        return scores


def run_reaugkd(args, task, seed):
    folder, _, _, metric = TASKS[task]
    output = args.output / f"{task}-{seed}"
    command = [args.binary, "teacher-finetune", "--model", args.model, "--task", task, "--data", args.glue / folder, "--validation", "dev",
               "--epochs", args.epochs, "--learning-rate", args.learning_rate, "--precision", args.precision, "--seed", seed,
               "--threads", torch.get_num_threads(), "--save-minutes", 0, "--output", output, "--overwrite", "--quiet"]
    subprocess.run([str(part) for part in command], check=True, stderr=subprocess.DEVNULL)
    lines = [json.loads(line) for line in (output / "train_log.jsonl").read_text().splitlines()]
    scores = [line["validation"][metric] for line in lines if "validation" in line]
    (output / "model.safetensors").unlink()
    return scores


def print_tables(done):
    """One for each recipe."""
    for recipe in {json.dumps(run["recipe"]): run["recipe"] for run in done}.values():
        of_recipe = [run for run in done if run["recipe"] == recipe]
        table(of_recipe, **recipe)
        print()


def table(done, epochs, learning_rate, precision):
    print(f"dev after {epochs} epochs at {learning_rate:g}, {precision}, in points\n")
    print("| task | metric | seeds | reaugkd | transformers | difference, 95 % | by epoch: reaugkd | transformers |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for task in dict.fromkeys(run["task"] for run in done):
        sides = {side: np.array([run["scores"] for run in done if run["task"] == task and run["side"] == side])
                 for side in ("reaugkd", "transformers")}
        seeds = min(map(len, sides.values()))
        if seeds < 2:
            continue
        ours, theirs = (100 * scores[:, -1] for scores in sides.values())
        interval = scipy.stats.ttest_ind(ours, theirs, equal_var=False).confidence_interval()
        epochs = [", ".join(f"{100 * mean:.1f}" for mean in scores.mean(0)) for scores in sides.values()]
        print(f"| {task} | {TASKS[task][3]} | {seeds} | {ours.mean():.1f} ± {ours.std(ddof=1):.1f} | {theirs.mean():.1f} ± {theirs.std(ddof=1):.1f} | "
              f"{ours.mean() - theirs.mean():+.1f} [{interval.low:+.1f}, {interval.high:+.1f}] | {epochs[0]} | {epochs[1]} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", type=pathlib.Path, metavar="FILE", help="print the table of a runs.jsonl, and run nothing")
    parser.add_argument("--model", type=pathlib.Path)
    parser.add_argument("--glue", type=pathlib.Path)
    parser.add_argument("--output", type=pathlib.Path)
    parser.add_argument("--binary", default="build/release/bin/reaugkd")
    parser.add_argument("--tasks", default="mrpc,rte,cola,stsb")
    parser.add_argument("--seeds", default="1,2,3,4,5")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--learning-rate", type=float, default=1e-4)
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="bf16")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    args = parser.parse_args()
    if args.table:
        print_tables(read_lines(args.table))
        return
    if torch is None or not (args.model and args.glue and args.output):
        parser.error("--model, --glue and --output are needed, and torch and transformers; or --table")
    args.tasks, seeds = args.tasks.split(","), [int(seed) for seed in args.seeds.split(",")]
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.set_num_threads(args.threads)
    args.output.mkdir(parents=True, exist_ok=True)
    recipe = {"epochs": args.epochs, "learning_rate": args.learning_rate, "precision": args.precision}
    log = args.output / "runs.jsonl"
    done = [run for run in read_lines(log) if run["recipe"] == recipe] if log.exists() else []
    for seed in seeds:
        for task in args.tasks:
            for side in ("reaugkd", "transformers"):
                if any((run["task"], run["seed"], run["side"]) == (task, seed, side) for run in done):
                    continue
                start = time.perf_counter()
                scores = run_reaugkd(args, task, seed) if side == "reaugkd" else Transformers(args, task).run(seed)
                done.append({"task": task, "seed": seed, "side": side, "recipe": recipe, "scores": scores,
                             "seconds": round(time.perf_counter() - start, 1)})
                with open(log, "a", encoding="utf-8") as file:
                    file.write(json.dumps(done[-1]) + "\n")
    print_tables([run for run in done if run["seed"] in seeds and run["task"] in args.tasks])


if __name__ == "__main__":
    main()
