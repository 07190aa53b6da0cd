#!/usr/bin/env python3
"""Read a student and a knowledge base from Python and work out one prediction by hand.

    examples/read_knowledge_base.py STUDENT KB EVAL FILE.tsv [ROW]

EVAL is what `reaugkd eval --model STUDENT --kb KB` wrote. FILE.tsv has the texts that it scored, one in the first
column of each row below the header. The probabilities must agree with EVAL/predictions.tsv."""
import csv
import json
import pathlib
import sys

try:
    import hnswlib
    import numpy
    import torch
    import transformers
    from safetensors.numpy import load_file
except ImportError as missing:
    print(f"skipped: {missing}. Run: pip install torch transformers numpy safetensors hnswlib", file=sys.stderr)
    sys.exit(77)


def main(student, kb, evaluation, texts, row=0):
    setting = json.loads((evaluation / "metrics.json").read_text())["retrieval"]
    text = list(csv.reader(open(texts, encoding="utf-8"), delimiter="\t", quoting=csv.QUOTE_NONE))[row + 1][0]
    # The student: class probabilities, and its embedding of unit length, which is the query.
    tokenizer = transformers.AutoTokenizer.from_pretrained(student)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(student).eval()
    shared = model.config.reaugkd  # what travels with the model: task, labels, maximum length, embedding
    assert shared["embedding"] == "cls", "this example takes the state at [CLS]"
    tokens = tokenizer(text, truncation=True, max_length=shared["max_seq_length"], return_tensors="pt")
    with torch.no_grad():
        output = model(**tokens, output_hidden_states=True)
    p_student = output.logits.softmax(-1)[0].numpy()
    query = output.hidden_states[-1][:, 0].numpy()
    if (student / "query.safetensors").exists():  # of distill --query-head
        head = load_file(student / "query.safetensors")
        query = query @ head["query.weight"].T + head["query.bias"]
    query /= numpy.linalg.norm(query)

    # The knowledge base: a key and a soft label a row. Equation 5: the k rows with the largest key.query.
    rows = load_file(kb / "kb.safetensors")
    keys = rows["embeddings"].astype("float32")
    if (kb / "index.hnsw").exists():  # it holds each distinct key once, under the first of its rows
        index = hnswlib.Index(space="ip", dim=query.shape[1])
        index.load_index(str(kb / "index.hnsw"))
        k = min(setting["k"], index.get_current_count())
        index.set_ef(max(k, json.loads((kb / "kb.json").read_text())["index"]["ef_search"]))
        _, first, group = numpy.unique(keys, axis=0, return_index=True, return_inverse=True)
        first_of = first[group.ravel()]
        found = index.knn_query(query, k=k)[0][0].astype(int)
        neighbors = numpy.concatenate([numpy.flatnonzero(first_of == row) for row in found])[:setting["k"]]
    else:
        neighbors = numpy.argsort(-(keys @ query[0]), kind="stable")[:setting["k"]]

    # Equation 6: their soft labels, weighted by similarity. Equation 7: the mixture with the student's own.
    similarity = keys[neighbors] @ query[0] / setting["tau"]
    weights = numpy.exp(similarity - similarity.max())
    p_kb = weights / weights.sum() @ rows["soft_labels"][neighbors]
    p = setting["beta"] * p_student + (1 - setting["beta"]) * p_kb
    written = list(csv.DictReader(open(evaluation / "predictions.tsv", encoding="utf-8"), delimiter="\t"))[row]
    if (evaluation / "probabilities.safetensors").exists():  # more than ten classes
        by_reaugkd = load_file(evaluation / "probabilities.safetensors")["final"][row].tolist()
    else:
        by_reaugkd = [float(written["p_" + label]) for label in shared["labels"]]
    difference = abs(p - by_reaugkd).max()
    for name, value in (("text", text), ("labels", shared["labels"]), ("student", p_student), ("neighbors", p_kb),
                        ("combined", p), ("reaugkd", numpy.array(by_reaugkd)), ("difference", f"{difference:.1e}")):
        print(f"{name:11} {value}")
    return int(difference > 1e-4)

if len(sys.argv) < 5:
    sys.exit(__doc__)
sys.exit(main(*map(pathlib.Path, sys.argv[1:5]), *map(int, sys.argv[5:6])))
