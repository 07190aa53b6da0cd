"""Training on ranks: `--ranks 2` with one thread each beside one process with two threads, and PyTorch's DistributedDataParallel with
Gloo beside the same loop in one process (rival.py). The efficiency is the rate on ranks over that of one process."""
import json

import measure
import workload

RANKS = 2
RATE = "examples_per_second"


def compare(context, task):
    work = context.work / f"ranks-{task}"
    data = workload.cut_data(context.glue, task, work / "data", context.examples)

    def ours(ranks):
        start = ["--ranks", ranks] if ranks > 1 else []
        measure.run([context.binary, *start, "teacher-finetune", "--model", context.model, "--task", task, "--data", data, "--validation",
                     "dev", "--epochs", 1, "--save-minutes", 0, "--precision", "fp32", "--output", work / "out", "--overwrite", "--quiet"],
                    {"OMP_NUM_THREADS": str(RANKS // ranks)})
        return {RATE: json.loads((work / "out" / "metrics.json").read_text())["timing"][RATE]}

    def rival(ranks):
        flags = ["--model", context.model, "--task", task, "--data", data, "--mode", "fp32"]
        command = [context.python, "-m", "torch.distributed.run", f"--nproc-per-node={ranks}", "--master-port=29533", context.rival_script]
        output = measure.run([*command, *flags] if ranks > 1 else [context.python, context.rival_script, *flags],
                             {"OMP_NUM_THREADS": str(RANKS // ranks)})
        return {RATE: json.loads(output)[RATE]}

    calls = {"reaugkd": lambda: ours(1), "reaugkd on ranks": lambda: ours(RANKS), "loop": lambda: rival(1), "loop with DDP": lambda: rival(RANKS)}
    return {"task": task, "rounds": measure.interleave(calls, context.rounds)}


def rows(context):
    for task in ("sst2", "rte"):
        yield compare(context, task)


def show(results):
    cells = []
    for r in results:
        rate = {name: measure.median(values[RATE]) for name, values in r["rounds"].items()}
        cells.append([r["task"], *(f"{rate[name]:.1f}" for name in rate), f"{rate['reaugkd on ranks'] / rate['reaugkd']:.2f}",
                      f"{rate['loop with DDP'] / rate['loop']:.2f}", f"{rate['reaugkd on ranks'] / rate['loop with DDP']:.2f}"])
    return measure.table(["data", "reaugkd, 2 threads", "reaugkd, 2 ranks", "loop, 2 threads", "loop, DDP on 2 ranks", "our efficiency",
                          "DDP's", "over DDP"], cells)
