#!/usr/bin/env python3
"""Answers each line of TEXTS by a folder of `reaugkd export`, without reaugkd: answer_folder.py FOLDER TEXTS"""
import json, pathlib, sys  # noqa: E401
import numpy as np, torch  # noqa: E401
from safetensors.numpy import load_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer
folder = pathlib.Path(sys.argv[1])
s, kb = json.loads((folder / "setting.json").read_text())["retrieval"], json.loads((folder / "kb/kb.json").read_text())
model, tokenizer = AutoModelForSequenceClassification.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
rows, made = load_file(folder / "kb/kb.safetensors"), model.config.reaugkd
names, C, more = made["labels"] + kb["new_classes"], len(made["labels"]), ((0, 0), (0, len(kb["new_classes"])))
softmax = lambda x: np.exp(x - x.max(-1, keepdims=True)) / np.exp(x - x.max(-1, keepdims=True)).sum(-1, keepdims=True)  # noqa: E731
entropy = lambda p: -(p * np.log(np.where(p > 0, p, 1))).sum(-1)  # noqa: E731
texts = pathlib.Path(sys.argv[2]).read_text().splitlines()
tokens = tokenizer(texts, truncation=True, max_length=made["max_seq_length"], padding=True, return_tensors="pt")
with torch.no_grad():  # the student: p^S (B, C), and s (B, D), its embedding of unit length
    out = model(**tokens, output_hidden_states=True)
    h, mask = out.hidden_states[-1], tokens["attention_mask"][..., None]
    s_tilde = {"cls": h[:, 0], "max": (h - 9e9 * (1 - mask)).amax(1)}.get(made["embedding"], (h * mask).sum(1) / mask.sum(1))
query = s_tilde.numpy() / np.linalg.norm(s_tilde, axis=1, keepdims=True)
p_student = np.pad(softmax(out.logits.numpy().astype(np.float64)), more)
labelled, seen = ~np.isnan(rows["labels"]), ~np.isnan(rows["logits"]).all(1)  # what each row answers, p_n
share = {"auto": rows["label_answers"], "labels": labelled, "teacher": 0, "mix": labelled * s.get("label_weight", 0)}
share = np.where(seen, share[s.get("soft_labels", "auto")], 1)[:, None]
teacher = np.pad(np.nan_to_num(softmax(rows["logits"].astype(np.float64) / s["kb_temperature"])), more)
p_n = share * (rows["labels"][:, None] == np.arange(len(names))) + (1 - share) * teacher
similarity = query @ rows["embeddings"].astype(np.float32).T  # equation 5
near = np.argsort(-similarity, axis=1, kind="stable")[:, :s["k"]]
size = np.bincount(p_n.argmax(1), minlength=len(names))[p_n.argmax(1)]
scores = np.take_along_axis(similarity, near, 1) - s.get("class_balance", 0) * s["tau"] * np.log(size[near])  # G
p_kb = np.einsum("bk,bkc->bc", softmax(scores.astype(np.float64) / s["tau"]), p_n[near])  # equation 6
beta, m = np.full(len(texts), s["beta"]), 0 * p_kb[:, 0]
if gate := s.get("beta_rule"):  # equation 7 with a beta for each row; classes that the student cannot name are p^KB's
    m, w = p_kb[:, C:].sum(1), gate["weights"]
    f = entropy(p_student), entropy(p_kb), (p_student * p_kb)[:, :C].sum(1) / np.maximum(1 - m, 1e-9)
    beta = 1 / (1 + np.exp(-gate["bias"] - w["student_entropy"] * f[0] - w["kb_entropy"] * f[1] - w["agreement"] * f[2]))
p = ((1 - m) * beta)[:, None] * p_student + (1 - beta)[:, None] * p_kb
p[:, C:] = p_kb[:, C:] if gate else p[:, C:]
for text, row in zip(texts, p):
    print(json.dumps({"text": text, "prediction": names[row.argmax()], **{f"p_{name}": float(x) for name, x in zip(names, row)}}))
