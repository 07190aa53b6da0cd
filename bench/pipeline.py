"""The five stages one after the other with their defaults: wall time and peak memory of each."""
import measure
import workload


def run_stages(context, task, examples):
    work = context.work / f"pipeline-{task}"
    data = workload.cut_data(context.glue, task, work / "data", examples, dev_examples=None)
    common = ["--data", data]
    stages = {
        "teacher-finetune": ["--model", context.model, "--task", task],
        "project": ["--teacher", work / "teacher-finetune", "--student", context.model],
        "build-kb": ["--teacher", work / "project"],
        "distill": ["--kb", work / "build-kb", "--student", context.model, "--student-layers", "0,2,4"],
        "eval": ["--model", work / "distill", "--kb", work / "build-kb"]}
    result = {"task": task, "rows": examples, "stages": {}}
    for stage, flags in stages.items():
        command = [context.binary, stage, *flags, *common, "--output", work / stage, "--quiet"]
        result["stages"][stage] = measure.run_measured(command)
    result["seconds"] = sum(stage["seconds"] for stage in result["stages"].values())
    return result


def rows(context):
    yield run_stages(context, "rte", None)
    yield run_stages(context, "sst2", 20000 if context.full else context.pipeline_rows)


def show(results):
    header = ["data", "whole, s", *(f"{stage}, s / MiB" for stage in results[0]["stages"])]
    cells = [[f"{r['task']}, {r['rows'] or 'all'} rows", f"{r['seconds']:.0f}",
              *(f"{s['seconds']:.1f} / {s['peak_mib']:.0f}" for s in r["stages"].values())] for r in results]
    return measure.table(header, cells)
