#!/usr/bin/env python3
"""Folders of sentence-transformers beside their own library: sentence_transformers.py BINARY SOURCE

Random models that the library saves with each pooling, and the published one in $MODEL_DIR (all-MiniLM-L6-v2, skipped
without). Their embeddings as reaugkd computes them must be those of the library, the folder's settings must be the defaults,
and what reaugkd saves the library must load. Exit code 77 (skipped) without sentence-transformers.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

# The library has this file's name: its folder must not be searched for it.
sys.path[:] = [folder for folder in sys.path if pathlib.Path(folder or ".").resolve() != pathlib.Path(__file__).resolve().parent]
os.environ.setdefault("HF_HUB_OFFLINE", "1")
try:
    import torch
    import transformers
    from safetensors.torch import load_file
    from sentence_transformers import SentenceTransformer
    try:
        from sentence_transformers.sentence_transformer import modules as models
    except ImportError:  # version 5 and older
        from sentence_transformers import models
    transformers.logging.disable_progress_bar()
    transformers.logging.set_verbosity_error()
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

TOLERANCE = 1e-6  # of each number of a vector of length 1
ROWS = 60
FOLDER_LENGTH = 12  # shorter than most texts of data/demo


class Cases:
    def __init__(self, binary, source, work):
        self.binary, self.work = binary, work
        self.data, self.demo = source / "data/demo", source / "data/demo"
        self.texts = [line.split("\t")[0] for line in (self.data / "train.tsv").read_text().splitlines()[1:]]
        self.count = self.failures = 0

    def fail(self, message):
        self.failures += 1
        print(f"FAILED: {message}")

    def run(self, command, *more, code=0, message=None):
        """The output directory, and the log."""
        self.count += 1
        output = self.work / f"{self.count}-{command}"
        arguments = [str(self.binary), command, *map(str, more), "--data", str(self.data), "--output", str(output)]
        if command != "export":
            arguments += ["--threads", "1", "--precision", "fp32"]
        else:
            arguments = [part for part in arguments if part not in ("--data", str(self.data))]
        done = subprocess.run(arguments, capture_output=True, text=True)
        if done.returncode != code or (message and not re.search(message, done.stderr)):
            self.fail(f"{' '.join(arguments)}: exit code {done.returncode}, expected {code} and '{message}':\n{done.stderr}")
        return output, done.stderr

    def finetune(self, model, *more, **expected):
        return self.run("teacher-finetune", "--model", model, "--task", "sst2", "--max-train-examples", ROWS, "--epochs", 1,
                        "--learning-rate", "1e-3", *more, **expected)

    def compare(self, what, folder, features, name):
        """The rows that reaugkd embedded, by the library."""
        found = load_file(features / "features.safetensors")
        rows = found["train.example_ids"][:, 1].tolist()
        ours = torch.nn.functional.normalize(found[f"train.{name}"], dim=1)
        library = SentenceTransformer(str(folder), device="cpu")
        theirs = library.encode([self.texts[row] for row in rows], convert_to_tensor=True, show_progress_bar=False)
        theirs = torch.nn.functional.normalize(theirs.float(), dim=1)
        largest = (ours - theirs).abs().max().item()
        alike = (ours @ ours.T).fill_diagonal_(0).max().item()
        wrong = largest > TOLERANCE or alike > 0.9999 or len(rows) < ROWS // 2
        print(f"{'FAILED' if wrong else 'ok'}: {what}: {len(rows)} texts, largest difference {largest:.1e}, two texts have a cosine "
              f"similarity of {alike:.4f} at most")
        self.failures += wrong

    def as_pretrained(self, what, folder, teacher, *more):
        """The folder's own weights, through the space `pretrained`."""
        output, log = self.run("project", "--teacher", teacher, "--space", "pretrained", "--pretrained", folder, *more)
        self.compare(what, folder, output, "pretrained")
        return log

    def as_start(self, what, folder, pooling, length):
        """Fine-tuned, and saved for the library."""
        teacher, log = self.finetune(folder)
        for line in (f"is a sentence-transformers folder: embedding {pooling}", f"folder: --max-seq-length {length}"):
            if line not in log:
                self.fail(f"{what}: no line has '{line}': {log}")
        settings = json.loads((teacher / "config.json").read_text())["reaugkd"]
        if (settings["embedding"], settings["max_seq_length"]) != (pooling, length):
            self.fail(f"{what}: config.json has {settings}")
        projected, _ = self.run("project", "--teacher", teacher, "--epochs", 1)
        self.compare(f"{what}, fine-tuned and saved", teacher, projected, "embeddings")
        self.compare(f"{what}, projected and saved", projected, projected, "embeddings")
        return teacher


def transformer(cases, vocab):
    """A random BERT, as the library's module."""
    directory = cases.work / "bert"
    torch.manual_seed(3)
    transformers.BertModel(transformers.BertConfig(
        vocab_size=len(vocab.read_text().splitlines()), hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=48, max_position_embeddings=80, initializer_range=0.2)).save_pretrained(directory)
    transformers.BertTokenizer(str(vocab)).save_pretrained(directory)
    return models.Transformer(str(directory), max_seq_length=FOLDER_LENGTH)


def saved(cases, name, vocab, *modules):
    folder = cases.work / name
    SentenceTransformer(modules=list(modules), device="cpu").save(str(folder))
    shutil.copy(vocab, folder)
    return folder


def as_older_versions(folder, pooling):
    """The same folder as version 2 of the library spelled it."""
    old = folder.with_name(folder.name + "-old")
    shutil.copytree(folder, old)
    (old / "modules.json").write_text(json.dumps([
        {"idx": i, "name": str(i), "path": path, "type": "sentence_transformers.models." + kind}
        for i, (path, kind) in enumerate((("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")))]))
    modes = {"cls": "cls_token", "mean": "mean_tokens", "max": "max_tokens"}
    (old / "1_Pooling/config.json").write_text(json.dumps(
        {"word_embedding_dimension": 32, **{f"pooling_mode_{key}": name == pooling for name, key in modes.items()}}))
    (old / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": FOLDER_LENGTH, "do_lower_case": False}))
    return old


def made_up(cases, teacher):
    vocab = cases.demo / "teacher/vocab.txt"
    bert = transformer(cases, vocab)
    for pooling in ("cls", "mean", "max"):
        folder = saved(cases, pooling, vocab, bert, models.Pooling(32, pooling), models.Normalize())
        for each in (folder, as_older_versions(folder, pooling)):
            fine_tuned = cases.as_start(each.name, each, pooling, FOLDER_LENGTH)
        short, _ = cases.finetune(cases.demo / "student", "--init", "random", "--max-seq-length", FOLDER_LENGTH)
        cases.as_pretrained(f"{pooling}, as it was pretrained", folder, short)
    mean, largest = cases.work / "mean", "max"
    _, log = cases.finetune(mean, "--embedding", "cls", message="embedding cls as given, and not its own, mean")
    # What is saved travels: a student that begins from a teacher of ours, the folder that export makes.
    student, _ = cases.run("distill", "--method", "finetune", "--student", fine_tuned, "--epochs", 1,
                           message=f"was made with embedding {largest}")
    evaluated, _ = cases.run("eval", "--model", student, "--latency-examples", 0)
    exported, _ = cases.run("export", "--model", student, "--eval", evaluated)
    projected, _ = cases.run("project", "--teacher", student, "--epochs", 1)
    cases.compare("exported", exported, projected, "embeddings")
    # Refusals, and how to go on.
    dense = saved(cases, "dense", vocab, bert, models.Pooling(32, "mean"), models.Dense(32, 16))
    both = saved(cases, "both", vocab, bert, models.Pooling(32, ("cls", "mean")))
    for folder, why in ((dense, "modules.json has the module Dense"), (both, "pools by cls and mean at once")):
        cases.finetune(folder, code=4, message=why + ", which reaugkd does not have: give --embedding cls, mean, max or pooler")
        cases.finetune(folder, "--embedding", "mean")
        cases.run("project", "--teacher", teacher, "--space", "pretrained", "--pretrained", folder, code=4,
                  message=why + ", which reaugkd does not have")
    cases.finetune(mean, "--max-seq-length", 81, code=2, message="--max-seq-length 81: .* positions for 80 tokens")


def published(cases, folder, teacher):
    log = cases.as_pretrained("the published model, as it was pretrained", folder, teacher)
    if "folder: embedding mean" not in log:
        cases.fail(f"the published model's pooling is not said: {log}")
    cases.as_start("the published model", folder, "mean", 256)
    cases.finetune(folder, "--max-seq-length", 513, code=2, message="--max-seq-length 513: .* positions for 512 tokens")


def main():
    with tempfile.TemporaryDirectory() as work:
        cases = Cases(pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve(), pathlib.Path(work))
        teacher, _ = cases.finetune(cases.demo / "student", "--init", "random", "--max-seq-length", 64)
        made_up(cases, teacher)
        folder = os.environ.get("MODEL_DIR", "")
        if folder and (pathlib.Path(folder) / "modules.json").exists():
            published(cases, pathlib.Path(folder), teacher)
        else:
            print("skipped: MODEL_DIR is no sentence-transformers folder")
        print("sentence_transformers: " + (f"{cases.failures} checks failed" if cases.failures else "passed"))
        sys.exit(1 if cases.failures else 0)


if __name__ == "__main__":
    main()
