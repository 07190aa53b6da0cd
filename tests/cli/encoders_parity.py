#!/usr/bin/env python3
"""Encoders beside Hugging Face's transformers: encoders_parity.py ENCODER_OUTPUTS [NAME]

Small random classifiers of every family, in odd shapes. From the same token ids, padded, both sides compute logits, all
hidden states and the gradients of all parameters (eager attention, fp32), which must agree to 1e-5; in bf16 the logits
must be near. What reaugkd saves must load in transformers with no key missing or unexpected, answer the same, be
trained there, and come back. ENCODER_OUTPUTS is the program of tests/parity. Exit code 77 (skipped) without transformers.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

try:
    import torch
    import transformers
    from safetensors.torch import load_file, save_file
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

if int(transformers.__version__.split(".")[0]) < 5:
    print(f"skipped: transformers {transformers.__version__} is older than 5")
    sys.exit(77)

TOLERANCE = 1e-5  # of a value, or of its share of the tensor's largest where that is above 1
BF16_TOLERANCE = 0.05  # of the largest logit's size
VOCABULARY, CLASSES = 60, 3
LENGTHS = [23, 1, 12, 7]  # tokens of a batch's texts: one alone, odd numbers, padding
LONG = [150, 90, 3]       # beyond local windows and exact distances

SHAPE = {"vocab_size": VOCABULARY, "hidden_size": 24, "num_hidden_layers": 3, "num_attention_heads": 4,
         "intermediate_size": 40, "max_position_embeddings": 200, "initializer_range": 0.2, "num_labels": CLASSES}
ROBERTA = {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2, "type_vocab_size": 1}
DISTIL = {"vocab_size": VOCABULARY, "dim": 24, "n_layers": 3, "n_heads": 4, "hidden_dim": 40, "max_position_embeddings": 200,
          "initializer_range": 0.2, "num_labels": CLASSES}
V3 = {"relative_attention": True, "position_buckets": 16, "norm_rel_ebd": "layer_norm", "share_att_key": True,
      "pos_att_type": "p2c|c2p", "position_biased_input": False}
V1 = {"relative_attention": True, "pos_att_type": ["c2p", "p2c"], "position_biased_input": False, "max_relative_positions": -1}
MODERN = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "cls_token_id": 1, "sep_token_id": 2, "local_attention": 10}


def families():
    """name -> (configuration, lengths of the texts)"""
    t = transformers
    odd = {**SHAPE, "hidden_size": 21, "num_attention_heads": 3}  # heads of 7 values
    yield "bert", t.BertConfig(**SHAPE), LENGTHS
    yield "distilbert", t.DistilBertConfig(**DISTIL), LENGTHS
    yield "roberta", t.RobertaConfig(**SHAPE, **ROBERTA), LENGTHS
    yield "xlm-roberta", t.XLMRobertaConfig(**SHAPE, **ROBERTA), LENGTHS
    yield "electra", t.ElectraConfig(**SHAPE, embedding_size=12), LENGTHS
    yield "albert", t.AlbertConfig(**SHAPE, embedding_size=12), LENGTHS
    yield "mpnet", t.MPNetConfig(**SHAPE), LENGTHS
    yield "mpnet, long, heads of 7, 40 buckets", t.MPNetConfig(**odd, relative_attention_num_buckets=40), LONG
    yield "mpnet, 512 tokens", t.MPNetConfig(**{**SHAPE, "max_position_embeddings": 514}), [512, 17]
    yield "deberta-v2, as v3", t.DebertaV2Config(**SHAPE, **V3), LENGTHS
    yield "deberta-v2, as v3, long", t.DebertaV2Config(**SHAPE, **V3), LONG
    yield "deberta-v2, as v3, one position each", t.DebertaV2Config(**SHAPE, **{**V3, "position_buckets": 256}), LONG
    yield "deberta-v2, 512 tokens in 256 buckets", t.DebertaV2Config(**{**SHAPE, "max_position_embeddings": 512},
                                                                     **{**V3, "position_buckets": 256}), [512, 300]
    yield "deberta-v2, as v2-xlarge", t.DebertaV2Config(**{**odd, "max_position_embeddings": 160}, **V3, conv_kernel_size=3,
                                                        conv_act="gelu"), LENGTHS
    yield "deberta-v2, convolution by groups", t.DebertaV2Config(**SHAPE, **V3, conv_kernel_size=5, conv_groups=2), LONG
    yield "deberta-v2, keys of its own", t.DebertaV2Config(**SHAPE, **{**V3, "share_att_key": False}), LENGTHS
    yield "deberta-v2, c2p alone", t.DebertaV2Config(**SHAPE, **{**V3, "share_att_key": False, "pos_att_type": ["c2p"],
                                                                 "norm_rel_ebd": "none"}), LENGTHS
    yield "deberta-v2, p2c alone, no buckets", t.DebertaV2Config(**SHAPE, **{**V3, "pos_att_type": "p2c", "position_buckets": -1,
                                                                             "max_relative_positions": 9}), LENGTHS
    yield "deberta-v2, absolute positions", t.DebertaV2Config(**SHAPE, type_vocab_size=2, embedding_size=12, pooler_hidden_act="tanh",
                                                              pos_att_type=["c2p"]), LENGTHS
    yield "deberta", t.DebertaConfig(**SHAPE, **V1), LENGTHS
    yield "deberta, beyond its positions", t.DebertaConfig(**odd, **{**V1, "max_relative_positions": 40}, type_vocab_size=2), LONG
    yield "deberta, p2c alone", t.DebertaConfig(**SHAPE, **{**V1, "pos_att_type": ["p2c"]}), LENGTHS
    yield "modernbert", t.ModernBertConfig(**SHAPE, **MODERN), LENGTHS
    yield "modernbert, long, mean, biases", t.ModernBertConfig(
        **SHAPE, **MODERN, classifier_pooling="mean", norm_bias=True, attention_bias=True, mlp_bias=True, classifier_bias=True), LONG
    yield "modernbert, layers in another order", t.ModernBertConfig(
        **SHAPE, **{**MODERN, "local_attention": 7}, layer_types=["sliding_attention", "sliding_attention", "full_attention"],
        rope_parameters={"full_attention": {"rope_type": "default", "rope_theta": 500.0},
                         "sliding_attention": {"rope_type": "default", "rope_theta": 100.0}}, hidden_activation="relu"), LENGTHS
    yield "modernbert, as first published", t.ModernBertConfig(**SHAPE, **MODERN), LENGTHS


def older_spelling(directory):
    """ModernBERT's config.json as it was published first, without layer_types and rope_parameters."""
    path = directory / "config.json"
    config = json.loads(path.read_text())
    thetas = config.pop("rope_parameters")
    config.pop("layer_types")
    config.update(global_attn_every_n_layers=3, global_rope_theta=thetas["full_attention"]["rope_theta"],
                  local_rope_theta=thetas["sliding_attention"]["rope_theta"], layer_norm_eps=1e-5, position_embedding_type="absolute")
    path.write_text(json.dumps(config))


def make_inputs(config, lengths):
    """Token ids padded to the longest; the second half of a text is of type 1 where there are types."""
    generator = torch.Generator().manual_seed(3)
    shape = (len(lengths), max(lengths))
    mask = (torch.arange(shape[1]) < torch.tensor(lengths).unsqueeze(1)).long()
    ids = torch.randint(5, VOCABULARY, shape, generator=generator)
    types = (torch.arange(shape[1]) >= torch.tensor(lengths).unsqueeze(1) // 2).long() * mask
    width = config.dim if config.model_type == "distilbert" else config.hidden_size
    slope = torch.randn((*shape, width), generator=generator) * mask.unsqueeze(-1) / sum(lengths)
    return {"input_ids": ids * mask + config.pad_token_id * (1 - mask), "attention_mask": mask, "token_type_ids": types,
            "logits_slope": torch.randn((len(lengths), CLASSES), generator=generator), "state_slope": slope}


def call(model, inputs, **keys):
    """A model without token types does not take any, or has one alone: all are 0 then."""
    arguments = {"input_ids": inputs["input_ids"], "attention_mask": inputs["attention_mask"]}
    if getattr(model.config, "type_vocab_size", 0) > 1:
        arguments["token_type_ids"] = inputs["token_type_ids"]
    return model(**arguments, **keys)


def theirs(model, inputs):
    model.eval()
    model.zero_grad()
    output = call(model, inputs, output_hidden_states=True)
    (output.logits * inputs["logits_slope"]).sum().add((output.hidden_states[-1] * inputs["state_slope"]).sum()).backward()
    found = {"logits": output.logits.detach()}
    found.update({f"hidden_states.{i}": state.detach() for i, state in enumerate(output.hidden_states)})
    for name, parameter in model.named_parameters():
        found["gradient." + name] = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad.clone()
    return found


def ours(program, model, inputs, precision, saved=None):
    with tempfile.TemporaryDirectory() as folder:
        given, found = pathlib.Path(folder) / "in.safetensors", pathlib.Path(folder) / "out.safetensors"
        save_file({key: value.contiguous() for key, value in inputs.items()}, given)
        done = subprocess.run([program, model, given, found, precision, *([saved] if saved else [])], capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"encoder_outputs ended with {done.returncode}: {done.stderr}")
        return load_file(found)


def difference(expected, found):
    return ((expected - found).abs().max() / max(1, expected.abs().max())).item() if expected.numel() else 0.0


class Check:
    def __init__(self):
        self.failures = 0

    def near(self, what, expected, found, tolerance, mask=None):
        """Every tensor of `expected`; hidden states where there are tokens."""
        worst, where = 0.0, ""
        for name, value in expected.items():
            if name not in found:
                self.fail(f"{what}: there is no {name}")
                return
            other = found[name]
            if name.startswith("hidden_states") and mask is not None:
                value, other = value * mask.unsqueeze(-1), other * mask.unsqueeze(-1)
            off = difference(value, other)
            if not off <= worst:
                worst, where = off, name
        text = f"{what}: {len(expected)} tensors, largest difference {worst:.1e}" + (f" ({where})" if where else "")
        print(f"{'ok' if worst <= tolerance else 'FAILED'}: {text}", flush=True)
        self.failures += not worst <= tolerance

    def fail(self, text):
        print(f"FAILED: {text}", flush=True)
        self.failures += 1


def spread(tensors):
    return (tensors["logits"].max(0).values - tensors["logits"].min(0).values).max().item()


def trained_there(model, inputs, directory):
    """A few steps of AdamW, saved by transformers."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    labels = torch.arange(len(inputs["input_ids"])) % CLASSES
    model.train()
    for _ in range(3):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(call(model, inputs).logits, labels).backward()
        optimizer.step()
    model.save_pretrained(directory)


def check_family(check, program, name, config, lengths, work):
    torch.manual_seed(1)
    config._attn_implementation = "eager"
    model = transformers.AutoModelForSequenceClassification.from_config(config)
    with torch.no_grad():  # biases and norms as training leaves them
        for parameter in model.parameters():
            if parameter.dim() == 1:
                parameter.add_(torch.randn_like(parameter) * 0.1)
    model.save_pretrained(work / "theirs")
    if name.endswith("first published"):
        older_spelling(work / "theirs")
    (work / "saved").mkdir()
    inputs = make_inputs(config, lengths)
    expected = theirs(model, inputs)
    found = ours(program, work / "theirs", inputs, "fp32", work / "saved")
    if spread(expected) < 0.05:
        check.fail(f"{name}: its logits say nothing, they spread over {spread(expected):.3f}")
    surplus = {key for key in found if key.startswith("gradient.")} - set(expected)
    if surplus:
        check.fail(f"{name}: transformers has no {sorted(surplus)}")
    check.near(name, expected, found, TOLERANCE, inputs["attention_mask"])
    rounded = ours(program, work / "theirs", inputs, "bf16")
    check.near(f"{name}, bf16", {"logits": expected["logits"]}, rounded, BF16_TOLERANCE)
    check_round_trip(check, program, name, inputs, expected, work)


def check_round_trip(check, program, name, inputs, expected, work):
    again, info = transformers.AutoModelForSequenceClassification.from_pretrained(
        work / "saved", output_loading_info=True, attn_implementation="eager")
    for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        if info[kind]:
            check.fail(f"{name}, saved by reaugkd: {kind} {info[kind]}")
    check.near(f"{name}, saved by reaugkd", {"logits": expected["logits"]}, theirs(again, inputs), TOLERANCE)
    trained_there(again, inputs, work / "trained")
    after = theirs(again, inputs)
    if difference(expected["logits"], after["logits"]) < 1e-3:
        check.fail(f"{name}: training changed nothing")
    check.near(f"{name}, trained by transformers", after, ours(program, work / "trained", inputs, "fp32"), TOLERANCE,
               inputs["attention_mask"])


def main():
    program, wanted = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""
    torch.set_num_threads(1)
    check = Check()
    for name, config, lengths in families():
        if not name.startswith(wanted):
            continue
        with tempfile.TemporaryDirectory() as folder:
            check_family(check, program, name, config, lengths, pathlib.Path(folder))
    sys.exit(1 if check.failures else 0)


if __name__ == "__main__":
    main()
