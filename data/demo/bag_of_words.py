#!/usr/bin/env python3
"""Bag-of-words baseline of a data set in SST-2's layout: logistic regression on which words (and word pairs) occur.

    python3 data/demo/bag_of_words.py [DIR]

Prints accuracy on train.tsv and dev.tsv for words alone and for words with neighboring pairs. Standard library only.
"""

import math
import pathlib
import random
import re
import sys

EPOCHS, LEARNING_RATE, L2 = 12, 0.1, 1e-4


def read_rows(path):
    with open(path, encoding="utf-8") as lines:
        next(lines)
        return [(text, int(label)) for text, label in (line.rstrip("\n").split("\t") for line in lines)]


def features(text, pairs):
    words = re.findall(r"[a-z0-9]+|[^\sa-z0-9]", text.lower())
    return sorted(set(words) | (set(zip(words, words[1:])) if pairs else set()), key=str)


def probability(weights, bias, row):
    score = bias + sum(weights.get(feature, 0.0) for feature in row)
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, score))))


def fit(rows):
    """AdaGrad, one row at a time, L2 on the features of the row."""
    weights, squares, bias = {}, {}, 0.0
    order, source = list(rows), random.Random(0)
    for _ in range(EPOCHS):
        order.sort(key=lambda _: source.random())
        for row, label in order:
            error = probability(weights, bias, row) - label
            bias -= 0.01 * error
            for feature in row:
                slope = error + L2 * weights.get(feature, 0.0)
                squares[feature] = squares.get(feature, 0.0) + slope * slope
                weights[feature] = weights.get(feature, 0.0) - LEARNING_RATE * slope / math.sqrt(squares[feature] + 1e-8)
    return weights, bias


def accuracy(weights, bias, rows):
    return sum((probability(weights, bias, row) > 0.5) == label for row, label in rows) / len(rows)


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent)
    for pairs in (False, True):
        train, dev = ([(features(text, pairs), label) for text, label in read_rows(folder / f"{split}.tsv")] for split in ("train", "dev"))
        weights, bias = fit(train)
        name = "words and pairs" if pairs else "words"
        print(f"{name}: train {accuracy(weights, bias, train):.4f}, dev {accuracy(weights, bias, dev):.4f}")


if __name__ == "__main__":
    main()
