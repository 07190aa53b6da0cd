"""Makes families/FAMILY/{config.json,model.safetensors,expected.safetensors,gradients.safetensors} for the families whose
golden values come from Hugging Face's transformers: a small random classifier, token ids, what transformers computes from
them (eager attention, fp32), and the gradients of sum(logits * logits_slope) + sum(states * state_slope).

    python3 newer_families.py     (transformers 5 and safetensors)
"""
import json
import pathlib

import torch
import transformers
from safetensors.torch import save_file

VOCAB, CLASSES, POSITIONS = 40, 3, 24
LENGTHS = [19, 5, 1]
SIZES = {"vocab_size": VOCAB, "hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 20,
         "max_position_embeddings": POSITIONS, "initializer_range": 0.3, "num_labels": CLASSES}
CONFIGS = {
    "mpnet": transformers.MPNetConfig(**SIZES),
    "deberta": transformers.DebertaConfig(**SIZES, relative_attention=True, pos_att_type=["p2c", "c2p"],
                                          position_biased_input=False, type_vocab_size=2),
    "deberta-v2": transformers.DebertaV2Config(
        **SIZES, relative_attention=True, position_buckets=8, norm_rel_ebd="layer_norm", share_att_key=True,
        pos_att_type=["p2c", "c2p"], position_biased_input=False, embedding_size=12, conv_kernel_size=3, conv_act="gelu"),
    "modernbert": transformers.ModernBertConfig(**SIZES, local_attention=8, pad_token_id=0, bos_token_id=1, eos_token_id=2,
                                                cls_token_id=1, sep_token_id=2, classifier_pooling="mean", mlp_bias=True),
}
# What is of this Python, of pretraining, or the same in every model.
LEFT_OUT = {"dtype", "transformers_version", "tie_word_embeddings", "decoder_bias", "deterministic_flash_attn", "sparse_prediction",
            "sparse_pred_ignore_index", "initializer_cutoff_factor", "bos_token_id", "eos_token_id", "problem_type",
            "output_hidden_states", "output_attentions", "return_dict", "chunk_size_feed_forward", "is_encoder_decoder",
            "_name_or_path"}


def make_inputs(config):
    generator = torch.Generator().manual_seed(7)
    shape = (len(LENGTHS), max(LENGTHS))
    mask = (torch.arange(shape[1]) < torch.tensor(LENGTHS).unsqueeze(1)).long()
    ids = torch.randint(5, VOCAB, shape, generator=generator) * mask + config.pad_token_id * (1 - mask)
    types = (torch.arange(shape[1]) >= torch.tensor(LENGTHS).unsqueeze(1) // 2).long() * mask
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": types,
            "logits_slope": torch.randn((len(LENGTHS), CLASSES), generator=generator),
            "state_slope": torch.randn((*shape, config.hidden_size), generator=generator) * mask.unsqueeze(-1) / sum(LENGTHS)}


def head_state(model, states, mask):
    """The state before the classifier."""
    if model.config.model_type == "modernbert":
        return model.head((states * mask.unsqueeze(-1)).sum(1) / mask.sum(1, keepdim=True))
    if model.config.model_type == "mpnet":
        return torch.tanh(model.classifier.dense(states[:, 0]))
    return model.pooler(states)


def main():
    for seed, (name, config) in enumerate(CONFIGS.items()):
        torch.manual_seed(seed)
        config._attn_implementation = "eager"
        model = transformers.AutoModelForSequenceClassification.from_config(config).eval()
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.dim() == 1:
                    parameter.add_(torch.randn_like(parameter) * 0.1)
        inputs = make_inputs(config)
        arguments = {key: inputs[key] for key in ("input_ids", "attention_mask")}
        if getattr(config, "type_vocab_size", 0) > 1:
            arguments["token_type_ids"] = inputs["token_type_ids"]
        output = model(**arguments, output_hidden_states=True)
        states = output.hidden_states[-1]
        ((output.logits * inputs["logits_slope"]).sum() + (states * inputs["state_slope"]).sum()).backward()
        directory = pathlib.Path(__file__).parent / "families" / name
        directory.mkdir(parents=True, exist_ok=True)
        kept = {key: value for key, value in config.to_dict().items() if key not in LEFT_OUT and value is not None}
        kept["architectures"] = [type(model).__name__]
        kept["problem_type"] = "single_label_classification"
        (directory / "config.json").write_text(json.dumps(kept, indent=1) + "\n")
        save_file({key: value.contiguous() for key, value in model.state_dict().items()}, directory / "model.safetensors",
                  metadata={"format": "pt"})
        mask = inputs["attention_mask"]
        save_file({**inputs, "last_hidden_state": (states * mask.unsqueeze(-1)).detach().contiguous(),
                   "head_state": head_state(model, states, mask).detach().contiguous(), "logits": output.logits.detach()},
                  directory / "expected.safetensors")
        save_file({key: value.grad for key, value in model.named_parameters()}, directory / "gradients.safetensors")


main()
