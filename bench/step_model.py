#!/usr/bin/env python3
"""On paper: the time of one training step of BERT-Base on several GPUs, from the speed of a card and of its links.

    bench/step_model.py                                        # 1, 8 and 4 x 8 cards, as data sheets say
    bench/step_model.py --flops 250e12 --launches-ms 4 ...     # with what you measured

step = compute + gradients that are waited for + outputs, where

    compute    the larger of 6 P tokens / (flops) and the time that the host needs to start all kernels; P: weights without tables
    gradients  4 bytes a weight (2 with --bytes 2) through a ring in each machine, then between machines, each card by its own link:
               2 (g - 1) / g bytes / link + 2 (m - 1) / m bytes / g / network. They are sent during the way back, two thirds of
               compute; waited for is what takes longer than it, and the table of words in any case, which comes last
    outputs    the logits and embeddings of the batch, gathered by every rank: small beside the gradients, so latency alone

The assumptions are the defaults below. Measure --flops with one card: rows a second x tokens x 6 P.
"""
import argparse

WEIGHTS = 109.5e6  # of BERT-Base
WEIGHTS_OF_LAYERS = 85.6e6  # without the tables of words and places
WORDS = 23.4e6


def step(args, cards, machines, rows):
    ranks = cards * machines
    tokens = rows * args.tokens / ranks
    compute = max(6 * WEIGHTS_OF_LAYERS * tokens / args.flops, args.launches_ms / 1e3)
    size = args.bytes * WEIGHTS
    gradients = 2 * (cards - 1) / cards * size / args.link + 2 * (machines - 1) / machines * size / cards / args.network
    last = gradients * WORDS / WEIGHTS
    waited = last + max(0, gradients - last - 2 / 3 * compute)
    outputs = 4 * args.latency_us / 1e6 * (ranks > 1)
    return compute, gradients, waited, outputs


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flops", type=float, default=200e12, help="bf16 that one card reaches: half of 400e12 (default: %(default).3g)")
    parser.add_argument("--launches-ms", type=float, default=6, help="to start one step's 1,200 kernels at 5 us (default: %(default)s)")
    parser.add_argument("--link", type=float, default=300e9, help="bytes a second between cards of a machine (default: %(default).3g)")
    parser.add_argument("--network", type=float, default=40e9, help="bytes a second of each card between machines (default: %(default).3g)")
    parser.add_argument("--latency-us", type=float, default=50, help="of one call between ranks (default: %(default)s)")
    parser.add_argument("--bytes", type=int, default=4, help="of a gradient that is sent: 2 with --gradient-exchange bf16 (default: %(default)s)")
    parser.add_argument("--tokens", type=int, default=128, help="of a row (default: %(default)s)")
    args = parser.parse_args()
    print("| rows of a batch | cards | compute, ms | gradients, ms | waited for, ms | outputs, ms | step, ms | over one card |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for rows in (32, 256, 1024):
        alone = step(args, 1, 1, rows)[0]
        for cards, machines in ((1, 1), (8, 1), (8, 4)):
            parts = step(args, cards, machines, rows)
            compute, _, waited, outputs = parts
            whole = compute + waited + outputs
            print(f"| {rows} | {f'{machines} x {cards}' if machines > 1 else cards} | "
                  + " | ".join(f"{1e3 * part:.1f}" for part in (*parts, whole)) + f" | {alone / whole:.1f} |")


if __name__ == "__main__":
    main()
