#!/usr/bin/env python3
"""What reaugkd is timed against: BERT fine-tuning in plain PyTorch, in the manner of run_glue.

    bench/pytorch_baseline.py --model $MODEL_DIR --data DIR --task sst2 --mode default

--mode default: fp32, every row padded to 128, torch.optim.AdamW: what run_glue does unless told otherwise.
--mode best: rows bucketed by length and padded to their batch, bf16 autocast, AdamW with foreach.
--mode compile: as best, with torch.compile (dynamic shapes).
--mode trainer: transformers' BertForSequenceClassification and Trainer, fp32, every row padded to 128.
--mode fp32: as best, but fp32.
--mode modes: nothing is run; the modes that this Python has.
--mode lengths: nothing is run; the lengths of the rows alone.

Prints JSON: examples_per_second and tokens_per_second (unpadded) of an epoch, after some steps that are not timed
(trainer: of all steps but the first two). Tokenizing is not timed. --inference N instead answers the rows of dev.tsv:
batches of 32 in order, and the first N one by one.
The model is written out here, since Debian 12 has no transformers package.
"""
import argparse
import json
import pathlib
import random
import struct
import time
import unicodedata

import torch
from torch import nn

MAX_LENGTH = 128
DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
COLUMNS = {"sst2": (0, None, 1), "rte": (1, 2, 3)}  # text_a, text_b, label
LABELS = {"sst2": ["0", "1"], "rte": ["entailment", "not_entailment"]}


def read_safetensors(path):
    raw = pathlib.Path(path).read_bytes()
    size = struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8:8 + size])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        values = torch.frombuffer(bytearray(raw[8 + size + begin:8 + size + end]), dtype=DTYPES[entry["dtype"]])
        tensors[name.removeprefix("bert.")] = values.reshape(entry["shape"]).float()
    return tensors


class WordPiece:
    def __init__(self, path):
        self.ids = {line.rstrip("\n"): i for i, line in enumerate(open(path, encoding="utf-8"))}
        self.known = {}

    def words(self, text):
        text = "".join(c for c in unicodedata.normalize("NFD", text.lower()) if unicodedata.category(c) != "Mn")
        return "".join(f" {c} " if unicodedata.category(c)[0] == "P" or c in "$+<=>^`|~" else c for c in text).split()

    def pieces(self, word):
        if word not in self.known:
            ids, begin = [], 0
            while begin < len(word):
                end = len(word)
                while end > begin and ("##" * (begin > 0) + word[begin:end]) not in self.ids:
                    end -= 1
                if end == begin:
                    ids = [self.ids["[UNK]"]]
                    break
                ids.append(self.ids["##" * (begin > 0) + word[begin:end]])
                begin = end
            self.known[word] = ids
        return self.known[word]

    def encode(self, a, b):
        parts = [[i for w in self.words(t) for i in self.pieces(w)] for t in (a, b) if t is not None]
        while sum(map(len, parts)) > MAX_LENGTH - 1 - len(parts):
            max(reversed(parts), key=len).pop()
        ids, types = [self.ids["[CLS]"]], [0]
        for kind, part in enumerate(parts):
            ids += part + [self.ids["[SEP]"]]
            types += [kind] * (len(part) + 1)
        return ids, types


class Layer(nn.Module):
    def __init__(self, c):
        super().__init__()
        width, drop = c["hidden_size"], c.get("hidden_dropout_prob", 0.1)
        self.heads = c["num_attention_heads"]
        self.query, self.key, self.value, self.output = (nn.Linear(width, width) for _ in range(4))
        self.up, self.down = nn.Linear(width, c["intermediate_size"]), nn.Linear(c["intermediate_size"], width)
        self.norm_a, self.norm_b = nn.LayerNorm(width, eps=1e-12), nn.LayerNorm(width, eps=1e-12)
        self.drop, self.drop_weights = nn.Dropout(drop), nn.Dropout(c.get("attention_probs_dropout_prob", 0.1))

    def forward(self, x, bias):
        def by_head(y):
            return y.view(*y.shape[:2], self.heads, -1).transpose(1, 2)

        q, k, v = by_head(self.query(x)), by_head(self.key(x)), by_head(self.value(x))
        scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5 + bias
        context = self.drop_weights(scores.softmax(-1)) @ v
        x = self.norm_a(x + self.drop(self.output(context.transpose(1, 2).flatten(2))))
        return self.norm_b(x + self.drop(self.down(nn.functional.gelu(self.up(x)))))


class Bert(nn.Module):
    def __init__(self, c):
        super().__init__()
        width = c["hidden_size"]
        self.words = nn.Embedding(c["vocab_size"], width)
        self.positions = nn.Embedding(c["max_position_embeddings"], width)
        self.types = nn.Embedding(c.get("type_vocab_size", 2), width)
        self.norm, self.drop = nn.LayerNorm(width, eps=1e-12), nn.Dropout(c.get("hidden_dropout_prob", 0.1))
        self.layers = nn.ModuleList(Layer(c) for _ in range(c["num_hidden_layers"]))
        self.pooler, self.classifier = nn.Linear(width, width), nn.Linear(width, 2)
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Embedding)):
                nn.init.normal_(module.weight, std=0.02)

    def forward(self, ids, types, mask):
        bias = (1 - mask[:, None, None, :].float()) * -1e9
        x = self.words(ids) + self.positions(torch.arange(ids.shape[1])) + self.types(types)
        x = self.drop(self.norm(x))
        for layer in self.layers:
            x = layer(x, bias)
        return self.classifier(self.drop(torch.tanh(self.pooler(x[:, 0]))))

    def load(self, tensors, picked):
        names = {"embeddings.word_embeddings": "words", "embeddings.position_embeddings": "positions",
                 "embeddings.token_type_embeddings": "types", "embeddings.LayerNorm": "norm", "pooler.dense": "pooler",
                 "classifier": "classifier"}
        for i, layer in enumerate(picked):
            for ours, theirs in {"query": "attention.self.query", "key": "attention.self.key",
                                 "value": "attention.self.value", "output": "attention.output.dense",
                                 "norm_a": "attention.output.LayerNorm", "up": "intermediate.dense",
                                 "down": "output.dense", "norm_b": "output.LayerNorm"}.items():
                names[f"encoder.layer.{layer}.{theirs}"] = f"layers.{i}.{ours}"
        state = {}
        for name, value in tensors.items():
            stem, _, kind = name.rpartition(".")
            if stem in names:
                state[f"{names[stem]}.{kind}"] = value
        missing, unexpected = self.load_state_dict(state, strict=False)
        assert not unexpected and all(m.startswith(("classifier", "pooler")) for m in missing), (missing, unexpected)


def read_rows(path, task):
    a, b, label = COLUMNS[task]
    lines = pathlib.Path(path).read_text(encoding="utf-8").splitlines()[1:]
    fields = [line.split("\t") for line in lines]
    return [(f[a], f[b] if b is not None else None, LABELS[task].index(f[label])) for f in fields]


def batches(rows, size, bucketed):
    """Random batches; bucketed: of rows with like length out of random groups, as `group_by_length` does."""
    order = random.sample(range(len(rows)), len(rows))
    if bucketed:
        groups = [order[i:i + 50 * size] for i in range(0, len(order), 50 * size)]
        order = [i for group in groups for i in sorted(group, key=lambda r: -len(rows[r][0]))]
    chunks = [order[i:i + size] for i in range(0, len(order), size)]
    random.shuffle(chunks)
    return chunks


def collate(rows, padded_to):
    length = padded_to or max(len(ids) for ids, _, _ in rows)
    ids, types, mask = (torch.zeros(len(rows), length, dtype=torch.long) for _ in range(3))
    for i, (row_ids, row_types, _) in enumerate(rows):
        ids[i, :len(row_ids)] = torch.tensor(row_ids)
        types[i, :len(row_ids)] = torch.tensor(row_types)
        mask[i, :len(row_ids)] = 1
    return ids, types, mask, torch.tensor([label for _, _, label in rows])


def lengths_of(rows):
    lengths = [len(ids) for ids, _, _ in rows]
    return {"mean_tokens": sum(lengths) / len(rows), "mean_square_tokens": sum(n * n for n in lengths) / len(rows)}


def modes():
    found = ["default", "fp32", "best"]
    try:
        torch.compile(lambda x: x + 1)(torch.ones(2))  # needs a C++ compiler, and a Python that it knows
        found.append("compile")
    except Exception:  # whatever it is that torch lacks here
        pass
    try:
        import accelerate, transformers  # noqa: E401, F401
        found.append("trainer")
    except ImportError:
        pass
    return found


def train_by_trainer(args, layers, rows, batch_size):
    import tempfile
    import transformers
    config = transformers.BertConfig.from_pretrained(args.model, num_labels=2)
    if args.init == "pretrained":
        model = transformers.BertForSequenceClassification.from_pretrained(args.model, config=config)
    else:
        model = transformers.BertForSequenceClassification(config)
    model.bert.encoder.layer = nn.ModuleList(model.bert.encoder.layer[i] for i in layers)
    ids, types, mask, labels = collate(rows, MAX_LENGTH)
    data = [{"input_ids": ids[i], "token_type_ids": types[i], "attention_mask": mask[i], "labels": labels[i]}
            for i in range(len(rows))]
    steps = []

    class Clock(transformers.TrainerCallback):
        def on_step_end(self, *_, **__):
            steps.append(time.perf_counter())

    with tempfile.TemporaryDirectory() as folder:
        options = transformers.TrainingArguments(
            output_dir=folder, per_device_train_batch_size=batch_size, num_train_epochs=1, learning_rate=2e-5,
            weight_decay=0.01, report_to=[], save_strategy="no", logging_strategy="no", use_cpu=True, disable_tqdm=True)
        trainer = transformers.Trainer(model=model, args=options, train_dataset=data, callbacks=[Clock()])
        trainer.remove_callback(transformers.PrinterCallback)  # stdout is this program's JSON
        trainer.train()
    skipped = min(2, len(steps) - 1)
    if skipped == 0:
        raise SystemExit("--mode trainer: one step alone cannot be timed; give it more rows than a batch has")
    examples = (len(steps) - skipped) * batch_size - (-len(rows) % batch_size)
    per_second = examples / (steps[-1] - steps[skipped - 1])
    return {"examples_per_second": per_second, "tokens_per_second": per_second * int(mask.sum()) / len(rows)}


def train(model, rows, mode, batch_size):
    """An epoch, after a step on short, on long and on middling rows: what is compiled, allocated and made for the
    first time is not timed."""
    default = mode == "default"
    trained = torch.compile(model, dynamic=True) if mode == "compile" else model
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-5, weight_decay=0.01, foreach=not default)

    def step(some):
        ids, types, mask, labels = collate(some, MAX_LENGTH if default else None)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=mode in ("best", "compile")):
            logits = trained(ids, types, mask)
        loss = nn.functional.cross_entropy(logits.float(), labels)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    model.train()
    by_length = sorted(rows, key=lambda row: len(row[0]))
    for some in (by_length[:batch_size], by_length[-batch_size:], by_length[len(rows) // 2:][:batch_size]):
        step(some)
    plan = batches(rows, batch_size, bucketed=not default)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda done: 1 - done / len(plan))
    start = time.perf_counter()
    for chunk in plan:
        step([rows[i] for i in chunk])
        schedule.step()
    seconds = time.perf_counter() - start
    return {"examples_per_second": len(rows) / seconds,
            "tokens_per_second": sum(len(ids) for ids, _, _ in rows) / seconds}


@torch.no_grad()
def answer(model, rows, mode, batch_size, one_by_one):
    def forward(some):
        start = time.perf_counter()
        ids, types, mask, _ = collate(some, MAX_LENGTH if mode == "default" else None)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=mode == "best"):
            model(ids, types, mask).float().softmax(-1)
        return time.perf_counter() - start

    model.eval()
    for row in rows[:10]:
        forward([row])
    single = sorted(forward([row]) for row in rows[:one_by_one])
    seconds = sum(forward(rows[i:i + batch_size]) for i in range(0, len(rows), batch_size))
    return {"examples_per_second": len(rows) / seconds, "latency_ms": 1e3 * single[len(single) // 2]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, type=pathlib.Path)
    parser.add_argument("--init", choices=["pretrained", "random"], default="pretrained")
    parser.add_argument("--layers", help="of the model: 0,2,4; all without it")
    parser.add_argument("--data", required=True, type=pathlib.Path)
    parser.add_argument("--task", choices=COLUMNS, required=True)
    parser.add_argument("--mode", choices=["default", "fp32", "best", "compile", "trainer", "lengths", "modes"], required=True)
    parser.add_argument("--inference", type=int, metavar="N")
    parser.add_argument("--batch-size", type=int, default=32)
    args = parser.parse_args()
    if args.mode == "modes":
        print(json.dumps(modes()))
        return
    if args.inference is not None and args.mode in ("compile", "trainer"):
        parser.error(f"--mode {args.mode} is of training")
    torch.manual_seed(0)
    random.seed(0)
    file = "train.tsv" if args.inference is None else "dev.tsv"
    tokenizer = WordPiece(args.model / "vocab.txt")
    rows = [(*tokenizer.encode(a, b), label) for a, b, label in read_rows(args.data / file, args.task)]
    result = {**lengths_of(rows), "torch": torch.__version__}
    if args.mode != "lengths":
        config = json.loads((args.model / "config.json").read_text())
        layers = [int(i) for i in args.layers.split(",")] if args.layers else list(range(config["num_hidden_layers"]))
        if args.mode == "trainer":
            result.update(train_by_trainer(args, layers, rows, args.batch_size))
            print(json.dumps(result))
            return
        model = Bert(dict(config, num_hidden_layers=len(layers)))
        if args.init == "pretrained":
            model.load(read_safetensors(args.model / "model.safetensors"), layers)
        if args.inference is None:
            result.update(train(model, rows, args.mode, args.batch_size))
        else:
            result.update(answer(model, rows, args.mode, args.batch_size, args.inference))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
