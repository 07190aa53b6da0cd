#!/usr/bin/env python3
"""A teacher from scikit-learn, for reaugkd's --teacher-outputs: TF-IDF and logistic regression.

    examples/teacher_sklearn.py TRAIN OUTPUTS.npz [TEXT_COLUMN [LABEL_COLUMN]]

TRAIN is a .tsv or .csv file with a header. OUTPUTS.npz gets, for each of its data rows,
  embeddings     (n, 256) TF-IDF by truncated SVD (latent semantic analysis)
  probabilities  (n, C)   of a classifier that did not see the row (5 folds)
The classes are in the order of reaugkd: by number where all labels are whole numbers, else by name; LABELS="a,b,c" gives
another one, such as that of a built-in task. Rows without a label are answered too, by a classifier of all others.
Needs numpy and scikit-learn.
"""
import csv
import os
import sys

import numpy as np
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline


def read_rows(path, text_column, label_column):
    """Texts and labels; the label is "" where the row has none."""
    with open(path, encoding="utf-8-sig", newline="") as file:
        if path.endswith(".tsv"):  # fields are not quoted
            rows = [line.rstrip("\r\n").split("\t") for line in file]
        else:
            rows = list(csv.reader(file))
    header, rows = rows[0], [row for row in rows[1:] if row]
    for column in (text_column, label_column):
        if column not in header:
            sys.exit(f"{path}: no column {column}, found {', '.join(header)}")
    text, label = header.index(text_column), header.index(label_column)
    return [row[text] for row in rows], np.array([row[label] for row in rows])


def class_order(labels):
    """As reaugkd has them: by number where all are whole numbers, else by name."""
    if os.environ.get("LABELS"):
        return os.environ["LABELS"].split(",")
    whole = all(label.lstrip("-").isdigit() for label in labels)
    return sorted(labels, key=int if whole else None)


def new_classifier():
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
    return make_pipeline(words, LogisticRegression(C=10, max_iter=1000))


def probabilities_of(texts, labels, classes, folds=5):
    """Of each row, by a classifier that was trained without it."""
    texts = np.array(texts, dtype=object)
    answers = np.zeros((len(texts), len(classes)), dtype=np.float32)
    place = {name: i for i, name in enumerate(classes)}

    def answer(train, asked):
        classifier = new_classifier().fit(texts[train], labels[train])
        columns = [place[name] for name in classifier.classes_]
        answers[np.ix_(asked, columns)] = classifier.predict_proba(texts[asked])

    labelled = np.flatnonzero(labels != "")
    splitter = StratifiedKFold(folds, shuffle=True, random_state=0)
    for train, held_out in splitter.split(labelled, labels[labelled]):
        answer(labelled[train], labelled[held_out])
    unlabelled = np.flatnonzero(labels == "")
    if len(unlabelled):
        answer(labelled, unlabelled)
    return answers


def embeddings_of(texts, width=256):
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2).fit_transform(texts)
    width = min(width, words.shape[1] - 1)
    return TruncatedSVD(width, random_state=0).fit_transform(words).astype(np.float32)


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    text_column, label_column = (sys.argv[3:] + ["text", "label"][len(sys.argv) - 3:])[:2]
    texts, labels = read_rows(sys.argv[1], text_column, label_column)
    found = {str(label) for label in labels if label}
    classes = class_order(found)
    if set(classes) != found:
        sys.exit(f"LABELS: {sorted(set(classes) ^ found)} are in one of LABELS and {sys.argv[1]} only")
    answers = probabilities_of(texts, labels, classes)
    np.savez(sys.argv[2], embeddings=embeddings_of(texts), probabilities=answers)
    known = labels != ""
    right = np.mean(np.array(classes)[answers[known].argmax(1)] == labels[known])
    print(f"{sys.argv[2]}: {len(texts)} rows, {len(classes)} classes, accuracy of held-out folds {right:.4f}")


if __name__ == "__main__":
    main()
