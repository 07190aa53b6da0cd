#!/usr/bin/env python3
"""What would a user pick in place of a distilled student? The same rows, each with its own usual settings, scored on all of dev.

    .venv-torch/bin/pip install --requirement experiments/alternatives-requirements.txt
    .venv-torch/bin/python experiments/alternatives.py --model $MODEL_DIR --glue $GLUE_DIR --output runs/alternatives --tasks mrpc,rte

- majority: the most frequent class;
- words: logistic regression on TF-IDF of words and pairs of words (scikit-learn);
- fastText: its defaults, but for 25 epochs at rate 0.5 and pairs of words, as its tutorial ends;
- logistic regression, k-NN: on the embeddings of the encoder as it was published (sentence-transformers). A pair of texts (u, v) has
  the features u, v, |u - v| and u v; its encoder saw each text alone. C and k are chosen by five-fold cross-validation on train;
- SetFit: fine-tunes the encoder on pairs of rows of one class and of two, then logistic regression; --setfit-rows rows of each class, since
  its pairs grow with their square. A pair of texts is one text with [SEP] between.

STS-B has ridge regression in place of logistic regression and k-NN's mean; SetFit and fastText have no regression. Every result is one
line of OUTPUT/runs.jsonl: a second call goes on where the first one stopped.
"""
import argparse
import json
import os
import pathlib
import time

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
import numpy as np  # noqa: E402
import sklearn.dummy  # noqa: E402
import sklearn.feature_extraction.text  # noqa: E402
import sklearn.linear_model  # noqa: E402
import sklearn.metrics  # noqa: E402
import sklearn.model_selection  # noqa: E402
import sklearn.neighbors  # noqa: E402
from beside_transformers import TASKS, read_lines, read_rows  # noqa: E402

SEEDED = {"SetFit", "fastText"}  # the others have one result


class Task:
    def __init__(self, name, glue):
        folder, columns, label, self.metric = TASKS[name]
        self.regression = self.metric == "pearson"
        self.texts, self.labels = {}, {}
        for side in ("train", "dev"):
            self.texts[side], labels = read_rows(glue / folder / f"{side}.tsv", columns, label)
            self.labels[side] = np.array(labels, dtype=float if self.regression else str)

    def joined(self, side, between):
        return [between.join(row) for row in self.texts[side]]

    def scores(self, predicted):
        labels = self.labels["dev"]
        if self.regression:
            return {"pearson": float(np.corrcoef(labels, predicted)[0, 1]) if np.std(predicted) > 0 else 0.0}
        predicted = np.asarray(predicted)
        if self.metric == "matthews_correlation":
            return {self.metric: float(sklearn.metrics.matthews_corrcoef(labels, predicted))}
        scores = {"accuracy": float((predicted == labels).mean())}
        if set(labels) == {"0", "1"} and len(self.texts["dev"][0]) == 2:
            scores["f1"] = float(sklearn.metrics.f1_score(labels, predicted, pos_label="1"))
        return scores


def features(task, model):
    """(N, F) of each side, of the encoder as it is."""
    import sentence_transformers

    encoder = sentence_transformers.SentenceTransformer(str(model), device="cpu")
    found = {}
    for side in ("train", "dev"):
        parts = [encoder.encode([row[i] for row in task.texts[side]], batch_size=64, normalize_embeddings=True)
                 for i in range(len(task.texts[side][0]))]
        if len(parts) == 2:
            u, v = parts
            parts = [u, v, np.abs(u - v), u * v]
        found[side] = np.hstack(parts)
    return found


def fitted(task, estimator, grid, train, dev):
    search = sklearn.model_selection.GridSearchCV(estimator, grid, cv=5, n_jobs=1)
    return search.fit(train, task.labels["train"]).predict(dev)


def majority(task, args, seed):
    kind = sklearn.dummy.DummyRegressor() if task.regression else sklearn.dummy.DummyClassifier()
    return kind.fit(task.labels["train"], task.labels["train"]).predict(task.labels["dev"])


def words(task, args, seed):
    vectors = sklearn.feature_extraction.text.TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
    train = vectors.fit_transform(task.joined("train", " "))
    return fitted(task, *linear(task), train, vectors.transform(task.joined("dev", " ")))


def linear(task):
    if task.regression:
        return sklearn.linear_model.Ridge(), {"alpha": [0.1, 1, 10, 100]}
    return sklearn.linear_model.LogisticRegression(max_iter=2000), {"C": [0.1, 1, 10, 100]}


def logistic_regression(task, args, seed):
    found = features(task, args.model)
    return fitted(task, *linear(task), found["train"], found["dev"])


def nearest_neighbors(task, args, seed):
    found = features(task, args.model)
    kind = sklearn.neighbors.KNeighborsRegressor if task.regression else sklearn.neighbors.KNeighborsClassifier
    return fitted(task, kind(metric="euclidean"), {"n_neighbors": [1, 4, 16, 64]}, found["train"], found["dev"])


def fasttext(task, args, seed):
    import fasttext as library

    def line(text):
        return " ".join(text.lower().split())

    path = args.output / "fasttext.txt"
    path.write_text("".join(f"__label__{label} {line(text)}\n" for label, text in zip(task.labels["train"], task.joined("train", " "))),
                    encoding="utf-8")
    model = library.train_supervised(str(path), epoch=25, lr=0.5, wordNgrams=2, thread=1, seed=seed, verbose=0)
    path.unlink()
    # model.predict needs an older numpy
    return [model.f.predict(line(text) + "\n", 1, 0.0, "strict")[0][1].removeprefix("__label__") for text in task.joined("dev", " ")]


def setfit(task, args, seed):
    import datasets
    import setfit as library

    generator = np.random.default_rng(seed)
    chosen = np.concatenate([generator.permutation(np.flatnonzero(task.labels["train"] == label))[:args.setfit_rows]
                             for label in sorted(set(task.labels["train"]))])
    texts = task.joined("train", " [SEP] ")
    names = sorted(set(task.labels["train"]))
    train = datasets.Dataset.from_dict({"text": [texts[i] for i in chosen], "label": [names.index(task.labels["train"][i]) for i in chosen]})
    model = library.SetFitModel.from_pretrained(str(args.model), device="cpu")
    options = library.TrainingArguments(batch_size=32, num_epochs=1, num_iterations=20, seed=seed, report_to="none", save_strategy="no",
                                        output_dir=str(args.output / "setfit"), show_progress_bar=False)
    trainer = library.Trainer(model=model, args=options, train_dataset=train)
    trainer.train()
    return [names[int(answer)] for answer in model.predict(task.joined("dev", " [SEP] "), batch_size=64)]


METHODS = {"majority": majority, "words": words, "fastText": fasttext, "logistic regression": logistic_regression,
           "k-NN": nearest_neighbors, "SetFit": setfit}


def table(done):
    tasks = list(dict.fromkeys(run["task"] for run in done))
    columns = [(task, metric) for task in tasks for metric in next((run["scores"] for run in done if run["task"] == task), {})]
    print("| method | " + " | ".join(f"{task} {metric}" for task, metric in columns) + " |")
    print("| --- |" + " --- |" * len(columns))
    for method in (name for name in METHODS if any(run["method"] == name for run in done)):
        cells = []
        for task, metric in columns:
            found = [round(100 * run["scores"][metric], 9) + 0.0 for run in done if (run["task"], run["method"]) == (task, method)]
            deviation = f" ± {np.std(found, ddof=1):.1f}" if len(found) > 1 else ""
            cells.append(f"{np.mean(found):.1f}{deviation}" if found else "")
        print(f"| {method} | " + " | ".join(cells) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", type=pathlib.Path, metavar="FILE", help="print the table of a runs.jsonl, and run nothing")
    parser.add_argument("--model", type=pathlib.Path)
    parser.add_argument("--glue", type=pathlib.Path)
    parser.add_argument("--output", type=pathlib.Path)
    parser.add_argument("--tasks", default="mrpc,rte,cola,stsb")
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--setfit-rows", type=int, default=64, help="of each class (default: %(default)s)")
    args = parser.parse_args()
    if args.table:
        table(read_lines(args.table))
        return
    if not (args.model and args.glue and args.output):
        parser.error("--model, --glue and --output are needed, or --table")
    args.output.mkdir(parents=True, exist_ok=True)
    log = args.output / "runs.jsonl"
    recipe = {"model": args.model.resolve().parent.name + "/" + args.model.name, "setfit_rows": args.setfit_rows}
    done = [run for run in (read_lines(log) if log.exists() else []) if run["recipe"] == recipe]
    tasks = args.tasks.split(",")
    for name in tasks:
        task = Task(name, args.glue)
        for method in args.methods.split(","):
            if task.regression and method in SEEDED:
                continue
            for seed in [int(seed) for seed in args.seeds.split(",")] if method in SEEDED else [0]:
                if any((run["task"], run["method"], run["seed"]) == (name, method, seed) for run in done):  # of this recipe
                    continue
                start = time.perf_counter()
                scores = task.scores(METHODS[method](task, args, seed))
                done.append({"task": name, "method": method, "seed": seed, "recipe": recipe, "scores": scores, "seconds": round(time.perf_counter() - start, 1)})
                with open(log, "a", encoding="utf-8") as file:
                    file.write(json.dumps(done[-1]) + "\n")
    table([run for run in done if run["task"] in tasks])


if __name__ == "__main__":
    main()
