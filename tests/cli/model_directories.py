#!/usr/bin/env python3
"""Model directories as Python's transformers saves them, given to reaugkd as they are: model_directories.py BINARY SOURCE

Small random models of each family with every head that transformers has for it, without model_type, in shards, in half
precision and for several labels a text. `teacher-finetune` must take the encoder and say what it leaves out; `eval` must
answer as transformers does, or refuse. Exit code 77 (skipped) without transformers.
"""
import csv
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

try:
    import torch
    import transformers
    transformers.logging.disable_progress_bar()
    transformers.logging.set_verbosity_error()
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

SHAPE = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48,
         "max_position_embeddings": 80, "initializer_range": 0.2}
OFFSET = {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2, "type_vocab_size": 1}
DISTIL = {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 48, "max_position_embeddings": 80, "initializer_range": 0.2}
HEADS = {"MaskedLM": "masked words", "QuestionAnswering": "question answering", "TokenClassification": "tokens",
         "MultipleChoice": "multiple choice"}
MORE_HEADS = {"BertForPreTraining": "masked words, next sentences", "BertForNextSentencePrediction": "next sentences",
              "ElectraForPreTraining": "replaced words", "AlbertForPreTraining": "masked words, the order of sentences"}
LENGTH = 48


class Cases:
    def __init__(self, binary, source, work):
        self.binary, self.work = binary, work
        self.data, self.vocab = source / "data/demo", source / "data/demo/teacher/vocab.txt"
        self.count = self.failures = 0

    def fail(self, message):
        self.failures += 1
        print(f"FAILED: {message}")

    def configs(self):
        t = transformers
        vocab_size = len(self.vocab.read_text().splitlines())
        yield "Bert", t.BertConfig(vocab_size=vocab_size, **SHAPE)
        yield "DistilBert", t.DistilBertConfig(vocab_size=vocab_size, **DISTIL)
        yield "Roberta", t.RobertaConfig(vocab_size=vocab_size, **SHAPE, **OFFSET)
        yield "XLMRoberta", t.XLMRobertaConfig(vocab_size=vocab_size, **SHAPE, **OFFSET)
        yield "Electra", t.ElectraConfig(vocab_size=vocab_size, embedding_size=24, **SHAPE)
        yield "Albert", t.AlbertConfig(vocab_size=vocab_size, embedding_size=24, **SHAPE)

    def directory(self, model, **how):
        self.count += 1
        directory = self.work / str(self.count)
        model.save_pretrained(directory, **how)
        shutil.copy(self.vocab, directory)
        return directory

    def run(self, command, *more):
        output = self.work / "output"
        shutil.rmtree(output, ignore_errors=True)
        return output, subprocess.run(
            [str(self.binary), command, *map(str, more), "--task", "sst2", "--data", str(self.data), "--output", str(output),
             "--max-seq-length", str(LENGTH), "--threads", "1"], capture_output=True, text=True)

    def finetune(self, what, directory, *messages, code=0, absent=None):
        """Two classes, as the heads have them: a shape tells nothing."""
        _, done = self.run("teacher-finetune", "--model", directory, "--max-train-examples", 20, "--epochs", 1)
        if done.returncode != code:
            self.fail(f"{what}: teacher-finetune ends with {done.returncode}: {done.stderr}")
        for message in messages:
            if len(re.findall(message, done.stderr)) != 1:
                self.fail(f"{what}: not one line of teacher-finetune has '{message}': {done.stderr}")
        if absent and re.search(absent, done.stderr):
            self.fail(f"{what}: a line of teacher-finetune has '{absent}': {done.stderr}")

    def eval_refused(self, what, directory, message):
        _, done = self.run("eval", "--model", directory, "--latency-examples", 0)
        if done.returncode != 4 or not re.search(message, done.stderr):
            self.fail(f"{what}: eval ends with {done.returncode}, expected '{message}': {done.stderr}")

    @torch.no_grad()
    def eval_equal(self, what, model, directory):
        """The first 50 dev rows; the larger of the two tolerances is that of probabilities in the file."""
        output, done = self.run("eval", "--model", directory, "--latency-examples", 0, "--precision", "fp32")
        if done.returncode != 0:
            self.fail(f"{what}: eval ends with {done.returncode}: {done.stderr}")
            return
        with open(output / "predictions.tsv", encoding="utf-8") as rows:
            found = [float(row["p_1"]) for row in csv.DictReader(rows, delimiter="\t")][:50]
        model = model.float().eval()
        tokenizer = transformers.BertTokenizer(str(self.vocab))
        expected = []
        for line in (self.data / "dev.tsv").read_text().splitlines()[1:51]:
            ids = tokenizer(line.split("\t")[0], truncation=True, max_length=LENGTH)["input_ids"]
            expected.append(torch.softmax(model(torch.tensor([ids])).logits[0].double(), 0)[1].item())
        largest = max(abs(a - b) for a, b in zip(expected, found, strict=True))
        if largest > 1e-6 or max(expected) - min(expected) < 0.05:
            self.fail(f"{what}: differs by {largest} from transformers, probabilities from {min(expected)} to {max(expected)}")


def heads(cases):
    for name, config in cases.configs():
        wanted = {f"{name}For{head}": purpose for head, purpose in HEADS.items()}
        wanted.update({cls: purpose for cls, purpose in MORE_HEADS.items() if cls.startswith(name)})
        for cls, purpose in wanted.items():
            directory = cases.directory(getattr(transformers, cls)(config))
            cases.finetune(cls, directory, f"its head for {re.escape(purpose)} is left out: ", absent="of another task")
            cases.eval_refused(cls, directory, f"(its classifier is for|a pretrained model with a head for) {re.escape(purpose)}")


def kinds(cases):
    for name, config in cases.configs():
        cls = getattr(transformers, f"{name}ForSequenceClassification")
        model = cls(config)
        for what, dtype, how in (("whole", torch.float32, {}), ("in shards", torch.float32, {"max_shard_size": "20KB"}),
                                 ("fp16", torch.float16, {}), ("bf16", torch.bfloat16, {})):
            half = model.to(dtype)
            directory = cases.directory(half, **how)
            if (directory / "model.safetensors").exists() == ("max_shard_size" in how):
                cases.fail(f"{name} {what}: transformers wrote no shards, or wrote some")
            cases.eval_equal(f"{name} {what}", half, directory)
            cases.finetune(f"{name} {what}", directory, absent="left out|drawn from")
            model = model.float()
        config.problem_type = "multi_label_classification"
        directory = cases.directory(cls(config))
        cases.finetune(f"{name} multi-label", directory, r"its head for any number of labels a text \(problem_type", "drawn from N")
        cases.eval_refused(f"{name} multi-label", directory, "its classifier is for any number of labels a text")


def unnamed(cases):
    for name, config in cases.configs():
        for cls in (f"{name}Model", f"{name}ForMaskedLM"):
            directory = cases.directory(getattr(transformers, cls)(config))
            path = directory / "config.json"
            json_ = json.loads(path.read_text())
            model_type = json_.pop("model_type")
            path.write_text(json.dumps(json_))
            cases.finetune(f"{cls} without model_type", directory, f"has no model_type: taken for {model_type}, by its architectures, {cls}")
            del json_["architectures"]
            path.write_text(json.dumps(json_))
            bare = cls.endswith("Model")
            several = name in ("Roberta", "XLMRoberta") or (bare and name in ("Bert", "Electra"))
            if several:
                cases.finetune(f"{cls} without names", directory, "the names of the tensors fit .*: add the one that it is", code=4)
            else:
                cases.finetune(f"{cls} without names", directory, f"taken for {model_type}, by the names of its tensors")


def main():
    with tempfile.TemporaryDirectory() as work:
        cases = Cases(pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve(), pathlib.Path(work))
        torch.manual_seed(1)
        for part in (heads, kinds, unnamed):
            part(cases)
        print("model_directories: " + (f"{cases.failures} checks failed" if cases.failures else f"{cases.count} directories, passed"))
        sys.exit(1 if cases.failures else 0)


if __name__ == "__main__":
    main()
