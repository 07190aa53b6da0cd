"""A trained classifier in ONNX Runtime and CTranslate2: what rival.py times beside PyTorch.

Each function takes rival.py's arguments, model and encoded rows and returns answer(batch), which gives the logits of a batch
(tensors as rival.collate makes them) as an array.
"""
import contextlib
import io
import json
import pathlib
import shutil
import tempfile
import warnings

import numpy as np
import torch


def onnx(args, model, batch):
    import onnxruntime
    folder = tempfile.TemporaryDirectory()
    path = pathlib.Path(folder.name, "model.onnx")
    inputs = {key: value for key, value in batch.items() if key != "labels"}
    sizes = {key: {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC} for key in inputs}
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(model, (), path, kwargs=inputs, dynamo=True, dynamic_shapes=sizes, verbose=False)
    if args.mode == "onnx-int8":
        from onnxruntime.quantization import QuantType, quantize_dynamic
        small = pathlib.Path(folder.name, "int8.onnx")
        quantize_dynamic(path, small, weight_type=QuantType.QInt8)
        path = small
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = {value.name for value in session.get_inputs()}

    def answer(batch):
        return session.run(None, {key: value.numpy() for key, value in batch.items() if key in names})[0]

    answer.folder = folder  # as long as the session
    return answer


def ctranslate2(args, model, batch):
    import ctranslate2 as runtime
    folder = tempfile.TemporaryDirectory()
    output = pathlib.Path(folder.name, "converted")
    kind = "int8" if args.mode == "ctranslate2-int8" else "float32"
    source = pathlib.Path(folder.name, "model")
    shutil.copytree(args.model, source)
    config = json.loads((source / "config.json").read_text())
    # A key that its converter reads and transformers 5 no longer has.
    (source / "config.json").write_text(json.dumps(config | {"position_embedding_type": "absolute"}))
    runtime.converters.TransformersConverter(str(source)).convert(str(output), quantization=kind)
    encoder = runtime.Encoder(str(output), device="cpu", compute_type=kind, intra_threads=torch.get_num_threads())
    weight, bias = model.classifier.weight.detach().numpy(), model.classifier.bias.detach().numpy()

    def answer(batch):
        lengths = batch["attention_mask"].sum(1).tolist()
        ids = [row[:length] for row, length in zip(batch["input_ids"].tolist(), lengths)]
        types = [row[:length] for row, length in zip(batch["token_type_ids"].tolist(), lengths)]
        return np.array(encoder.forward_batch(ids, token_type_ids=types).pooler_output) @ weight.T + bias

    answer.folder = folder
    return answer


RUNTIMES = {"onnx": onnx, "onnx-int8": onnx, "ctranslate2": ctranslate2, "ctranslate2-int8": ctranslate2}
