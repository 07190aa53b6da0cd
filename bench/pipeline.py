"""The five stages one after the other: wall time and peak memory, beside a Python script that does the same (rival_job.py)."""
import json
import pathlib

import measure
import workload

JOB = pathlib.Path(__file__).with_name("rival_job.py")
LAYERS = "0,2,4"


def run_stages(context, work, task, data):
    """Our five commands with their defaults, without eval's measurement of latency."""
    stages = {
        "teacher-finetune": ["--model", context.model, "--task", task],
        "project": ["--teacher", work / "teacher-finetune", "--student", context.model],
        "build-kb": ["--teacher", work / "project", "--index", "hnsw", "--index-threads", context.threads],
        "distill": ["--kb", work / "build-kb", "--student", context.model, "--student-layers", LAYERS],
        "eval": ["--model", work / "distill", "--kb", work / "build-kb", "--latency-examples", 0]}
    result = {stage: measure.run_measured([context.binary, stage, *flags, "--data", data, "--output", work / stage, "--overwrite", "--quiet"])
              for stage, flags in stages.items()}
    metrics = json.loads((work / "eval" / "metrics.json").read_text())
    return {"seconds": {stage: one["seconds"] for stage, one in result.items()}, "whole": sum(one["seconds"] for one in result.values()),
            "peak_mib": max(one["peak_mib"] for one in result.values()), "metrics": metrics}


def run_script(context, task, data):
    command = [context.python, JOB, "--model", context.model, "--data", data, "--task", task, "--layers", LAYERS]
    output = context.work / "job.json"
    measured = measure.run_measured(command, output)
    printed = json.loads(output.read_text())
    return {"seconds": printed["seconds"], "whole": measured["seconds"], "peak_mib": measured["peak_mib"], "scores": printed["scores"]}


def compare(context, task, examples):
    work = context.work / f"pipeline-{task}"
    data = workload.cut_data(context.glue, task, work / "data", examples, dev_examples=None)
    rounds = []
    for _ in range(context.rounds):
        rounds.append({"reaugkd": run_stages(context, work, task, data), "Python": run_script(context, task, data)})
    return {"task": task, "rows": examples, "rounds": rounds}


def rows(context):
    yield compare(context, "rte", None)
    yield compare(context, "sst2", 20000 if context.full else context.pipeline_rows)


def show(results):
    stages = list(results[0]["rounds"][0]["reaugkd"]["seconds"])
    cells = []
    for r in results:
        for who in ("reaugkd", "Python"):
            of = [one[who] for one in r["rounds"]]
            whole = [one["whole"] for one in of]
            over = measure.median(whole) / measure.median([one["reaugkd"]["whole"] for one in r["rounds"]])
            cells.append([f"{r['task']}, {r['rows'] or 'all'} rows", who, f"{measure.median(whole):.0f}", f"{over:.2f}",
                          f"{100 * measure.spread(whole):.0f} %", f"{measure.median([one['peak_mib'] for one in of]):.0f}",
                          *(f"{measure.median([one['seconds'][stage] for one in of]):.1f}" for stage in stages)])
    return measure.table(["data", "by", "whole, s", "over reaugkd", "spread", "peak, MiB", *stages], cells)
