#!/usr/bin/env python3
"""data/convert_checkpoint.py on checkpoints that transformers made: convert_checkpoint.py BINARY SOURCE

A small random model of each family, with a head for masked words, which shares its matrix with the encoder, and with a
classifier; as a zip file, as an older pickle, and in shards. Each tensor of the encoder must be there under its name, with
its bytes; transformers and `reaugkd teacher-finetune` must load the result. Then what the script must refuse. Exit code 77
(skipped) without torch and transformers.
"""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

try:
    import torch
    import transformers
    from safetensors.torch import load_file
    transformers.logging.disable_progress_bar()
    transformers.logging.set_verbosity_error()
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

SHAPE = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48,
         "max_position_embeddings": 80}
OFFSET = {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2, "type_vocab_size": 1}
DISTIL = {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 48, "max_position_embeddings": 80}
failures = 0


def fail(message):
    global failures
    failures += 1
    print(f"FAILED: {message}")


def families(vocab_size):
    """(name, model with a head for masked words, model with a classifier)"""
    t = transformers
    for name, config in (("Bert", t.BertConfig(**SHAPE)), ("DistilBert", t.DistilBertConfig(**DISTIL)),
                         ("Roberta", t.RobertaConfig(**SHAPE, **OFFSET)), ("XLMRoberta", t.XLMRobertaConfig(**SHAPE, **OFFSET)),
                         ("Electra", t.ElectraConfig(**SHAPE, embedding_size=24)),
                         ("Albert", t.AlbertConfig(**SHAPE, embedding_size=24))):
        config.vocab_size = vocab_size
        for head in ("MaskedLM", "SequenceClassification"):
            yield f"{name}For{head}", getattr(t, f"{name}For{head}")(config)


def save_zip(tensors, directory):
    torch.save(tensors, directory / "pytorch_model.bin")


def save_legacy(tensors, directory):
    torch.save(tensors, directory / "pytorch_model.bin", _use_new_zipfile_serialization=False)


def save_shards(tensors, directory):
    names = sorted(tensors)
    files = [f"pytorch_model-0000{i + 1}-of-00003.bin" for i in range(3)]
    for i, file in enumerate(files):
        torch.save({name: tensors[name] for name in names[i::3]}, directory / file)
    where = {name: files[i % 3] for i, name in enumerate(names)}
    (directory / "pytorch_model.bin.index.json").write_text(json.dumps({"metadata": {}, "weight_map": where}))


def run(*command):
    return subprocess.run([*map(str, command)], capture_output=True, text=True)


def convert(source, directory):
    return run(sys.executable, source / "data/convert_checkpoint.py", directory)


def check_tensors(what, model, directory):
    """The encoder under its own names, and nothing twice but for what lies in different shards."""
    found = load_file(directory / "model.safetensors")
    prefix = model.base_model_prefix + "."
    for name, value in model.base_model.state_dict().items():
        if prefix + name not in found:
            fail(f"{what}: {prefix + name} is not there; there are {sorted(found)}")
        elif not torch.equal(found[prefix + name], value):
            fail(f"{what}: {prefix + name} has other values")


def check_loads(what, binary, model, directory, source, work):
    loaded, info = type(model).from_pretrained(directory, output_loading_info=True)
    if info["missing_keys"]:
        fail(f"{what}: transformers misses {info['missing_keys']}")
    for name, value in model.state_dict().items():
        if not torch.equal(loaded.state_dict()[name], value):
            fail(f"{what}: transformers reads other values of {name}")
    shutil.rmtree(work / "out", ignore_errors=True)
    done = run(binary, "teacher-finetune", "--model", directory, "--task", "sst2", "--data", source / "data/demo", "--output",
               work / "out", "--max-train-examples", 20, "--epochs", 1, "--max-seq-length", 48, "--threads", 1)
    if done.returncode != 0:
        fail(f"{what}: reaugkd ends with {done.returncode}: {done.stderr}")


def round_trips(binary, source):
    vocab = source / "data/demo/teacher/vocab.txt"
    torch.manual_seed(1)
    for name, model in families(len(vocab.read_text().splitlines())):
        for save in (save_zip, save_legacy, save_shards) if name.endswith("MaskedLM") else (save_zip,):
            what = f"{name}, {save.__name__}"
            with tempfile.TemporaryDirectory() as folder:
                work = pathlib.Path(folder)
                directory = work / "model"
                directory.mkdir()
                model.config.architectures = [name]
                model.config.save_pretrained(directory)
                shutil.copy(vocab, directory)
                save(model.state_dict(), directory)
                done = convert(source, directory)
                if done.returncode != 0:
                    fail(f"{what}: {done.stdout}{done.stderr}")
                    continue
                if name.endswith("MaskedLM") and save is not save_shards and "left out" not in done.stdout:
                    fail(f"{what}: no shared tensor was found: the test shows nothing")
                check_tensors(what, model, directory)
                check_loads(what, binary, model, directory, source, work)


def refusals(source):
    def refused(what, message, prepare):
        with tempfile.TemporaryDirectory() as folder:
            directory = pathlib.Path(folder)
            prepare(directory)
            before = sorted(path.name for path in directory.iterdir())
            done = convert(source, directory)
            if done.returncode == 0 or message not in done.stderr or "Traceback" in done.stderr:
                fail(f"{what}: exit code {done.returncode}, expected '{message}': {done.stderr}")
            if sorted(path.name for path in directory.iterdir()) != before:
                fail(f"{what}: a file was left")

    class Harmful:
        def __reduce__(self):
            return (print, ("executed",))

    bin_ = "pytorch_model.bin"
    refused("nothing there", "pytorch_model.bin: is missing", lambda directory: None)
    refused("no pickle", "cannot be read as a pickle of tensors", lambda directory: (directory / bin_).write_bytes(b"weights"))
    refused("empty", "cannot be read as a pickle of tensors", lambda directory: (directory / bin_).write_bytes(b""))
    refused("code in a pickle", "cannot be read as a pickle of tensors",
            lambda directory: torch.save({"a": Harmful()}, directory / bin_))
    refused("a list", "holds a list, expected a dictionary", lambda directory: torch.save([torch.zeros(1)], directory / bin_))
    refused("a training's checkpoint", "model is a dict, expected a tensor: save the model's state_dict() alone",
            lambda directory: torch.save({"model": {"a": torch.zeros(1)}}, directory / bin_))
    refused("converted before", "is there already",
            lambda directory: [save_zip({"a": torch.zeros(1)}, directory), (directory / "model.safetensors").write_bytes(b"x")])


def main():
    binary, source = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    round_trips(binary, source)
    refusals(source)
    print("convert_checkpoint: " + (f"{failures} checks failed" if failures else "passed"))
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
