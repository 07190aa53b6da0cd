#!/usr/bin/env python3
"""A teacher that is run by transformers, for reaugkd's --teacher-outputs.

    examples/teacher_transformers.py MODEL TRAIN OUTPUTS.safetensors [TEXT_COLUMN [LABEL_COLUMN]]

MODEL is any checkpoint that transformers loads: a folder or a name. TRAIN is a .tsv or .csv file with a header.
OUTPUTS.safetensors gets, for each of its data rows,
  embeddings  (n, H) the mean of the last layer's states over the text's tokens, of length 1
  logits      (n, C) of the model's own classifier, where it is one: it is fine-tuned, and id2label names the labels
Without a classifier the labels answer. The classes are in the order of reaugkd: by number where all labels are whole
numbers, else by name; LABELS="a,b,c" gives another one, such as that of a built-in task.
Needs torch, transformers and safetensors.
"""
import csv
import os
import sys

import torch
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModel, AutoModelForSequenceClassification, AutoTokenizer


def read_rows(path, text_column, label_column):
    """Texts, and the labels that occur."""
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
    return [row[text] for row in rows], {row[label] for row in rows if row[label]}


def class_order(labels):
    """As reaugkd has them: by number where all are whole numbers, else by name."""
    if os.environ.get("LABELS"):
        return os.environ["LABELS"].split(",")
    whole = all(label.lstrip("-").isdigit() for label in labels)
    return sorted(labels, key=int if whole else None)


def class_columns(config, classes):
    """Which of the model's outputs stands for each class."""
    names = [str(config.id2label[i]).lower() for i in range(config.num_labels)]
    wanted = [name.lower() for name in classes]
    if sorted(names) != sorted(wanted):
        sys.exit(f"the model's classes are {names}, the task's {wanted}: its id2label must name them")
    return [names.index(name) for name in wanted]


@torch.inference_mode()
def outputs_of(model, tokenizer, texts, classifies, batch_size=64):
    device = next(model.parameters()).device
    embeddings, logits = [], []
    for begin in range(0, len(texts), batch_size):
        batch = tokenizer(texts[begin:begin + batch_size], padding=True, truncation=True, max_length=128,
                          return_tensors="pt").to(device)
        output = model(**batch, output_hidden_states=True)
        mask = batch["attention_mask"].unsqueeze(-1)
        states = output.hidden_states[-1]
        embeddings.append(torch.nn.functional.normalize((states * mask).sum(1) / mask.sum(1)).float().cpu())
        if classifies:
            logits.append(output.logits.float().cpu())
    return torch.cat(embeddings), torch.cat(logits) if logits else None


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    source, train, path = sys.argv[1:4]
    text_column, label_column = (sys.argv[4:] + ["text", "label"][len(sys.argv) - 4:])[:2]
    texts, labels = read_rows(train, text_column, label_column)
    classes = class_order(labels)
    config = AutoConfig.from_pretrained(source)
    classifies = any(name.endswith("ForSequenceClassification") for name in config.architectures or [])
    model = (AutoModelForSequenceClassification if classifies else AutoModel).from_pretrained(source)
    model = model.eval().to("cuda" if torch.cuda.is_available() else "cpu")
    embeddings, logits = outputs_of(model, AutoTokenizer.from_pretrained(source), texts, classifies)
    arrays = {"embeddings": embeddings.contiguous()}
    if classifies:
        arrays["logits"] = logits[:, class_columns(config, classes)].contiguous()
    save_file(arrays, path)
    print(f"{path}: {len(texts)} rows, embeddings of width {embeddings.shape[1]}, "
          f"{'logits of ' + str(len(classes)) + ' classes' if classifies else 'no logits: the labels answer'}")


if __name__ == "__main__":
    main()
