#!/usr/bin/env python3
"""Encoders beside transformers: forward pass and training step, in turn.

    bench/encoders.py --bin build/release/bin --python PYTHON --families mpnet,deberta-v2 --threads 1,2 --json runs/bench/encoders.json

PYTHON has torch and transformers. Every family has the shape of its published base model, cut to --layers layers, and
random weights that both sides load. A round times each side once on each batch, one after the other; the table has the
medians. transformers runs in fp32 by each attention that the family has (eager, sdpa), and the faster one counts.
A step is forward with dropout, backward, clipping and AdamW (PyTorch's fused one). Token ids are random; half of the
texts of a batch have three quarters of its length.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import measure

SHAPE = {"num_labels": 3, "hidden_size": 768, "num_attention_heads": 12}
BATCHES = [("forward", 1, 32), ("forward", 32, 32), ("forward", 16, 128), ("forward", 4, 512), ("step", 32, 32), ("step", 16, 128)]


def configuration(family, layers):
    import transformers as t
    keys = {**SHAPE, "num_hidden_layers": layers}
    return {
        "bert": lambda: t.BertConfig(**keys),
        "mpnet": lambda: t.MPNetConfig(**keys, max_position_embeddings=514),
        "deberta": lambda: t.DebertaConfig(**keys, relative_attention=True, pos_att_type=["c2p", "p2c"], position_biased_input=False),
        "deberta-v2": lambda: t.DebertaV2Config(
            **keys, vocab_size=50000, intermediate_size=3072, relative_attention=True, position_buckets=256,
            norm_rel_ebd="layer_norm", share_att_key=True, pos_att_type=["p2c", "c2p"], position_biased_input=False),
        "modernbert": lambda: t.ModernBertConfig(**keys, pad_token_id=0),
    }[family]()


def make_model(family, layers, directory):
    import torch
    import transformers
    torch.manual_seed(0)
    transformers.AutoModelForSequenceClassification.from_config(configuration(family, layers)).save_pretrained(directory)


class Transformers:
    """One model under one attention."""

    def __init__(self, directory, attention, threads):
        import torch
        import transformers
        torch.set_num_threads(threads)
        self.model = transformers.AutoModelForSequenceClassification.from_pretrained(directory, attn_implementation=attention)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=2e-5, weight_decay=0.01, fused=True)

    def run(self, what, batch, tokens, times):
        import time
        import torch
        lengths = torch.full((batch, 1), tokens)
        lengths[batch // 2:] = max(1, 3 * tokens // 4)
        mask = (torch.arange(tokens) < lengths).long()
        ids = torch.randint(5, self.model.config.vocab_size, (batch, tokens)) * mask
        labels = torch.arange(batch) % 3
        seconds = []
        self.model.train(what == "step")
        for _ in range(times):
            start = time.perf_counter()
            if what == "forward":
                with torch.inference_mode():
                    self.model(input_ids=ids, attention_mask=mask)
            else:
                logits = self.model(input_ids=ids, attention_mask=mask).logits
                self.optimizer.zero_grad(set_to_none=True)
                torch.nn.functional.cross_entropy(logits, labels).backward()
                torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
                self.optimizer.step()
            seconds.append(time.perf_counter() - start)
        return seconds


def serve(directory, attention, threads):
    """The other side of Side: batches on stdin, seconds on stdout."""
    model = Transformers(directory, attention, threads)
    for line in sys.stdin:
        what, batch, tokens, times = line.split()
        print(json.dumps({"seconds": model.run(what, int(batch), int(tokens), int(times))}), flush=True)


class Side:
    def __init__(self, command, environment=None):
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env={**os.environ, **(environment or {})})

    def run(self, what, batch, tokens, times):
        self.process.stdin.write(f"{what} {batch} {tokens} {times}\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"{' '.join(map(str, self.process.args))} ended with {self.process.wait()}")
        return json.loads(answer)["seconds"]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def sides(args, directory, family, threads):
    yield "reaugkd", Side([args.bin / "bench_encoder_steps", "--model", directory, "--threads", threads])
    attentions = ["eager"] if family in ("mpnet", "deberta", "deberta-v2") else ["sdpa", "eager"]
    for attention in attentions:
        yield attention, Side([args.python, __file__, "--serve", directory, attention, threads], {"OMP_NUM_THREADS": str(threads)})


def times_of(what, batch, tokens):
    """Enough for a tenth of a second or so."""
    return 20 if batch == 1 else 2 if what == "forward" else 1


def compare(args, family, threads, directory):
    all_sides = dict(sides(args, directory, family, threads))
    found = {batch: {name: [] for name in all_sides} for batch in BATCHES}
    for round_number in range(args.rounds + 1):  # the first warms up
        for batch in BATCHES:
            for name, side in all_sides.items():
                seconds = side.run(*batch, times_of(*batch))
                if round_number > 0:
                    found[batch][name].append(measure.median(seconds))
    for side in all_sides.values():
        side.close()
    for batch, by_side in found.items():
        medians = {name: measure.median(seconds) for name, seconds in by_side.items()}
        best = min((name for name in medians if name != "reaugkd"), key=medians.get)
        yield {"family": family, "threads": threads, "what": batch[0], "batch": batch[1], "tokens": batch[2], "rounds": by_side,
               "reaugkd": medians["reaugkd"], "transformers": medians[best], "attention": best,
               "ratio": medians[best] / medians["reaugkd"], "spread": measure.spread(by_side["reaugkd"])}


def show(rows):
    header = ["family", "threads", "what", "batch", "tokens", "reaugkd, ms", "transformers, ms", "times as fast", "spread"]
    return measure.table(header, [[r["family"], r["threads"], r["what"], r["batch"], r["tokens"], f"{1e3 * r['reaugkd']:.1f}",
                                   f"{1e3 * r['transformers']:.1f} ({r['attention']})", f"{r['ratio']:.2f}",
                                   f"{100 * r['spread']:.0f} %"] for r in rows])


def main():
    if sys.argv[1:2] == ["--serve"]:
        serve(sys.argv[2], sys.argv[3], int(sys.argv[4]))
        return
    if sys.argv[1:2] == ["--make"]:
        make_model(sys.argv[2], int(sys.argv[3]), sys.argv[4])
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, default="build/release/bin", help="has bench_encoder_steps")
    parser.add_argument("--python", default="/usr/bin/python3", help="one that has torch and transformers")
    parser.add_argument("--families", default="mpnet,deberta,deberta-v2,modernbert")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=pathlib.Path)
    args = parser.parse_args()
    rows = []
    for family in args.families.split(","):
        with tempfile.TemporaryDirectory() as folder:
            measure.run([args.python, __file__, "--make", family, args.layers, folder])
            for threads in map(int, args.threads.split(",")):
                rows += compare(args, family, threads, folder)
                print(show(rows[-len(BATCHES):]), flush=True)
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps({"machine": measure.machine(), "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
