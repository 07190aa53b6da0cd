"""What is run: cuts of GLUE's files and random BERT-Bases of a checkpoint's vocabulary."""
import json
import random
import shutil

FOLDERS = {"sst2": "SST-2", "rte": "RTE"}
MAX_LENGTH = 128
BASE = {"model_type": "bert", "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12,
        "intermediate_size": 3072, "max_position_embeddings": 512, "type_vocab_size": 2, "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1}


def cut_data(glue, task, target, examples, dev_examples=64, full_length=False):
    """The same rows for all: `examples` random training rows and some of dev. full_length: texts repeated until
    every row fills MAX_LENGTH tokens."""
    source = glue / FOLDERS[task]
    target.mkdir(parents=True)
    for name, count in (("train.tsv", examples), ("dev.tsv", dev_examples)):
        header, *rows = (source / name).read_text(encoding="utf-8").splitlines()
        random.Random(0).shuffle(rows)
        rows = rows[:count]
        if full_length:
            rows = ["\t".join(" ".join([cell] * 40) if " " in cell else cell for cell in row.split("\t")) for row in rows]
        (target / name).write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return target


def base_model(checkpoint, target, **changes):
    """A directory with BERT-Base's config.json, changed so, and the checkpoint's vocabulary: for --init random."""
    target.mkdir(parents=True)
    config = dict(BASE, vocab_size=json.loads((checkpoint / "config.json").read_text())["vocab_size"], **changes)
    (target / "config.json").write_text(json.dumps(config))
    for name in ("vocab.txt", "tokenizer_config.json"):
        if (checkpoint / name).exists():
            shutil.copy(checkpoint / name, target / name)
    return target


def training_flops(config, mean_tokens, mean_square_tokens, layers=None):
    """Floating point operations of a training step, an example: three times those of the encoder's products going
    forward, for its real tokens. Embeddings, pooler and head are left out."""
    width, inner = config["hidden_size"], config["intermediate_size"]
    dense = 2 * mean_tokens * (4 * width * width + 2 * width * inner)
    attention = 4 * mean_square_tokens * width
    return 3 * (layers or config["num_hidden_layers"]) * (dense + attention)
