"""Knowledge that arrives after training: classes left out of the training rows, added to the knowledge base later.

For each split (a seed that draws the classes) it trains a student on the old classes, adds the labelled rows of the new
ones, and evaluates on all test rows. Nothing is set by hand: `eval` selects the retrieval itself.
"""
import csv
import hashlib
import json
import pathlib
import random
import re
import shutil
import subprocess
import sys
import time

import numpy as np
import pandas as pd

from . import beta_rules
from .errors import UserError
from .stage import flags

SPACES = {  # the key space of `project`, and what `distill` makes of it
    "pretrained": {"hard-label-weight": 1, "alpha": 0, "cosine-weight": 20},
    "projection": {},
    "both": {"hard-label-weight": 1, "alpha": 0, "cosine-weight": 20},
}
SHOTS = (1, 2, 5, 10, 25)
PARTS = ("few-rows", "rules", "baselines", "settings", "rival", "corrected-labels", "unlabelled-rows")  # beside the key spaces


class Experiment:
    """One split: its data, its stages, and the results that were read from them."""

    def __init__(self, args, split):
        self.args, self.split = args, split
        self.root = args.output / f"split-{split}"
        self.data = self.root / "data"
        self.rows = []

    def note(self, group, name, all_, new=None, old=None, **more):
        self.rows.append({"split": self.split, "group": group, "name": name, "all": all_, "new": new, "old": old, **more})

    # Data.

    def write(self, name, rows):
        write_csv(self.data / name, rows, self.args)

    def make_data(self):
        train, test = (read_csv(self.args.data / name, self.args) for name in ("train.csv", "test.csv"))
        labels = sorted({label for _, label in train})
        self.new = set(random.Random(self.split).sample(labels, self.args.held_out))
        self.old = [label for label in labels if label not in self.new]
        self.test, self.later = test, [row for row in train if row[1] in self.new]
        self.data.mkdir(parents=True, exist_ok=True)
        if (self.data / "task.json").exists():
            return
        self.write("train.csv", [row for row in train if row[1] not in self.new])
        self.write("test.csv", test)
        self.write("test-old.csv", [row for row in test if row[1] not in self.new])
        self.write("later.csv", self.later)
        self.write("train-all.csv", train)
        for count in SHOTS:
            by_class = {}
            for row in random.Random(f"{self.split}:{count}").sample(self.later, len(self.later)):
                by_class.setdefault(row[1], []).append(row)
            self.write(f"later-{count}.csv", [row for rows in by_class.values() for row in rows[:count]])
        task = {"name": "intents", "format": "csv", "text_a": self.args.text_column, "label": self.args.label_column}
        (self.data / "task-all.json").write_text(json.dumps(task | {"labels": labels}))
        (self.data / "task.json").write_text(json.dumps(task | {"labels": self.old}))

    # Stages.

    def stage(self, name, command, **options):
        """Runs a stage once; returns its directory and the seconds that it took."""
        directory = self.root / name
        named = {key.replace("_", "-"): value for key, value in options.items()}
        if not (directory / "metrics.json").exists():
            print(f"split {self.split}: {name}", file=sys.stderr, flush=True)
            call = [self.args.binary, command, *flags(named), "--output", directory, "--resume", "--quiet"]
            with open(self.args.output / "stages.log", "a") as log:
                done = subprocess.run([str(part) for part in call], stdout=log, stderr=subprocess.PIPE, text=True)
            if done.returncode:
                raise UserError(f"{' '.join(map(str, call))} ended with {done.returncode}:\n{done.stderr[-2000:]}")
        return directory

    def student(self, name, kb, data, **options):
        recipe = {"student": self.args.model, "student_layers": self.args.student_layers, "embedding": "mean",
                  "epochs": self.args.epochs, "learning_rate": self.args.learning_rate, "data": data, "seed": self.split}
        return self.stage(name, "distill", kb=kb, **recipe | options)

    def evaluate(self, name, student, kb=None, rows="test.csv", **options):
        options = {"data": self.data, "dev_file": rows, "latency_examples": 0, "seed": self.split} | options
        directory = self.stage(name, "eval", model=student, **({"kb": kb} if kb else {}), **options)
        return json.loads((directory / "metrics.json").read_text())

    def note_eval(self, group, name, metrics, who="combined", **more):
        parts = [metrics.get(part, {}).get("metrics", {}).get(who, {}).get("accuracy") for part in ("new_classes", "old_classes")]
        self.note(group, name, metrics["metrics"][who]["accuracy"], *parts, **more)

    # The story.

    def run(self):
        self.make_data()
        teacher = self.stage("teacher", "teacher-finetune", model=self.args.model, task=self.data / "task.json", data=self.data,
                             max_seq_length=64, embedding="mean", epochs=self.args.teacher_epochs,
                             learning_rate=self.args.teacher_learning_rate, seed=self.split)
        for space in self.args.spaces:
            self.run_space(space, teacher)
        for part, measure in (("rival", self.rival), ("unlabelled-rows", self.unlabelled_rows),
                              ("corrected-labels", self.corrected_labels)):
            if part in self.args.parts:
                measure()
        return pd.DataFrame(self.rows)

    def run_space(self, space, teacher):
        pretrained = {} if space == "projection" else {"space": space, "pretrained": self.args.model}
        projected = self.stage(f"projected-{space}", "project", teacher=teacher, student=self.args.model, data=self.data,
                               seed=self.split, **pretrained)
        kb = self.stage(f"kb-{space}", "build-kb", teacher=projected, data=self.data)
        student = self.student(f"student-{space}", kb, self.data, **SPACES[space])
        own = self.stage(f"own-{space}", "build-kb", extend=kb, keys=student)
        start = time.monotonic()
        fresh = not (self.root / f"own-more-{space}" / "metrics.json").exists()
        own_more = self.stage(f"own-more-{space}", "build-kb", extend=own, keys=student, extend_files=self.data / "later.csv")
        seconds = time.monotonic() - start if fresh else None
        more = self.stage(f"more-{space}", "build-kb", extend=kb, teacher=projected, extend_files=self.data / "later.csv")

        alone = self.evaluate(f"eval-alone-{space}", student, rows="test-old.csv")["metrics"]["student"]["accuracy"]
        after = self.evaluate(f"eval-own-more-{space}", student, own_more)
        group = f"student of the {space} space"
        self.note_eval(group, "student alone", after, "student")
        self.note_eval(group, "+ new rows, teacher's keys", self.evaluate(f"eval-more-{space}", student, more))
        self.note_eval(group, "+ new rows, student's own keys", after, seconds=seconds)
        self.note_eval(group, "k-NN alone (p^KB), own keys", after, "retrieval")
        for keys, base in (("teacher's", kb), ("own", own)):
            metrics = self.evaluate(f"eval-old-{keys[:3]}-{space}", student, base, rows="test-old.csv")["metrics"]
            self.note("training rows alone in the KB", f"{space}, {keys} keys", None, None, metrics["combined"]["accuracy"],
                      alone=alone, gain=metrics["combined"]["accuracy"] - alone)
        if space != self.args.spaces[0]:
            return
        self.note_permuted(after)
        if "few-rows" in self.args.parts:
            self.few_rows(student, own)
        if "rules" in self.args.parts:
            self.rules_for_beta(student, own_more)
        if "baselines" in self.args.parts:
            self.baselines(student, own_more, more, projected)
        if "settings" in self.args.parts:
            self.settings(student, own_more, after)

    def few_rows(self, student, own):
        for count in SHOTS:
            few = self.stage(f"own-{count}", "build-kb", extend=own, keys=student, extend_files=self.data / f"later-{count}.csv")
            self.note_eval("rows for each new class", str(count), self.evaluate(f"eval-own-{count}", student, few), shots=count)

    def settings(self, student, own_more, after):
        for mode in ("constant", "similarity", "entropy", "gate"):
            metrics = self.evaluate(f"eval-beta-{mode}", student, own_more, beta_mode=mode)
            self.note_eval("rule for beta", mode, metrics)
        for source in ("teacher", "labels", "mix"):
            metrics = self.evaluate(f"eval-soft-{source}", student, own_more, soft_labels=source)
            self.note_eval("soft labels", source, metrics)
        self.removal(student, own_more, after)

    def rules_for_beta(self, student, own_more):
        """Rules for beta beside the one that is built in, fitted on the holdout and the left-out new rows."""
        train = read_csv(self.data / "train.csv", self.args)
        digest = hashlib.sha256((self.data / "train.csv").read_bytes()).hexdigest()[:16]
        held = {line.split("\t")[0] for line in (own_more / "examples.tsv").read_text().split("\n")[1:]}
        holdout = [row for number, row in enumerate(train) if f"{digest}:{number}" not in held]
        self.write("holdout.csv", holdout)
        every = self.stage("own-holdout", "build-kb", extend=own_more, keys=student, extend_files=self.data / "holdout.csv")
        every = self.stage("own-holdout-test", "build-kb", extend=every, keys=student, extend_files=self.data / "test.csv")
        keys, labels = read_keys(every)
        classes = self.old + sorted(set(labels) - set(self.old))
        labels = np.array([classes.index(label) for label in labels])
        count, known = len(keys) - len(holdout) - len(self.test), len(self.old)
        later = self.later_rows_asked_about(labels[:count], known, len(holdout) / known)
        asked = {"tune": np.r_[later, np.arange(count, count + len(holdout))], "test": np.arange(len(keys) - len(self.test), len(keys))}
        texts = [line.split("\t")[1] for line in (every / "examples.tsv").read_text().split("\n")[1:] if line]
        parts = {}
        for name, rows in asked.items():
            student_says = self.student_probabilities(student, f"rules-{name}.csv", [texts[row] for row in rows], classes)
            parts[name] = (keys[rows], student_says, labels[rows], np.where(rows < count, rows, -1))
        retrieval = beta_rules.Retrieval(keys[:count], labels[:count], len(classes))
        for rule, predicted, loss in beta_rules.compare(retrieval, parts["tune"], parts["test"], known):
            self.note_predictions("rules for beta, fitted in numpy", rule, np.array(classes)[predicted], loss=loss)

    def later_rows_asked_about(self, labels, known, each):
        """Of each new class as many rows as the holdout has of an old class on average."""
        draw = np.random.default_rng(self.split)
        parts = [np.flatnonzero(labels == label) for label in range(known, labels.max() + 1)]
        return np.concatenate([draw.permutation(part)[:max(1, round(each))] for part in parts])

    def student_probabilities(self, student, name, texts, classes):
        """p^S of the texts, (B, C): 0 for classes that the student cannot name."""
        write_csv(self.data / name, [(text, "") for text in texts], self.args)
        path = self.root / f"{name[:-4]}.jsonl"
        if not path.exists():
            call = [self.args.binary, "predict", "--model", student, self.data / name, "--text-column", self.args.text_column,
                    "--probabilities", "--format", "jsonl", "--output", path, "--quiet"]
            subprocess.run([str(part) for part in call], check=True)
        p = np.zeros((len(texts), len(classes)))
        for row, line in enumerate(path.read_text().splitlines()):
            answer = json.loads(line)
            for number, label in enumerate(self.old):  # the first of the classes
                p[row, number] = answer[f"p_{label}"]
        return p

    def note_permuted(self, metrics):
        self.note("control", "soft labels permuted", metrics["retrieval"]["permuted"]["combined"]["accuracy"])

    def removal(self, student, own_more, before):
        """A new class is taken back: what the others lose or gain by it."""
        gone = sorted(self.new)[0]
        less = self.stage("own-less", "build-kb", extend=own_more, remove_where=f"label={gone}")
        self.write("test-less.csv", [row for row in self.test if row[1] != gone])
        group = "one new class removed, on the rows of all others"
        self.note_eval(group, "before", self.evaluate("eval-kept", student, own_more, rows="test-less.csv"))
        self.note_eval(group, "after", self.evaluate("eval-less", student, less, rows="test-less.csv"))

    def chain(self, name, data, task, space, teacher_epochs=None, student_epochs=None):
        """Teacher, keys, knowledge base and student of other data; returns the directories of the last three."""
        tuned = self.stage(f"{name}-teacher", "teacher-finetune", model=self.args.model, task=task, data=data, max_seq_length=64,
                           embedding="mean", learning_rate=self.args.teacher_learning_rate, seed=self.split,
                           epochs=teacher_epochs or self.args.teacher_epochs)
        projected = self.stage(f"{name}-projected", "project", teacher=tuned, student=self.args.model, data=data, seed=self.split,
                               space=space, pretrained=self.args.model)
        kb = self.stage(f"{name}-kb", "build-kb", teacher=projected, data=data)
        return projected, kb, self.student(f"{name}-student", kb, data, **SPACES[space], epochs=student_epochs or self.args.epochs)

    def corrected_labels(self):
        """10 % of the labels of five classes are wrong in training; then the knowledge base is corrected."""
        data = self.root / "data-noise"
        data.mkdir(exist_ok=True)
        train = read_csv(self.data / "train-all.csv", self.args)
        draw = random.Random(f"{self.split}:noise")
        five = draw.sample(sorted({label for _, label in train}), 5)
        wrong = {row: draw.choice([other for other in five if other != label])
                 for row, (_, label) in enumerate(train) if label in five and draw.random() < 0.1}
        shown = [(text, wrong.get(row, label)) for row, (text, label) in enumerate(train)]
        for name, rows in (("train.csv", shown), ("test.csv", self.test), ("test-five.csv", [row for row in self.test if row[1] in five])):
            write_csv(data / name, rows, self.args)
        projected, kb, student = self.chain("noise", data, self.data / "task-all.json", "pretrained")
        own = self.stage("noise-own", "build-kb", extend=kb, keys=student)
        held = {line.split("\t")[0] for line in (own / "examples.tsv").read_text().split("\n")[1:]}
        digest = hashlib.sha256((data / "train.csv").read_bytes()).hexdigest()[:16]
        lines = [f"{digest}:{row},{train[row][1]}" for row in sorted(wrong) if f"{digest}:{row}" in held]
        (data / "corrected.csv").write_text("\n".join(["id,label", *lines]) + "\n")
        right = self.stage("noise-right", "build-kb", extend=own, relabel=data / "corrected.csv")
        group = "labels of five classes corrected in the knowledge base (10 % were wrong)"
        for rows, what in (("test-five.csv", "rows of the five classes"), ("test.csv", "all rows")):
            before = self.evaluate(f"eval-noise-before-{rows[:-4]}", student, own, rows=rows, data=data)
            after = self.evaluate(f"eval-noise-after-{rows[:-4]}", student, right, rows=rows, data=data)
            self.note(group, f"{what}: student alone", after["metrics"]["student"]["accuracy"])
            self.note(group, f"{what}: wrong labels in the knowledge base", before["metrics"]["combined"]["accuracy"])
            self.note(group, f"{what}: corrected", after["metrics"]["combined"]["accuracy"],
                      gain=after["metrics"]["combined"]["accuracy"] - before["metrics"]["combined"]["accuracy"])
            self.note(group, f"{what}: corrected, control", after["retrieval"]["permuted"]["combined"]["accuracy"])

    def unlabelled_rows(self):
        """A tenth of the rows is labelled and trained on; the teacher labels the others for the knowledge base."""
        data = self.root / "data-tenth"
        data.mkdir(exist_ok=True)
        train = read_csv(self.data / "train-all.csv", self.args)
        by_class = {}
        for row in random.Random(f"{self.split}:tenth").sample(train, len(train)):
            by_class.setdefault(row[1], []).append(row)
        tenth = [row for rows in by_class.values() for row in rows[: max(2, len(rows) // 10)]]
        rest = [(text, "") for rows in by_class.values() for text, _ in rows[max(2, len(rows) // 10):]]
        for name, rows in (("train.csv", tenth), ("test.csv", self.test), ("rest.csv", rest)):
            write_csv(data / name, rows, self.args)
        projected, kb, student = self.chain("tenth", data, self.data / "task-all.json", "pretrained", teacher_epochs=20, student_epochs=40)
        more = self.stage("tenth-more", "build-kb", extend=kb, teacher=projected, extend_files=data / "rest.csv", keys=student)
        group = "unlabelled rows that the teacher labels (a tenth of the rows is trained on)"
        after = self.evaluate("eval-tenth", student, more, data=data, teacher=projected)
        own = self.stage("tenth-own", "build-kb", extend=kb, keys=student)
        before = self.evaluate("eval-tenth-own", student, own, data=data)
        alone = after["metrics"]["student"]["accuracy"]
        self.note(group, "teacher", after["metrics"]["teacher"]["accuracy"])
        self.note(group, "student alone", alone)
        for name, metrics in (("the tenth in the knowledge base", before), ("all rows in the knowledge base", after)):
            self.note(group, name, metrics["metrics"]["combined"]["accuracy"], gain=metrics["metrics"]["combined"]["accuracy"] - alone)
        self.note(group, "all rows, control", after["retrieval"]["permuted"]["combined"]["accuracy"])

    def rival(self):
        """The same student trained on all classes, by labels alone: what adding rows without training has to beat."""
        every = self.root / "data-all"
        every.mkdir(exist_ok=True)
        (every / "train.csv").write_bytes((self.data / "train-all.csv").read_bytes())
        (every / "test.csv").write_bytes((self.data / "test.csv").read_bytes())
        start = time.monotonic()
        fresh = not (self.root / "student-all" / "metrics.json").exists()
        student = self.stage("student-all", "distill", method="finetune", task=self.data / "task-all.json", student=self.args.model,
                             student_layers=self.args.student_layers, embedding="mean", max_seq_length=64,
                             epochs=self.args.epochs, learning_rate=self.args.learning_rate, data=every, seed=self.split)
        seconds = time.monotonic() - start if fresh else None
        directory = self.stage("eval-all", "eval", model=student, data=every, dev_file="test.csv", latency_examples=0)
        predictions = pd.read_csv(directory / "predictions.tsv", sep="\t", usecols=["label", "prediction"], quoting=csv.QUOTE_NONE)
        self.note_predictions("for comparison", "the same student trained on all classes", predictions["prediction"].to_numpy(),
                              seconds=seconds)

    def note_predictions(self, group, name, predicted, **more):
        gold = np.array([label for _, label in self.test])
        right = np.asarray(predicted) == gold
        new = np.isin(gold, list(self.new))
        self.note(group, name, right.mean(), right[new].mean(), right[~new].mean(), **more)

    # Baselines on embeddings that the knowledge bases hold: numpy and scikit-learn.

    def baselines(self, student, own_more, more, projected):
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline

        test_own = self.stage("own-test", "build-kb", extend=own_more, keys=student, extend_files=self.data / "test.csv")
        spaces = {"the student's embeddings": test_own}
        if self.args.spaces[0] == "pretrained":
            spaces["the untrained encoder"] = self.stage("pretrained-test", "build-kb", extend=more, teacher=projected,
                                                         extend_files=self.data / "test.csv")
            spaces["its layers that the student begins with"] = self.untrained_layers()
        count = len(self.test)
        for name, directory in spaces.items():
            keys, labels = read_keys(directory)
            train, gold, test = keys[:-count], labels[:-count], keys[-count:]
            group = "for comparison"
            self.note_predictions(group, f"{name}: k-NN", nearest(train, gold, test))
            classes = sorted(set(gold))
            means = np.stack([train[gold == label].mean(0) for label in classes])
            means /= np.linalg.norm(means, axis=1, keepdims=True)
            self.note_predictions(group, f"{name}: class centroids", np.array(classes)[(test @ means.T).argmax(1)])
            start = time.monotonic()
            probe = LogisticRegression(C=100, max_iter=2000).fit(train, gold)
            self.note_predictions(group, f"{name}: logistic regression, trained again", probe.predict(test),
                                  seconds=time.monotonic() - start)
        texts, gold = zip(*read_csv(self.data / "train-all.csv", self.args))
        start = time.monotonic()
        words = make_pipeline(TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), LogisticRegression(C=100, max_iter=2000))
        words.fit(texts, gold)
        self.note_predictions(group, "words and pairs of words: logistic regression", words.predict([text for text, _ in self.test]),
                              seconds=time.monotonic() - start)
        self.fasttext(texts, gold)

    def untrained_layers(self):
        """Keys of the untrained encoder's layers that the student begins with, of all rows and of the test rows."""
        layers = self.root / "untrained-layers"
        if not layers.exists():
            keep_layers(pathlib.Path(self.args.model), layers, [int(layer) for layer in self.args.student_layers.split(",")])
        projected = self.stage("untrained-projected", "project", teacher=self.root / "teacher", student=self.args.model,
                               data=self.data, seed=self.split, space="pretrained", pretrained=layers)
        kb = self.stage("untrained-kb", "build-kb", teacher=projected, data=self.data)
        more = self.stage("untrained-more", "build-kb", extend=kb, teacher=projected, extend_files=self.data / "later.csv")
        return self.stage("untrained-test", "build-kb", extend=more, teacher=projected, extend_files=self.data / "test.csv")

    def fasttext(self, texts, gold):
        """fastText on words and pairs of words, where its program is installed (Debian: fasttext)."""
        if not shutil.which("fasttext"):
            return
        names = {label: f"__label__{number}" for number, label in enumerate(sorted(set(gold)))}
        labels = {name: label for label, name in names.items()}
        flat = lambda text: " ".join(re.findall(r"\w+|[^\w\s]", text.lower()))  # noqa: E731
        rows, model = self.root / "fasttext.txt", self.root / "fasttext"
        rows.write_text("".join(f"{names[label]} {flat(text)}\n" for text, label in zip(texts, gold)))
        queries = "".join(f"{flat(text)}\n" for text, _ in self.test)
        start = time.monotonic()
        subprocess.run(["fasttext", "supervised", "-input", rows, "-output", model, "-wordNgrams", "2", "-epoch", "50",
                        "-lr", "0.5", "-dim", "100", "-thread", "1", "-verbose", "0"], check=True)
        seconds = time.monotonic() - start
        found = subprocess.run(["fasttext", "predict", f"{model}.bin", "-"], input=queries, text=True, check=True,
                               capture_output=True).stdout.split()
        self.note_predictions("for comparison", "fastText, words and pairs of words", [labels[name] for name in found],
                              seconds=seconds)


def keep_layers(source, target, layers):
    """A copy of a BERT directory with these encoder layers alone, in this order: numpy reads and writes safetensors."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("*.safetensors"))
    config = json.loads((source / "config.json").read_text())
    (target / "config.json").write_text(json.dumps(config | {"num_hidden_layers": len(layers)}))
    raw = (source / "model.safetensors").read_bytes()
    size = int.from_bytes(raw[:8], "little")
    header, body = json.loads(raw[8:8 + size]), raw[8 + size:]
    new = {old: number for number, old in enumerate(layers)}
    kept, parts, offset = {}, [], 0
    for name, tensor in header.items():
        layer = re.search(r"encoder\.layer\.(\d+)\.", name)
        if name == "__metadata__" or (layer and int(layer[1]) not in new):
            continue
        begin, end = tensor["data_offsets"]
        if layer:
            name = name.replace(layer[0], f"encoder.layer.{new[int(layer[1])]}.")
        kept[name] = tensor | {"data_offsets": [offset, offset + end - begin]}
        parts.append(body[begin:end])
        offset += end - begin
    head = json.dumps(kept).encode()
    head += b" " * (-len(head) % 8)
    (target / "model.safetensors").write_bytes(len(head).to_bytes(8, "little") + head + b"".join(parts))


def nearest(train, labels, queries, k=16, tau=0.05):
    """The label with the largest weight among the k nearest rows, equation 6."""
    classes, numbers = np.unique(labels, return_inverse=True)
    predicted = []
    for block in np.array_split(queries, 1 + len(queries) // 500):
        similarity = block @ train.T
        found = np.argpartition(-similarity, k, axis=1)[:, :k]
        weights = np.exp((np.take_along_axis(similarity, found, 1) - 1) / tau)
        votes = np.zeros((len(block), len(classes)))
        for row, (places, weight) in enumerate(zip(found, weights)):
            np.add.at(votes[row], numbers[places], weight)
        predicted.append(classes[votes.argmax(1)])
    return np.concatenate(predicted)


def read_keys(directory):
    """The keys and labels of a knowledge base, without any library but numpy."""
    with open(directory / "kb.safetensors", "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        body = file.read()

    def tensor(name, dtype):
        begin, end = header[name]["data_offsets"]
        return np.frombuffer(body[begin:end], dtype).reshape(header[name]["shape"])

    manifest = json.loads((directory / "kb.json").read_text())
    names = np.array(manifest["provenance"]["reaugkd"]["labels"] + manifest["new_classes"])
    return tensor("embeddings", np.float32), names[tensor("labels", np.float32).astype(int)]


def write_csv(path, rows, args):
    with open(path, "w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow([args.text_column, args.label_column])
        out.writerows(rows)


def read_csv(path, args):
    try:
        with open(path, encoding="utf-8", newline="") as file:
            return [(row[args.text_column], row[args.label_column]) for row in csv.DictReader(file)]
    except (OSError, KeyError) as error:
        raise UserError(f"{path}: {error!r}: expected a CSV file with columns {args.text_column} and {args.label_column}") from error


def interval(values):
    """mean ± half of the 95 % interval over splits (Student's t); of one split the value alone."""
    from scipy import stats

    values = np.array([value for value in values if value is not None and not np.isnan(value)]) * 100
    if not len(values):
        return ""
    if len(values) == 1:
        return f"{values[0]:.1f}"
    return f"{values.mean():.1f} ± {stats.t.ppf(0.975, len(values) - 1) * stats.sem(values):.1f}"


def tables(results):
    """One Markdown table a group: mean and interval over the splits."""
    text = ""
    for group, rows in results.groupby("group", sort=False):
        lines = []
        for name, cells in rows.groupby("name", sort=False):
            line = {"": name} | {part: interval(cells[part]) for part in ("all", "new", "old")}
            if "gain" in cells and cells["gain"].notna().any():
                over = "the wrong labels" if "corrected" in group else "the student alone"
                line[f"gain over {over}"] = interval(cells["gain"])
            if cells["loss"].notna().any():
                line["-log p"] = f"{cells['loss'].mean():.3f}"
            if cells["seconds"].notna().any():
                line["seconds"] = f"{cells['seconds'].median():.1f}"
            lines.append(line)
        table = pd.DataFrame(lines).fillna("")
        table = table.loc[:, [column for column in table if column == "" or table[column].ne("").any()]]
        text += f"### {group}\n\n{table.to_markdown(index=False, tablefmt='github', disable_numparse=True)}\n\n"
    return text


def check(args):
    for option, given, known in (("--parts", args.parts, PARTS), ("--spaces", args.spaces, SPACES)):
        if unknown := [name for name in given if name not in known]:
            raise UserError(f"{option}: {', '.join(unknown)}: expected some of {', '.join(known)}")


def run(args):
    check(args)
    args.output.mkdir(parents=True, exist_ok=True)
    results = pd.concat([Experiment(args, split).run() for split in args.splits])
    for column in ("seconds", "gain", "loss"):
        results[column] = results.get(column)
    path = args.output / "results.csv"
    if path.exists():  # seconds are measured where a stage runs, not where it is read again
        before = pd.read_csv(path).set_index(["split", "group", "name"])["seconds"].dropna()
        keys = pd.MultiIndex.from_frame(results[["split", "group", "name"]])
        known = pd.Series(keys.map(before.to_dict()), index=results.index, dtype=float)
        results["seconds"] = results["seconds"].astype(float).fillna(known)
    results.to_csv(path, index=False)
    print(f"{len(args.splits)} splits, {args.held_out} classes held out of {args.data}; accuracy in %, mean ± 95 % interval "
          f"over splits\n\n{tables(results)}", end="")
    return 0
