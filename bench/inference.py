"""Inference of a trained classifier: `eval`'s own figures beside PyTorch, ONNX Runtime and CTranslate2 (rival.py) on the same rows.

Throughput at batch 32, rows sorted by length on all sides; latency is the median of one row at a time.
"""
import json
import pathlib
import subprocess

import measure
import workload

ROWS = 256  # of dev: eight batches of 32, the first LATENCY_ROWS of them one by one
LATENCY_ROWS = 100
RIVALS = {"fp32": ("fp32", "compile", "onnx", "ctranslate2"), "bf16 or int8": ("bf16", "onnx-int8", "ctranslate2-int8")}


def compare(context, name, model, init, task):
    work = context.work / f"inference-{name}-{task}".replace(" ", "_")
    data = workload.cut_data(context.glue, task, work / "data", 64, dev_examples=ROWS)
    trained = work / "trained"
    context.reaugkd("teacher-finetune", "--model", model, "--init", init, "--task", task, "--data", data,
                    "--validation", "dev", "--epochs", 1, "--save-minutes", 0, "--output", trained)

    def ours(precision):
        context.reaugkd("eval", "--model", trained, "--data", data, "--precision", precision, "--eval-batch-size", 32,
                        "--latency-examples", LATENCY_ROWS, "--output", work / "eval", "--overwrite")
        latency = json.loads((work / "eval" / "metrics.json").read_text())["latency"]
        return {"examples_per_second": latency["throughput"]["model"],
                "latency_ms": latency["batch_1"]["model"]["p50_ms"]}

    features = set(pathlib.Path("/proc/cpuinfo").read_text().split())
    on_cpu = context.device == "cpu"
    precisions = ["fp32"]
    modes = [mode for modes in RIVALS.values() for mode in modes] if on_cpu else ["fp32", "compile", "bf16"]
    if not on_cpu or features & {"amx_bf16", "avx512_bf16"}:
        precisions.append("bf16")
    else:
        modes.remove("bf16")  # it would be emulated
    libraries = subprocess.run(["ldd", context.bin.parent / "lib" / "reaugkd" / "reaugkd"], capture_output=True, text=True, check=False).stdout
    if on_cpu and "libdnnl" in libraries and "avx512_vnni" in features and "amx_int8" not in features:
        precisions.append("int8")
    calls = {f"reaugkd {precision}": lambda precision=precision: ours(precision) for precision in precisions}
    for mode in modes:
        calls[mode] = lambda mode=mode: context.rival("--model", trained, "--task", task, "--data", data, "--mode", mode,
                                                      "--inference", LATENCY_ROWS)
    return {"what": name, "task": task, "rounds": measure.interleave(calls, context.rounds)}


def rows(context):
    for task in ("sst2", "rte"):
        yield compare(context, "checkpoint", context.model, "pretrained", task)
    base = workload.base_model(context.model, context.work / "base-6-layers", num_hidden_layers=6)
    yield compare(context, "BERT-Base of 6 layers", base, "random", "rte")


def show(results):
    names = list(results[0]["rounds"])

    def cells(key, form):
        return [[r["what"], r["task"], *(form.format(measure.median(r["rounds"][name][key])) for name in names)] for r in results]

    return ("examples a second at batch 32:\n\n" + measure.table(["model", "data", *names], cells("examples_per_second", "{:.0f}"))
            + "\n\nmilliseconds for one:\n\n" + measure.table(["model", "data", *names], cells("latency_ms", "{:.2f}")))
