"""A rehearsal: a plan with a few rows of each task, one epoch and one seed. It finds what would stop the real run early: a missing
file, an option that a command does not take. Its scores say nothing."""
import fcntl
import json
import os
import pathlib
import re
import shutil
import subprocess

from .errors import UserError

TRAINING = ("teacher-finetune", "distill")
MARK = "rehearsal-data"  # a folder of an output directory that holds no real runs
ROWS = "rows"  # a file there


def rehearsed(plan, rows):
    """Two plans of one seed and one epoch: the first task with every configuration of every method, the others with the first one."""
    options = {command: dict(named) for command, named in plan.get("options", {}).items()}
    for command in (*TRAINING, "project"):
        options[command] = {**options.get(command, {}), "epochs": 1}
    for command in TRAINING:
        options[command]["batch-size"] = batch_size(rows)
    options["eval"] = {**options.get("eval", {}), "latency-examples": 0}
    tasks = [{**task, "rows": min(task.get("rows", rows), rows),
              "options": {command: shortened(named) for command, named in task.get("options", {}).items()}} for task in plan["tasks"]]
    methods = [{**method, "options": shortened(method.get("options", {})), "grid": [shortened(one) for one in method["grid"]]}
               for method in plan["methods"]]
    kbs = [{**kb, "project": shortened(kb["project"])} if "project" in kb else kb for kb in plan["kbs"]]
    short = {**plan, "options": options, "seeds": plan["seeds"][:1], "kbs": kbs}
    yield {**short, "tasks": tasks[:1], "methods": methods}
    yield {**short, "tasks": tasks[1:], "methods": [{**method, "grid": method["grid"][:1]} for method in methods]}


def batch_size(rows):
    """Enough steps for rco's trajectory."""
    return max(2, min(8, rows // 10))


def shortened(options):
    """Without what the rehearsal says for all."""
    return {name: value for name, value in options.items() if name not in ("epochs", "batch-size")}


def check_output(output, rehearse):
    """A rehearsal, real runs and a rehearsal of other rows do not share a directory."""
    marked = (output / MARK).is_dir()
    used = output.is_dir() and any(output.glob("plan-*.json"))
    if marked and not rehearse or used and rehearse and not marked:
        raise UserError(f"--output {output} holds {'a rehearsal' if marked else 'real runs'}: give another one")
    before = (output / MARK / ROWS).read_text().strip() if (output / MARK / ROWS).exists() else ""
    if before and before != str(rehearse):
        raise UserError(f"--output {output} holds a rehearsal of {before} rows: give --rehearse {before}, or another --output")


def folders_of(plan):
    """Those of the tasks, and of the files that options name with {glue}."""
    named = (folder.rstrip("/") for folder in re.findall(r'"\{glue\}/((?:[^"/]+/)*)[^"/]*"', json.dumps(plan)))
    return sorted({task.get("folder", "") for task in plan["tasks"]} | set(named))


def cut_data(glue, target, plan, rows):
    """The first rows of every file of the plan's folders. GLUE's files have one row a line, and CoLA's no header."""
    target.mkdir(exist_ok=True)
    replace(target / ROWS, f"{rows}\n".encode())
    for folder in folders_of(plan):
        (target / folder).mkdir(parents=True, exist_ok=True)
        for path in sorted((glue / folder).glob("*.tsv")):
            with open(path, "rb") as lines:
                replace(target / folder / path.name, b"".join(line for _, line in zip(range(rows + 1), lines)))
    return target


def replace(path, data):
    """Another driver may read what is there."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_bytes(data)
    temporary.replace(path)


def model_with_weights(settings, task, rows):
    """The model as it is; where it has no weights, a copy with random ones."""
    source = pathlib.Path(settings.model)
    if any(source.glob("*.safetensors*")):
        return settings.model
    made, target = settings.output / "rehearsal-start", settings.output / "rehearsal-model"
    with open(settings.output / MARK / ".lock", "w", encoding="utf-8") as lock:  # of several drivers one makes it
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (target / "model.safetensors").exists():
            make_weights(settings, source, task, rows, made, target)
    return str(target)


def make_weights(settings, source, task, rows, made, target):
    command = [settings.binary, "teacher-finetune", "--model", source, "--task", task["task"], "--data", settings.glue / task.get("folder", ""),
               "--init", "random", "--epochs", 1, "--batch-size", batch_size(rows), "--output", made, "--resume", "--quiet"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if done.returncode:
        raise UserError(f"--model {source}: random weights cannot be made of it: {done.stderr.strip()}")
    target.mkdir(exist_ok=True)
    for path in source.iterdir():  # not made's, which knows the first task
        if path.is_file() and path.suffix in (".json", ".txt", ".model"):
            shutil.copyfile(path, target / path.name)
    replace(target / "model.safetensors", (made / "model.safetensors").read_bytes())
