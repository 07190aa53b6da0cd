#!/usr/bin/env python3
"""Models that Hugging Face's transformers made, answered by it and by `reaugkd eval`: transformers_parity.py BINARY SOURCE

One small random classifier of each family, saved as save_pretrained does, with a tokenizer trained on data/demo, and the
same after `teacher-finetune`, which from_pretrained must read whole. The probabilities of the demo's dev rows, which
either side tokenizes itself, must agree. Exit code 77 (skipped) without transformers.
"""
import csv
import pathlib
import subprocess
import sys
import tempfile

try:
    import tokenizers
    import torch
    import transformers
    transformers.logging.disable_progress_bar()
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)
try:
    import sentencepiece
except ImportError:
    sentencepiece = None

SHAPE = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 64,
         "max_position_embeddings": 80, "initializer_range": 0.2, "num_labels": 2}
WORDPIECE_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
BPE_SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
TOLERANCE = 1e-6
MAX_LENGTH = 64


class Tokenizer:
    """What a family's tokenizer is trained by, from texts into a directory, and read by from one, as (text to ids, number
    of ids)."""

    def __init__(self, train, read):
        self.train, self.read = train, read


def by_transformers(cls):
    def read(directory):
        tokenizer = cls.from_pretrained(str(directory))
        return lambda text: tokenizer(text, truncation=True, max_length=MAX_LENGTH)["input_ids"], len(tokenizer)
    return read


def train_wordpiece(directory, texts):
    made = tokenizers.BertWordPieceTokenizer(lowercase=True)
    made.train_from_iterator(texts, vocab_size=400, special_tokens=WORDPIECE_SPECIAL, show_progress=False)
    made.save_model(str(directory))


def train_byte_level_bpe(directory, texts):
    made = tokenizers.ByteLevelBPETokenizer()
    made.train_from_iterator(texts, vocab_size=500, special_tokens=BPE_SPECIAL, show_progress=False)
    made.save_model(str(directory))


def read_byte_level_bpe(directory):
    """By hand what transformers' own class does: it does not start with every version of tokenizers."""
    made = tokenizers.ByteLevelBPETokenizer(str(directory / "vocab.json"), str(directory / "merges.txt"))
    made.enable_truncation(MAX_LENGTH - 2)
    return lambda text: [0, *made.encode(text).ids, 2], made.get_vocab_size()


def train_sentencepiece(name, **special):
    def train(directory, texts):
        corpus = directory / "corpus.txt"
        corpus.write_text("\n".join(texts), encoding="utf-8")
        sentencepiece.SentencePieceTrainer.train(input=str(corpus), model_prefix=str(directory / "made"), vocab_size=400,
                                                 model_type="unigram", hard_vocab_limit=False, minloglevel=3, **special)
        corpus.unlink()
        (directory / "made.vocab").unlink()
        (directory / "made.model").rename(directory / name)
    return train


def families(with_sentencepiece):
    """(name, class, configuration, tokenizer)"""
    t, small = transformers, SHAPE
    wordpiece = Tokenizer(train_wordpiece, by_transformers(t.BertTokenizer))
    yield "BERT", t.BertForSequenceClassification, t.BertConfig(**small), wordpiece
    distil = {"dim": 32, "n_layers": 3, "n_heads": 4, "hidden_dim": 64, "max_position_embeddings": 80,
              "initializer_range": 0.2, "num_labels": 2}
    yield "DistilBERT", t.DistilBertForSequenceClassification, t.DistilBertConfig(**distil), wordpiece
    yield "ELECTRA", t.ElectraForSequenceClassification, t.ElectraConfig(**small, embedding_size=24), wordpiece
    offset = {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2, "type_vocab_size": 1}
    yield ("RoBERTa", t.RobertaForSequenceClassification, t.RobertaConfig(**small, **offset),
           Tokenizer(train_byte_level_bpe, read_byte_level_bpe))
    if not with_sentencepiece:
        print("XLM-R and ALBERT skipped: Python or reaugkd has no sentencepiece")
        return
    yield ("XLM-R", t.XLMRobertaForSequenceClassification, t.XLMRobertaConfig(**small, **offset),
           Tokenizer(train_sentencepiece("sentencepiece.bpe.model"), by_transformers(t.XLMRobertaTokenizer)))
    special = {"pad_id": 0, "unk_id": 1, "bos_id": -1, "eos_id": -1, "control_symbols": "[CLS],[SEP],[MASK]"}
    yield ("ALBERT", t.AlbertForSequenceClassification, t.AlbertConfig(**small, embedding_size=24),
           Tokenizer(train_sentencepiece("spiece.model", **special), by_transformers(t.AlbertTokenizer)))


@torch.no_grad()
def answered_by_transformers(model, encode, texts):
    model.eval()
    answers = []
    for text in texts:
        logits = model(torch.tensor([encode(text)])).logits[0]
        answers.append(torch.softmax(logits.double(), 0)[1].item())
    return answers


def run(*command):
    done = subprocess.run([*map(str, command)], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{command[1]} ended with {done.returncode}:\n{done.stderr}")


def answered_by_us(binary, model, data, output):
    run(binary, "eval", "--model", model, "--task", "sst2", "--data", data, "--output", output, "--precision", "fp32",
        "--max-seq-length", MAX_LENGTH, "--latency-examples", 0)
    with open(output / "predictions.tsv", encoding="utf-8") as rows:
        return [float(row["p_1"]) for row in csv.DictReader(rows, delimiter="\t")]


def fine_tuned_by_us(binary, model, data, output):
    run(binary, "teacher-finetune", "--model", model, "--task", "sst2", "--data", data, "--output", output,
        "--max-train-examples", 64, "--epochs", 1, "--learning-rate", 1e-3, "--max-seq-length", MAX_LENGTH)
    loaded, info = transformers.AutoModelForSequenceClassification.from_pretrained(output, output_loading_info=True)
    if info["missing_keys"] or info["unexpected_keys"] or info["mismatched_keys"]:
        raise SystemExit(f"transformers finds other tensors in {output}: {info}")
    return loaded


def check(name, expected, found):
    largest = max(abs(a - b) for a, b in zip(expected, found, strict=True))
    spread = max(expected) - min(expected)
    wrong = largest > TOLERANCE or spread < 0.05  # a model that always says the same shows nothing
    print(f"{'FAILED' if wrong else 'ok'}: {name}: largest difference {largest:.1e}, probabilities spread over {spread:.2f}")
    return wrong


def sentences(path):
    return [line.split("\t")[0] for line in path.read_text(encoding="utf-8").splitlines()[1:]]


def main():
    binary, data = sys.argv[1], pathlib.Path(sys.argv[2]) / "data/demo"
    dev, train = sentences(data / "dev.tsv"), sentences(data / "train.tsv")
    version = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout
    with_sentencepiece = sentencepiece is not None and "without sentencepiece" not in version
    failures = 0
    for name, cls, config, tokenizer in families(with_sentencepiece):
        with tempfile.TemporaryDirectory() as folder:
            work = pathlib.Path(folder)
            theirs, ours = work / "theirs", work / "ours"
            theirs.mkdir()
            tokenizer.train(theirs, train)
            encode, config.vocab_size = tokenizer.read(theirs)
            torch.manual_seed(1)
            model = cls(config)
            model.save_pretrained(theirs)
            failures += check(f"{name}, saved by transformers", answered_by_transformers(model, encode, dev),
                              answered_by_us(binary, theirs, data, work / "eval"))
            loaded = fine_tuned_by_us(binary, theirs, data, ours)
            encode, _ = tokenizer.read(ours)
            failures += check(f"{name}, fine-tuned by reaugkd", answered_by_transformers(loaded, encode, dev),
                              answered_by_us(binary, ours, data, work / "eval-ours"))
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
