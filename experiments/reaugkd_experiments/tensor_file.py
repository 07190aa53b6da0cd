"""Reads safetensors files: eight bytes of header length, a JSON header, raw tensors."""
import json

import numpy as np

from .errors import UserError

DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "BOOL": "?"}


def read_tensors(path):
    """The tensors by name, and the metadata."""
    try:
        content = path.read_bytes()
        start = 8 + int.from_bytes(content[:8], "little")
        header = json.loads(content[8:start])
        metadata = header.pop("__metadata__", {})
        tensors = {}
        for name, entry in header.items():
            begin, end = entry["data_offsets"]
            values = np.frombuffer(content[start + begin:start + end], dtype=DTYPES[entry["dtype"]])
            tensors[name] = values.reshape(entry["shape"])
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise UserError(f"{path}: cannot read the tensors: {error}") from error
    return tensors, metadata
