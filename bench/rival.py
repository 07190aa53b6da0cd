#!/usr/bin/env python3
"""What reaugkd is timed against: transformers with PyPI's torch, at its best and at its defaults.

    bench/rival.py --model $MODEL_DIR --data DIR --task sst2 --mode bf16
    bench/rival.py --model $MODEL_DIR --data DIR --task sst2 --mode bf16 --kb DIR --layers 0,2,4     # distill

| mode | what |
| --- | --- |
| bf16 | a loop of our own at its best: rows bucketed by length and padded to their batch's longest, bf16 autocast, SDPA, fused AdamW |
| fp32 | the same in fp32 |
| compile, fp32-compile | the same with torch.compile (dynamic shapes) |
| trainer-best | transformers' Trainer with bf16, groups by length, dynamic padding, fused AdamW |
| trainer | the Trainer as run_glue calls it: fp32, every row padded to 128 |

With --kb a student is distilled: cross-entropy to the knowledge base's soft labels and the paper's equations 2 to 4, for the
loop's modes. With --inference N it answers the rows of dev.tsv instead: batches of 32, sorted by length, and the first N rows one
by one (fp32; bf16: autocast; compile: fp32 with torch.compile; onnx, onnx-int8, ctranslate2, ctranslate2-int8: runtimes.py).

With torchrun the loops fine-tune by DistributedDataParallel with Gloo: every rank has its share of each batch.

Prints JSON: examples_per_second, tokens_per_second (without padding) and peak_mib. Reading and tokenizing are not timed, nor are
the steps that compile: one on short, one on long and one on middling rows (compile: a whole epoch before the one that is timed;
trainer: the first two steps).
"""
import argparse
import contextlib
import io
import json
import os
import pathlib
import random
import resource
import sys
import tempfile
import time

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
import torch  # noqa: E402
import torch.distributed  # noqa: E402
import transformers  # noqa: E402
from torch import nn  # noqa: E402

from runtimes import RUNTIMES  # noqa: E402

MAX_LENGTH = 128
COLUMNS = {"sst2": ("sentence", None), "rte": ("sentence1", "sentence2")}
TRAINING = ("bf16", "fp32", "compile", "fp32-compile", "trainer-best", "trainer")
INFERENCE = ("fp32", "bf16", "compile", *RUNTIMES)
ALPHA, TAU = 1.0, 0.1  # reaugkd's defaults


def read_rows(path, task):
    header, *lines = [line.split("\t") for line in pathlib.Path(path).read_text(encoding="utf-8").splitlines()]
    columns = [header.index(name) for name in COLUMNS[task] if name]
    labels = sorted({line[header.index("label")] for line in lines})
    return [([line[c] for c in columns], labels.index(line[header.index("label")])) for line in lines]


def encode(tokenizer, rows):
    """Rows as dicts of lists, with `labels`."""
    texts = [list(column) for column in zip(*(texts for texts, _ in rows))]
    encoded = tokenizer(*texts, truncation=True, max_length=MAX_LENGTH)
    return [{**{key: encoded[key][i] for key in encoded}, "labels": label} for i, (_, label) in enumerate(rows)]


def load(args, labels):
    config = transformers.AutoConfig.from_pretrained(args.model, num_labels=labels)
    kind = transformers.AutoModelForSequenceClassification
    if args.init == "random":
        model = kind.from_config(config, attn_implementation="sdpa", dtype=torch.float32)
    else:
        model = kind.from_pretrained(args.model, config=config, attn_implementation="sdpa", dtype=torch.float32)
    if args.layers:
        encoder = model.base_model.encoder
        encoder.layer = nn.ModuleList(encoder.layer[int(i)] for i in args.layers.split(","))
        model.config.num_hidden_layers = len(encoder.layer)
    return model.to(args.device)


def bucketed(rows, size):
    """Random batches of rows with like length, out of random groups of 50 batches: what `group_by_length` does."""
    order = random.sample(range(len(rows)), len(rows))
    groups = [order[i:i + 50 * size] for i in range(0, len(order), 50 * size)]
    order = [i for group in groups for i in sorted(group, key=lambda r: -len(rows[r]["input_ids"]))]
    chunks = [order[i:i + size] for i in range(0, len(order), size)]
    random.shuffle(chunks)
    return chunks


def collate(rows, device):
    """A batch as tensors, padded to its longest row; PAD's id is 0 in the models that are timed."""
    length = max(len(row["input_ids"]) for row in rows)
    batch = {key: torch.tensor([row[key] + [0] * (length - len(row[key])) for row in rows])
             for key in rows[0] if key not in ("labels", "kb_row")}
    batch["labels"] = torch.tensor([row["labels"] for row in rows])
    return {key: value.to(device, non_blocking=True) for key, value in batch.items()}


class Targets:
    """A knowledge base's keys (N, D) and soft labels (N, C)."""

    def __init__(self, keys, soft_labels):
        self.keys, self.soft_labels = keys, soft_labels

    @classmethod
    def of_reaugkd(cls, directory, device):
        """Those of reaugkd's directory, and the place there of each row of the training file; rows held out have none."""
        from safetensors.torch import load_file
        tensors = load_file(directory / "kb.safetensors")
        place = {int(row): place for place, row in enumerate(tensors["example_ids"][:, -1])}
        return cls(nn.functional.normalize(tensors["embeddings"].float()).to(device), tensors["soft_labels"].to(device)), place

    def loss(self, student, batch, rows):
        """Equation 4: cross-entropy to the teacher plus alpha KL(q || q^) of equations 2 and 3."""
        place = torch.tensor([row["kb_row"] for row in rows], device=self.keys.device)
        hidden = student.base_model(**{key: value for key, value in batch.items() if key != "labels"}).last_hidden_state[:, 0]
        pooled = student.base_model.pooler.activation(student.base_model.pooler.dense(hidden))
        logits = student.classifier(student.dropout(pooled)).float()
        s, z = nn.functional.normalize(hidden.float()), self.keys[place]
        own = torch.eye(len(rows), dtype=torch.bool, device=z.device)
        q, student_q = ((x @ z.T / TAU).masked_fill(own, -1e9).log_softmax(-1) for x in (z, s))
        relation = nn.functional.kl_div(student_q, q, log_target=True, reduction="batchmean")
        return nn.functional.cross_entropy(logits, self.soft_labels[place]) + ALPHA * relation


def train(args, model, rows, targets):
    compiled = args.mode.endswith("compile")
    trained = torch.compile(model, dynamic=True) if compiled and not targets else model
    loss_of = torch.compile(targets.loss, dynamic=True) if compiled and targets else targets and targets.loss
    decayed = [p for p in model.parameters() if p.dim() > 1]
    plain = [p for p in model.parameters() if p.dim() <= 1]
    optimizer = torch.optim.AdamW([{"params": decayed, "weight_decay": 0.01}, {"params": plain, "weight_decay": 0}], lr=2e-5, fused=True)

    def step(some):
        batch = collate(some, args.device)
        with torch.autocast(args.device, dtype=torch.bfloat16, enabled=not args.mode.startswith("fp32")):
            loss = loss_of(model, batch, some) if targets else trained(**batch).loss
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        return loss

    def epoch(plan):
        for chunk in plan:
            loss = step([rows[i] for i in chunk])
            schedule.step()
        loss.item()  # a GPU's steps are done

    ranks, rank = int(os.environ.get("WORLD_SIZE", 1)), int(os.environ.get("RANK", 0))
    if ranks > 1:
        trained = nn.parallel.DistributedDataParallel(model)
    model.train()
    plan = [chunk[rank::ranks] for chunk in bucketed(rows, args.batch_size)]
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda done: max(0.0, 1 - done / (2 * len(plan) + 1)))
    by_length = sorted(rows, key=lambda row: len(row["input_ids"]))
    if compiled:
        epoch(plan)
    for some in (by_length[:args.batch_size], by_length[-args.batch_size:], by_length[len(rows) // 2:][:args.batch_size]):
        step(some[rank::ranks]).item()
    start = time.perf_counter()
    epoch(plan)
    return len(rows) / (time.perf_counter() - start)


def train_by_trainer(args, model, rows, tokenizer):
    best = args.mode == "trainer-best"
    steps = []

    class Clock(transformers.TrainerCallback):
        def on_step_end(self, *_, **__):
            steps.append(time.perf_counter())

    by_length = {"train_sampling_strategy": "group_by_length"} if best else {}
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        options = transformers.TrainingArguments(
            output_dir=folder, per_device_train_batch_size=args.batch_size, num_train_epochs=1, learning_rate=2e-5, weight_decay=0.01,
            bf16=best, report_to=[], save_strategy="no", logging_strategy="no", use_cpu=args.device == "cpu", disable_tqdm=True,
            **({"optim": "adamw_torch_fused"} if best else {}), **by_length)
        padding = dict(padding=True) if best else dict(padding="max_length", max_length=MAX_LENGTH)
        trainer = transformers.Trainer(model=model, args=options, train_dataset=rows, callbacks=[Clock()],
                                       data_collator=transformers.DataCollatorWithPadding(tokenizer, **padding))
        trainer.train()
    skipped = min(2, len(steps) - 1)
    if skipped == 0:
        raise SystemExit("a Trainer's first step alone cannot be timed; give it more rows than a batch has")
    examples = len(rows) - skipped * args.batch_size
    return examples / (steps[-1] - steps[skipped - 1])


def answer(args, model, rows):
    model.eval()
    trained = torch.compile(model, dynamic=True) if args.mode == "compile" else model
    runtime = args.mode in RUNTIMES and RUNTIMES[args.mode](args, model, collate(rows[:2], "cpu"))

    def forward(some):
        nonlocal logits
        start = time.perf_counter()
        batch = collate(some, args.device)
        if runtime:
            logits = torch.from_numpy(runtime(batch))
        else:
            with torch.inference_mode(), torch.autocast(args.device, dtype=torch.bfloat16, enabled=args.mode == "bf16"):
                logits = trained(**batch).logits
        logits.float().softmax(-1).cpu()
        return time.perf_counter() - start

    logits = None
    by_length = sorted(rows, key=lambda row: -len(row["input_ids"]))
    batches = [by_length[i:i + 32] for i in range(0, len(rows), 32)]
    for some in batches + [[row] for row in rows[:10]]:  # what is made ready on first use
        forward(some)
    single = sorted(forward([row]) for row in rows[:args.inference])
    seconds = sum(map(forward, batches))
    with torch.inference_mode():  # is it the same model that was timed?
        off = (logits.float() - model(**collate(batches[-1], args.device)).logits).abs().max().item()
    return {"examples_per_second": len(rows) / seconds, "latency_ms": 1e3 * single[len(single) // 2], "largest_logit_difference": off}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, type=pathlib.Path)
    parser.add_argument("--init", choices=["pretrained", "random"], default="pretrained")
    parser.add_argument("--layers", help="of the model: 0,2,4; all without it")
    parser.add_argument("--data", required=True, type=pathlib.Path)
    parser.add_argument("--task", choices=COLUMNS, required=True)
    parser.add_argument("--mode", choices=dict.fromkeys(TRAINING + INFERENCE), required=True)
    parser.add_argument("--kb", type=pathlib.Path, help="distill from this knowledge base, built of the same file")
    parser.add_argument("--inference", type=int, metavar="N")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    args = parser.parse_args()
    if args.mode not in (TRAINING if args.inference is None else INFERENCE):
        what = "only answers rows: give --inference N" if args.inference is None else "only trains: leave out --inference"
        parser.error(f"--mode {args.mode} {what}")
    if args.kb and args.mode.startswith("trainer"):
        parser.error(f"--kb: --mode {args.mode} has no loss of ours")
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.manual_seed(0)
    random.seed(0)
    if "WORLD_SIZE" in os.environ:
        torch.distributed.init_process_group("gloo")
    tokenizer = transformers.AutoTokenizer.from_pretrained(args.model)
    file = "train.tsv" if args.inference is None else "dev.tsv"
    rows = encode(tokenizer, read_rows(args.data / file, args.task))
    targets = None
    if args.kb:
        targets, place = Targets.of_reaugkd(args.kb, args.device)
        rows = [{**row, "kb_row": place[i]} for i, row in enumerate(rows) if i in place]
    lengths = [len(row["input_ids"]) for row in rows]
    result = {"mean_tokens": sum(lengths) / len(rows), "mean_square_tokens": sum(n * n for n in lengths) / len(rows),
              "torch": torch.__version__, "transformers": transformers.__version__}
    model = load(args, 1 + max(row["labels"] for row in rows))
    if args.inference is not None:
        result.update(answer(args, model, rows))
    else:
        trainer = args.mode.startswith("trainer")
        rate = train_by_trainer(args, model, rows, tokenizer) if trainer else train(args, model, rows, targets)
        result.update(examples_per_second=rate, tokens_per_second=rate * result["mean_tokens"])
    result["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if os.environ.get("RANK", "0") == "0":
        print(json.dumps(result))
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main()
