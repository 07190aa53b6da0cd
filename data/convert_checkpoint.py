#!/usr/bin/env python3
"""Writes model.safetensors beside a pytorch_model.bin, which reaugkd does not read.

    data/convert_checkpoint.py DIR        # DIR/pytorch_model.bin, or its shards -> DIR/model.safetensors

Needs Python's torch and nothing else. It reads zip files and the older pickles. Tensors only are unpickled where torch
can tell (1.13 and later); with an older torch, convert only files that you trust. A tensor with two names is written
once: a head for masked words shares its matrix with the encoder, and the encoder's name is kept.
"""
import argparse
import json
import os
import pathlib
import pickle
import struct
import sys

import torch

DTYPES = {torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16",
          torch.int64: "I64", torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8",
          torch.bool: "BOOL"}
# What the names of heads begin with, which may share a matrix with the encoder (lib/models/other_heads.cpp).
HEADS = ("cls.", "lm_head.", "lm_predictions.", "predictions.", "vocab_projector.", "generator_lm_head.", "decoder.")


def load(path):
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except TypeError:  # torch 1.12 and older do not know the argument
        return torch.load(path, map_location="cpu")
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        sys.exit(f"{path}: cannot be read as a pickle of tensors: {str(error).splitlines()[0] if str(error) else 'it is empty'}")


def read_tensors(directory):
    index = directory / "pytorch_model.bin.index.json"
    if index.exists():
        names = sorted(set(json.loads(index.read_text())["weight_map"].values()))
    else:
        names = ["pytorch_model.bin"]
    tensors = {}
    for name in names:
        if not (directory / name).exists():
            sys.exit(f"{directory / name}: is missing")
        found = load(directory / name)
        if not isinstance(found, dict):
            sys.exit(f"{directory / name}: holds a {type(found).__name__}, expected a dictionary of names and tensors")
        for key, value in found.items():
            if not isinstance(value, torch.Tensor):
                sys.exit(f"{directory / name}: {key} is a {type(value).__name__}, expected a tensor: save the model's "
                         "state_dict() alone")
        tensors.update(found)
    return tensors


def without_copies(tensors):
    """Each tensor once: of names that share memory the encoder's, else the first."""
    seen, kept = {}, {}
    for name, value in sorted(tensors.items(), key=lambda item: (item[0].startswith(HEADS), item[0])):
        key = (value.data_ptr(), value.dtype, value.shape, value.stride())
        if value.numel() and key in seen:
            print(f"{name}: is {seen[key]}, left out")
            continue
        seen[key] = name
        kept[name] = value.contiguous()
    return kept


def write(tensors, path):
    header, offset = {"__metadata__": {"format": "pt"}}, 0  # some versions of transformers ask for it
    ordered = sorted(tensors.items(), key=lambda item: (-item[1].element_size(), item[0]))
    for name, value in ordered:
        size = value.numel() * value.element_size()
        header[name] = {"dtype": DTYPES[value.dtype], "shape": list(value.shape), "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    temporary = path.with_suffix(".tmp")
    with open(temporary, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, value in ordered:
            file.write(bytes(value.reshape(-1).view(torch.uint8).numpy()) if value.numel() else b"")
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=pathlib.Path)
    directory = parser.parse_args().directory
    target = directory / "model.safetensors"
    if target.exists():
        sys.exit(f"{target}: is there already; remove it to convert again")
    tensors = without_copies(read_tensors(directory))
    write(tensors, target)
    print(f"{target}: {len(tensors)} tensors")


if __name__ == "__main__":
    main()
