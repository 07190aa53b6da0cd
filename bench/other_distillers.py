#!/usr/bin/env python3
"""Knowledge distillation by other people's code: the same teacher, student, loss and epochs in reaugkd, TextBrewer, torchdistill and a plain
loop.

    .venv-torch/bin/pip install textbrewer==0.2.1.post1 torchdistill==1.1.5
    .venv-torch/bin/python bench/other_distillers.py --teacher runs/teacher --student $MODEL_DIR --layers 0,2,4 --glue $GLUE_DIR \\
        --task rte --seeds 1,2,3 --output runs/distillers

The teacher is a directory of `reaugkd teacher-finetune`, which transformers loads. The loss is the cross entropy to its predictions, AdamW, a
tenth of the steps of warmup, gradients clipped at 1, batches of 32, bf16 autocast (--precision fp32: without). TextBrewer caches the teacher's
logits, as its documentation advises for one teacher; its cached batches are then the same in every epoch. The plain loop caches them by row.
torchdistill asks the teacher at every step. Scores are of the last epoch on all of dev, so give a teacher that was trained with --validation
dev; seconds are of the whole process, the teacher's pass included. Each run is a process of its own, whose peak memory is taken, and one line
of OUTPUT/runs.jsonl: a second call goes on where the first one stopped. --table FILE prints the table of such a file again, and needs neither
torch nor transformers.
"""
import argparse
import json
import os
import pathlib
import sys

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
import numpy as np  # noqa: E402
import scipy.stats  # noqa: E402

try:
    import torch
    import transformers
except ImportError:  # --table needs neither
    torch = transformers = None

import measure  # noqa: E402

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "experiments"))
from beside_transformers import TASKS, Transformers, read_lines, read_rows  # noqa: E402

SIDES = ("reaugkd", "textbrewer", "torchdistill", "loop")


def student_of(args, classes):
    model = transformers.AutoModelForSequenceClassification.from_pretrained(args.student, num_labels=classes, dtype=torch.float32)
    layers = model.base_model.encoder.layer
    model.base_model.encoder.layer = torch.nn.ModuleList(layers[i] for i in map(int, args.layers.split(",")))
    model.config.num_hidden_layers = len(model.base_model.encoder.layer)
    return model


def optimizer_of(model, args):
    decayed = [p for p in model.parameters() if p.dim() > 1]
    plain = [p for p in model.parameters() if p.dim() <= 1]
    return torch.optim.AdamW([{"params": decayed, "weight_decay": 0.01}, {"params": plain, "weight_decay": 0}], lr=args.learning_rate,
                             fused=True)


def with_autocast(model, enabled):
    forward = model.forward

    def cast(*args, **keywords):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled):
            return forward(*args, **keywords)

    model.forward = cast
    return model


class Job:
    """The rows, the teacher and the student of one run."""

    def __init__(self, args, seed):
        transformers.set_seed(seed)
        self.args, self.seed = args, seed
        args.model = args.student
        self.rows = Transformers(args, args.task)
        bf16 = args.precision == "bf16"
        self.teacher = with_autocast(transformers.AutoModelForSequenceClassification.from_pretrained(args.teacher, dtype=torch.float32), bf16)
        self.teacher.eval()
        self.student = with_autocast(student_of(args, self.rows.classes), bf16)
        self.optimizer = optimizer_of(self.student, args)
        self.count = len(self.rows.rows["train"])
        self.steps = args.epochs * -(-self.count // 32)

    def batches(self, order):
        return [self.rows.batch("train", order[begin:begin + 32]) for begin in range(0, self.count, 32)]

    def schedule(self):
        return {"num_warmup_steps": round(0.1 * self.steps), "num_training_steps": self.steps}


def by_textbrewer(job):
    import textbrewer

    order = np.random.default_rng(job.seed).permutation(job.count).tolist()
    distiller = textbrewer.BasicDistiller(
        train_config=textbrewer.TrainingConfig(device="cpu", log_dir=None, output_dir=str(job.args.output / "textbrewer"), ckpt_frequency=1,
                                               ckpt_epoch_frequency=job.args.epochs),
        distill_config=textbrewer.DistillationConfig(temperature=1, hard_label_weight=0, is_caching_logits=True),
        model_T=job.teacher, model_S=job.student, adaptor_T=lambda batch, output: {"logits": output.logits.float()},
        adaptor_S=lambda batch, output: {"logits": output.logits.float()})
    job.student.train()
    with distiller:
        distiller.train(job.optimizer, job.batches(order), num_epochs=job.args.epochs, max_grad_norm=1.0,
                        scheduler_class=transformers.get_linear_schedule_with_warmup, scheduler_args=job.schedule())


def by_torchdistill(job):
    from torchdistill.core.distillation import DistillationBox
    from torchdistill.core.interfaces.registry import register_forward_proc_func

    @register_forward_proc_func
    def logits_of(model, batch, *_):
        return model(**batch).logits.float()

    logits = {f"{side}_module_path": "." for side in ("student", "teacher")} | {f"{side}_module_io": "output" for side in ("student", "teacher")}
    loss = {"criterion": {"key": "KDLoss", "kwargs": {**logits, "temperature": 1, "alpha": 0}}, "weight": 1}
    box = DistillationBox(
        job.teacher, job.student, {},
        {"num_epochs": job.args.epochs, "teacher": {"forward_proc": "logits_of", "requires_grad": False}, "student": {"forward_proc": "logits_of"},
         "criterion": {"key": "WeightedSumLoss", "kwargs": {"sub_terms": {"kd": loss}}}},
        torch.device("cpu"), device_ids=None, distributed=False, lr_factor=1)
    box.optimizer, box.grad_accum_step, box.max_grad_norm = job.optimizer, 1, 1.0  # without weight decay for biases and norms, as the others
    box.lr_scheduler, box.scheduling_step = transformers.get_linear_schedule_with_warmup(job.optimizer, **job.schedule()), 1
    generator = np.random.default_rng(job.seed)
    for epoch in range(job.args.epochs):
        box.pre_epoch_process(epoch=epoch)
        for batch in job.batches(generator.permutation(job.count).tolist()):
            box.pre_forward_process()
            box.post_forward_process(loss=box.forward_process(batch))
        box.post_epoch_process()


def by_loop(job):
    generator = np.random.default_rng(job.seed)
    targets = torch.empty(job.count, job.rows.classes)
    with torch.inference_mode():
        order = sorted(range(job.count), key=lambda i: len(job.rows.rows["train"][i]["input_ids"]))
        for begin in range(0, job.count, 64):
            some = order[begin:begin + 64]
            targets[some] = torch.softmax(job.teacher(**job.rows.batch("train", some)).logits.float(), 1)
    schedule = transformers.get_linear_schedule_with_warmup(job.optimizer, **job.schedule())
    job.student.train()
    for _ in range(job.args.epochs):
        order = generator.permutation(job.count).tolist()
        for begin in range(0, job.count, 32):
            some = order[begin:begin + 32]
            logits = job.student(**job.rows.batch("train", some)).logits.float()
            loss = torch.nn.functional.cross_entropy(logits, targets[some])
            loss.backward()
            torch.nn.utils.clip_grad_norm_(job.student.parameters(), 1.0)
            job.optimizer.step()
            job.optimizer.zero_grad()
            schedule.step()


def run_python(args, side, seed):
    """Prints what runs.jsonl gets, but for the peak memory."""
    job = Job(args, seed)
    {"textbrewer": by_textbrewer, "torchdistill": by_torchdistill, "loop": by_loop}[side](job)
    print(json.dumps({"score": job.rows.dev_score(job.student)}))


def run_reaugkd(args, seed):
    data, output = args.glue / TASKS[args.task][0], args.output / f"reaugkd-{seed}"
    measured = measure.run_measured([
        args.binary, "distill", "--method", "kd", "--teacher", args.teacher, "--student", args.student, "--student-layers", args.layers,
        "--data", data, "--epochs", args.epochs, "--learning-rate", args.learning_rate, "--precision", args.precision, "--seed", seed,
        "--save-minutes", 0, "--output", output, "--overwrite", "--quiet"])
    lines = [json.loads(line) for line in (output / "train_log.jsonl").read_text().splitlines()]
    return {"score": [line["validation"] for line in lines if "validation" in line][-1][TASKS[args.task][3]],
            **measured}


def run_side(args, side, seed):
    """One run as a process of its own."""
    if side == "reaugkd":
        return run_reaugkd(args, seed)
    printed = args.output / "printed.json"
    measured = measure.run_measured([sys.executable, *sys.argv, "--only", f"{side}:{seed}"], printed)
    return {**json.loads(printed.read_text().splitlines()[-1]), **measured}


def table(done):
    def seconds_of(side):
        return np.median([run["seconds"] for run in done if run["side"] == side])

    recipe = done[0]["recipe"]
    ours = [100 * run["score"] for run in done if run["side"] == "reaugkd"]
    print(f"{recipe['task']}, dev after {recipe['epochs']} epochs at {recipe['learning_rate']:g}, layers {recipe['layers']}, {recipe['precision']}\n")
    print("| by | seeds | score | reaugkd - it, 95 % | whole, s | over reaugkd | peak, MiB |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for side in SIDES:
        runs = [run for run in done if run["side"] == side]
        if not runs:
            continue
        scores = [100 * run["score"] for run in runs]
        deviation = f" ± {np.std(scores, ddof=1):.1f}" if len(scores) > 1 else ""
        difference = ""
        if side != "reaugkd" and min(len(scores), len(ours)) > 1:
            interval = scipy.stats.ttest_ind(ours, scores, equal_var=False).confidence_interval()
            difference = f"{np.mean(ours) - np.mean(scores):+.1f} [{interval.low:+.1f}, {interval.high:+.1f}]"
        print(f"| {side} | {len(runs)} | {np.mean(scores):.1f}{deviation} | {difference} | {seconds_of(side):.0f} | {seconds_of(side) / seconds_of('reaugkd'):.2f} | "
              f"{max(run['peak_mib'] for run in runs):.0f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", type=pathlib.Path, metavar="FILE", help="print the table of a runs.jsonl, and run nothing")
    for name in ("--teacher", "--student", "--glue", "--output"):
        parser.add_argument(name, type=pathlib.Path)
    parser.add_argument("--layers", default="0,2,4")
    parser.add_argument("--task", default="rte", choices=[name for name, task in TASKS.items() if task[3] != "pearson"])
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--learning-rate", type=float, default=2e-4)
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="bf16")
    parser.add_argument("--binary", default="build/release/bin/reaugkd")
    parser.add_argument("--only", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.table:
        table(read_lines(args.table))
        return
    if torch is None or not (args.teacher and args.student and args.glue and args.output):
        parser.error("--teacher, --student, --glue and --output are needed, and torch and transformers; or --table")
    args.output.mkdir(parents=True, exist_ok=True)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    if args.only:
        side, seed = args.only.split(":")
        run_python(args, side, int(seed))
        return
    folder, texts, label, _ = TASKS[args.task]
    count = len(read_rows(args.glue / folder / "train.tsv", texts, label)[0])
    trained = json.loads((args.teacher / "metrics.json").read_text())
    if (trained["train_examples"], trained["validation_split"]) != (count, "dev"):
        parser.error(f"{args.teacher} was trained on {trained['train_examples']} of {count} rows and selected on {trained['validation_split']}: "
                     "its students would have other rows than the other sides'; train it on all rows with --validation dev")
    log = args.output / "runs.jsonl"
    recipe = {"task": args.task, "layers": args.layers, "epochs": args.epochs, "learning_rate": args.learning_rate,
              "precision": args.precision, "teacher": str(args.teacher)}
    seeds = [int(seed) for seed in args.seeds.split(",")]
    done = [run for run in (read_lines(log) if log.exists() else []) if run["recipe"] == recipe and run["seed"] in seeds]
    for seed in seeds:
        for side in SIDES:
            if any((run["side"], run["seed"]) == (side, seed) for run in done):
                continue
            found = {"recipe": recipe, "side": side, "seed": seed, **run_side(args, side, seed)}
            done.append(found)
            with open(log, "a", encoding="utf-8") as file:
                file.write(json.dumps(found) + "\n")
    table(done)


if __name__ == "__main__":
    main()
