"""Makes families/FAMILY/{config.json,model.safetensors,expected.safetensors}: a small random
checkpoint of each model family under its published names, token ids, and what the family's published
definition computes from them, in float64 with plain torch functions, one row at a time and without
padding. Shares no code with the library.

    python3 families.py     (torch; no transformers, no safetensors)
"""
import json
import math
import pathlib
import struct

import torch
import torch.nn.functional as F

VOCAB, HIDDEN, HEADS, INNER, LAYERS, CLASSES, POSITIONS = 40, 16, 2, 24, 2, 3, 20
DTYPES = {torch.float32: "F32", torch.int64: "I64"}


def save_safetensors(path, tensors):
    header, blobs, offset = {}, [], 0
    for name in sorted(tensors):
        value = tensors[name].contiguous()
        blob = value.numpy().tobytes()
        header[name] = {"dtype": DTYPES[value.dtype], "shape": list(value.shape), "data_offsets": [offset, offset + len(blob)]}
        offset += len(blob)
        blobs.append(blob)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blobs))


class Weights:
    """Draws each weight when the forward pass first asks for it, so that the pass itself is the
    list of the checkpoint's names and shapes."""

    def __init__(self, seed):
        self.generator = torch.Generator().manual_seed(seed)
        self.tensors = {}

    def get(self, name, shape, mean=0.0, scale=0.3):
        if name not in self.tensors:
            self.tensors[name] = torch.randn(shape, generator=self.generator) * scale + mean
        assert list(self.tensors[name].shape) == list(shape), name
        return self.tensors[name].double()

    def linear(self, x, name, size):
        return F.linear(x, self.get(name + ".weight", [size, x.shape[-1]]), self.get(name + ".bias", [size]))

    def norm(self, x, name, eps):
        size = x.shape[-1]
        return F.layer_norm(x, [size], self.get(name + ".weight", [size], 1.0, 0.1), self.get(name + ".bias", [size]), eps)


def attend(query, key, value):
    heads = []
    for q, k, v in zip(*(x.split(HIDDEN // HEADS, dim=-1) for x in (query, key, value))):
        heads.append(torch.softmax(q @ k.T / math.sqrt(q.shape[-1]), dim=-1) @ v)
    return torch.cat(heads, dim=-1)


def gelu(x):
    return 0.5 * x * (1 + torch.erf(x / math.sqrt(2)))


def gelu_new(x):
    return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x ** 3)))


def embed(w, prefix, ids, types, size, type_vocab, first_position, eps):
    """Sum of the tables' rows, normalised; `types` None where the family has no token types."""
    x = w.get(prefix + "word_embeddings.weight", [VOCAB, size])[ids]
    x = x + w.get(prefix + "position_embeddings.weight", [POSITIONS, size])[first_position:first_position + len(ids)]
    if type_vocab:
        x = x + w.get(prefix + "token_type_embeddings.weight", [type_vocab, size])[types]
    return w.norm(x, prefix + "LayerNorm", eps)


def bert_layer(w, x, name, eps):
    """One layer under BERT's names, which RoBERTa and ELECTRA share."""
    context = attend(*(w.linear(x, f"{name}.attention.self.{part}", HIDDEN) for part in ("query", "key", "value")))
    x = w.norm(w.linear(context, f"{name}.attention.output.dense", HIDDEN) + x, f"{name}.attention.output.LayerNorm", eps)
    inner = gelu(w.linear(x, f"{name}.intermediate.dense", INNER))
    return w.norm(w.linear(inner, f"{name}.output.dense", HIDDEN) + x, f"{name}.output.LayerNorm", eps)


def distilbert(w, ids, types):
    eps = 1e-12
    x = embed(w, "distilbert.embeddings.", ids, None, HIDDEN, 0, 0, eps)
    for i in range(LAYERS):
        name = f"distilbert.transformer.layer.{i}"
        context = attend(*(w.linear(x, f"{name}.attention.{part}_lin", HIDDEN) for part in "qkv"))
        x = w.norm(w.linear(context, f"{name}.attention.out_lin", HIDDEN) + x, f"{name}.sa_layer_norm", eps)
        inner = gelu(w.linear(x, f"{name}.ffn.lin1", INNER))
        x = w.norm(w.linear(inner, f"{name}.ffn.lin2", HIDDEN) + x, f"{name}.output_layer_norm", eps)
    head = torch.relu(w.linear(x[0], "pre_classifier", HIDDEN))
    return x, head, w.linear(head, "classifier", CLASSES)


def roberta(w, ids, types):
    eps, padding = 1e-5, 1
    x = embed(w, "roberta.embeddings.", ids, torch.zeros_like(types), HIDDEN, 1, padding + 1, eps)
    for i in range(LAYERS):
        x = bert_layer(w, x, f"roberta.encoder.layer.{i}", eps)
    head = torch.tanh(w.linear(x[0], "classifier.dense", HIDDEN))
    return x, head, w.linear(head, "classifier.out_proj", CLASSES)


def electra(w, ids, types):
    eps, size = 1e-12, 12
    x = embed(w, "electra.embeddings.", ids, types, size, 2, 0, eps)
    x = w.linear(x, "electra.embeddings_project", HIDDEN)
    for i in range(LAYERS):
        x = bert_layer(w, x, f"electra.encoder.layer.{i}", eps)
    head = gelu(w.linear(x[0], "classifier.dense", HIDDEN))
    return x, head, w.linear(head, "classifier.out_proj", CLASSES)


def albert(w, ids, types):
    eps, size = 1e-12, 8
    x = embed(w, "albert.embeddings.", ids, types, size, 2, 0, eps)
    x = w.linear(x, "albert.encoder.embedding_hidden_mapping_in", HIDDEN)
    name = "albert.encoder.albert_layer_groups.0.albert_layers.0"
    for _ in range(LAYERS + 1):
        context = attend(*(w.linear(x, f"{name}.attention.{part}", HIDDEN) for part in ("query", "key", "value")))
        x = w.norm(w.linear(context, f"{name}.attention.dense", HIDDEN) + x, f"{name}.attention.LayerNorm", eps)
        inner = gelu_new(w.linear(x, f"{name}.ffn", INNER))
        x = w.norm(w.linear(inner, f"{name}.ffn_output", HIDDEN) + x, f"{name}.full_layer_layer_norm", eps)
    head = torch.tanh(w.linear(x[0], "albert.pooler", HIDDEN))
    return x, head, w.linear(head, "classifier", CLASSES)


BERT_KEYS = {
    "hidden_size": HIDDEN, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS, "intermediate_size": INNER,
    "hidden_act": "gelu", "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1, "type_vocab_size": 2,
    "layer_norm_eps": 1e-12, "pad_token_id": 0,
}
FAMILIES = {
    "distilbert": (distilbert, "DistilBertForSequenceClassification", {
        "dim": HIDDEN, "n_layers": LAYERS, "n_heads": HEADS, "hidden_dim": INNER, "activation": "gelu", "dropout": 0.1,
        "attention_dropout": 0.15, "seq_classif_dropout": 0.25, "pad_token_id": 0, "sinusoidal_pos_embds": False}),
    "roberta": (roberta, "RobertaForSequenceClassification", {
        **BERT_KEYS, "type_vocab_size": 1, "layer_norm_eps": 1e-5, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}),
    "electra": (electra, "ElectraForSequenceClassification", {**BERT_KEYS, "embedding_size": 12}),
    "albert": (albert, "AlbertForSequenceClassification", {
        **BERT_KEYS, "embedding_size": 8, "num_hidden_layers": LAYERS + 1, "hidden_act": "gelu_new",
        "hidden_dropout_prob": 0, "attention_probs_dropout_prob": 0, "classifier_dropout_prob": 0.1,
        "num_hidden_groups": 1, "inner_group_num": 1}),
}
LENGTHS = [11, 5, 2]


def main():
    for seed, (name, (forward, architecture, keys)) in enumerate(FAMILIES.items()):
        weights = Weights(seed)
        generator = torch.Generator().manual_seed(100 + seed)
        shape = [len(LENGTHS), max(LENGTHS)]
        expected = {
            "input_ids": torch.full(shape, keys["pad_token_id"]), "token_type_ids": torch.zeros(shape, dtype=torch.int64),
            "attention_mask": torch.zeros(shape, dtype=torch.int64), "last_hidden_state": torch.zeros(shape + [HIDDEN]),
            "head_state": torch.zeros([len(LENGTHS), HIDDEN]), "logits": torch.zeros([len(LENGTHS), CLASSES])}
        for row, length in enumerate(LENGTHS):
            ids = torch.randint(3, VOCAB, [length], generator=generator)
            types = (torch.arange(length) >= length // 2).long()
            states, head, logits = forward(weights, ids, types)
            expected["input_ids"][row, :length] = ids
            expected["token_type_ids"][row, :length] = types
            expected["attention_mask"][row, :length] = 1
            expected["last_hidden_state"][row, :length] = states.float()
            expected["head_state"][row] = head.float()
            expected["logits"][row] = logits.float()
        directory = pathlib.Path(__file__).parent / "families" / name
        directory.mkdir(parents=True, exist_ok=True)
        labels = [f"LABEL_{i}" for i in range(CLASSES)]
        config = {
            "architectures": [architecture], "model_type": name, **keys, "max_position_embeddings": POSITIONS,
            "initializer_range": 0.02, "vocab_size": VOCAB, "id2label": dict(enumerate(labels)),
            "label2id": {label: i for i, label in enumerate(labels)}}
        (directory / "config.json").write_text(json.dumps(config, indent=1) + "\n")
        save_safetensors(directory / "model.safetensors", weights.tensors)
        save_safetensors(directory / "expected.safetensors", expected)


main()
