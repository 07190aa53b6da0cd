"""Inference of a trained classifier: `eval`'s own figures beside plain PyTorch on the same rows, batches and model.

Throughput at batch 32 in the order of the file; latency is the median of one row at a time.
"""
import json

import measure
import workload

ROWS = 256  # of dev: eight batches of 32, the first LATENCY_ROWS of them one by one
LATENCY_ROWS = 100


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

    def pytorch(mode):
        return json.loads(context.pytorch("--model", trained, "--task", task, "--data", data, "--mode", mode,
                                          "--inference", LATENCY_ROWS))

    calls = {"reaugkd fp32": lambda: ours("fp32"), "reaugkd bf16": lambda: ours("bf16")}
    calls.update({f"pytorch {mode}": lambda mode=mode: pytorch(mode) for mode in ("default", "fp32", "best")})
    results = measure.interleave(calls, context.rounds)
    row = {"what": name, "task": task, "rounds": results}
    for precision, baseline in (("fp32", "pytorch fp32"), ("bf16", "pytorch best")):
        own = f"reaugkd {precision}"
        row[precision] = {
            "examples_per_second": measure.median(results[own]["examples_per_second"]),
            "latency_ms": measure.median(results[own]["latency_ms"]),
            "spread": measure.spread(results[own]["examples_per_second"]),
            "throughput_over_default": measure.ratio(results, "examples_per_second", own, "pytorch default"),
            "throughput_over_same": measure.ratio(results, "examples_per_second", own, baseline),
            "latency_over_default": measure.ratio(results, "latency_ms", "pytorch default", own),
            "latency_over_same": measure.ratio(results, "latency_ms", baseline, own)}
    return row


def rows(context):
    for task in ("sst2", "rte"):
        yield compare(context, "checkpoint", context.model, "pretrained", task)
    base = workload.base_model(context.model, context.work / "base-6-layers", num_hidden_layers=6)
    yield compare(context, "BERT-Base of 6 layers", base, "random", "rte")


def show(results):
    header = ["model", "data", "precision", "examples/s at 32", "over PyTorch default", "over the same precision",
              "ms at 1", "PyTorch default over it", "the same precision over it", "spread"]
    cells = [[r["what"], r["task"], p, f"{r[p]['examples_per_second']:.0f}", f"{r[p]['throughput_over_default']:.2f}",
              f"{r[p]['throughput_over_same']:.2f}", f"{r[p]['latency_ms']:.2f}",
              f"{r[p]['latency_over_default']:.2f}", f"{r[p]['latency_over_same']:.2f}", f"{100 * r[p]['spread']:.0f} %"]
             for r in results for p in ("fp32", "bf16")]
    return measure.table(header, cells)
