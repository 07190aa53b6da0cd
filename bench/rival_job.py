#!/usr/bin/env python3
"""The five stages as one Python script of transformers, torch and FAISS: what pipeline.py times reaugkd's commands beside.

    bench/rival_job.py --model $MODEL_DIR --data DIR --task sst2 --layers 0,2,4

The same work with the same settings: a teacher fine-tuned for 3 epochs, equation 1 on its cached embeddings for 10, a knowledge base
in FAISS's HNSW, a student of some of the layers distilled for 6 epochs by equations 2 to 4, and an evaluation whose k, beta and tau'
are selected on a tenth of train. The loop is rival.py's at its best: rows bucketed by length, bf16 autocast (--precision fp32:
without), SDPA, fused AdamW; the best epoch's weights are kept in memory. Prints JSON: seconds of each stage, scores and the library
versions. The whole process is what is timed, imports included.
"""
import argparse
import copy
import json
import pathlib
import random
import sys
import time

import numpy as np

import rival
import torch
import transformers
from torch import nn

EPOCHS = {"teacher": 3, "project": 10, "distill": 6}
TAU, ALPHA = rival.TAU, rival.ALPHA
GRID_K, GRID_TAU, GRID_BETA = (1, 4, 8, 16, 32, 64), (0.02, 0.05, 0.1, 0.5), np.arange(11) / 10
NEIGHBORS_OF_PROJECTION = 10


def schedule_of(optimizer, steps):
    warm = max(1, steps // 10)
    return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: min((s + 1) / warm, max(0.0, (steps - s) / max(1, steps - warm))))


def optimizer_of(model):
    decayed = [p for p in model.parameters() if p.dim() > 1]
    plain = [p for p in model.parameters() if p.dim() <= 1]
    return torch.optim.AdamW([{"params": decayed, "weight_decay": 0.01}, {"params": plain, "weight_decay": 0}], lr=5e-5, fused=True)


def answers(model, rows, bf16, states=False):
    """Probabilities of rows, and their [CLS] states, in the order of rows."""
    model.eval()
    order = sorted(range(len(rows)), key=lambda i: -len(rows[i]["input_ids"]))
    probabilities, hidden = [None] * len(rows), [None] * len(rows)
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
        for begin in range(0, len(order), 64):
            some = order[begin:begin + 64]
            batch = rival.collate([rows[i] for i in some], "cpu")
            batch.pop("labels")
            output = model(**batch, output_hidden_states=states)
            for place, i in enumerate(some):
                probabilities[i] = output.logits[place].float().softmax(-1)
                if states:
                    hidden[i] = output.hidden_states[-1][place, 0].float()
    return torch.stack(probabilities), torch.stack(hidden) if states else None


def fit(model, rows, held_out, epochs, loss_of, bf16):
    """Trains, and leaves the weights of the epoch that is best on held_out."""
    steps = epochs * -(-len(rows) // 32)
    optimizer = optimizer_of(model)
    schedule = schedule_of(optimizer, steps)
    labels = torch.tensor([row["labels"] for row in held_out])
    best, kept = -1.0, None
    for _ in range(epochs):
        model.train()
        for chunk in rival.bucketed(rows, 32):
            some = [rows[i] for i in chunk]
            batch = rival.collate(some, "cpu")
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
                loss = loss_of(model, batch, some)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()
        score = (answers(model, held_out, bf16)[0].argmax(1) == labels).float().mean().item()
        if score > best:
            best, kept = score, copy.deepcopy(model.state_dict())
    model.load_state_dict(kept)


def contrastive(z, labels):
    """Equation 1."""
    same = (labels[:, None] == labels).fill_diagonal_(False)
    log_share = (z @ z.T / TAU).masked_fill(torch.eye(len(z), dtype=torch.bool), -1e9).log_softmax(1)
    partners = same.sum(1)
    return -(log_share * same).sum(1)[partners > 0].div(partners[partners > 0]).mean()


def project(states, labels, held_out_states, held_out_labels):
    """The projection L with the best k-NN accuracy on the held-out rows."""
    width = states.shape[1]
    layer = nn.Linear(width, width)
    nn.init.normal_(layer.weight, std=width ** -0.5)
    nn.init.zeros_(layer.bias)
    optimizer = torch.optim.AdamW([{"params": [layer.weight], "weight_decay": 0.01}, {"params": [layer.bias], "weight_decay": 0}], lr=1e-3)
    schedule = schedule_of(optimizer, EPOCHS["project"] * -(-len(states) // 256))
    best, kept = -1.0, None
    one_hot = nn.functional.one_hot(labels).float()
    for _ in range(EPOCHS["project"]):
        for some in torch.randperm(len(states)).split(256):
            contrastive(nn.functional.normalize(layer(states[some])), labels[some]).backward()
            nn.utils.clip_grad_norm_(layer.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()
        with torch.inference_mode():
            keys, queries = (nn.functional.normalize(layer(x)) for x in (states, held_out_states))
            near = (queries @ keys.T).topk(NEIGHBORS_OF_PROJECTION)
            votes = ((near.values / TAU).softmax(1)[:, :, None] * one_hot[near.indices]).sum(1)
            score = (votes.argmax(1) == held_out_labels).float().mean().item()
        if score > best:
            best, kept = score, copy.deepcopy(layer.state_dict())
    layer.load_state_dict(kept)
    return layer


def knowledge(index, soft_labels, queries, k, tau):
    """Equation 6."""
    similar, found = index.search(queries, max(GRID_K))
    weights = np.exp((similar[:, :k] - similar[:, :1]) / tau)
    return np.einsum("bk,bkc->bc", weights / weights.sum(1, keepdims=True), soft_labels[found[:, :k]])


def select(index, soft_labels, p, queries, labels):
    """k, beta and tau' with the least mean negative log likelihood."""
    best, chosen = np.inf, None
    for k in GRID_K:
        for tau in GRID_TAU:
            p_kb = knowledge(index, soft_labels, queries, k, tau)
            for beta in GRID_BETA:
                loss = -np.log(np.maximum((beta * p + (1 - beta) * p_kb)[np.arange(len(p)), labels], 1e-12)).mean()
                if loss < best:
                    best, chosen = loss, (k, tau, beta)
    return chosen


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, type=pathlib.Path)
    parser.add_argument("--data", required=True, type=pathlib.Path)
    parser.add_argument("--task", choices=rival.COLUMNS, required=True)
    parser.add_argument("--layers", required=True, help="of the student: 0,2,4")
    parser.add_argument("--precision", choices=["bf16", "fp32"], default="bf16")
    args = parser.parse_args()
    args.init, args.device, layers, args.layers = "pretrained", "cpu", args.layers, None
    bf16 = args.precision == "bf16"
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.manual_seed(0)
    random.seed(0)
    seconds, clock = {}, time.perf_counter()

    def done(stage):
        nonlocal clock
        seconds[stage], clock = time.perf_counter() - clock, time.perf_counter()

    tokenizer = transformers.AutoTokenizer.from_pretrained(args.model)
    rows, dev = (rival.encode(tokenizer, rival.read_rows(args.data / name, args.task)) for name in ("train.tsv", "dev.tsv"))
    random.shuffle(rows)
    held_out, rows = rows[:len(rows) // 10], rows[len(rows) // 10:]
    labels, held_out_labels, dev_labels = (torch.tensor([row["labels"] for row in some]) for some in (rows, held_out, dev))
    classes = int(labels.max()) + 1

    teacher = rival.load(args, classes)
    fit(teacher, rows, held_out, EPOCHS["teacher"], lambda model, batch, _: model(**batch).loss, bf16)
    done("teacher-finetune")

    soft_labels, states = answers(teacher, rows, False, states=True)
    _, held_out_states = answers(teacher, held_out, False, states=True)
    layer = project(states, labels, held_out_states, held_out_labels)
    done("project")

    import faiss
    with torch.inference_mode():
        keys = nn.functional.normalize(layer(states))
    index = faiss.IndexHNSWFlat(keys.shape[1], 16, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction, index.hnsw.efSearch = 200, 128
    index.add(keys.numpy())
    done("build-kb")

    args.layers = layers
    student = rival.load(args, classes)
    targets = rival.Targets(keys.clone(), soft_labels.clone())
    rows = [{**row, "kb_row": i} for i, row in enumerate(rows)]
    fit(student, rows, held_out, EPOCHS["distill"], targets.loss, bf16)
    done("distill")

    p, queries = answers(student, held_out, False, states=True)
    queries = nn.functional.normalize(queries).numpy()
    k, tau, beta = select(index, soft_labels.numpy(), p.numpy(), queries, held_out_labels.numpy())
    p, queries = answers(student, dev, False, states=True)
    combined = beta * p.numpy() + (1 - beta) * knowledge(index, soft_labels.numpy(), nn.functional.normalize(queries).numpy(), k, tau)
    scores = {"student": (p.argmax(1) == dev_labels).float().mean().item(),
              "with_retrieval": float((combined.argmax(1) == dev_labels.numpy()).mean()), "k": k, "tau": tau, "beta": float(beta)}
    done("eval")
    json.dump({"seconds": seconds, "scores": scores, "torch": torch.__version__, "transformers": transformers.__version__,
               "faiss": faiss.__version__}, sys.stdout)
    print()


if __name__ == "__main__":
    main()
