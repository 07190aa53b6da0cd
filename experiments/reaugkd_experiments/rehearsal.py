"""A rehearsal: a plan with a few rows of each task, one epoch and one seed. It finds what would stop the real run early: a missing
file, an option that a command does not take. Its scores say nothing."""
import contextlib
import fcntl
import itertools
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
TEXTS = (".tsv", ".csv", ".jsonl", ".txt")  # are cut, by lines; other files are taken whole


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
    if marked:
        check_rows(output / MARK, rehearse)


def check_rows(target, rows):
    path = target / ROWS
    before = path.read_text().strip() if path.exists() else ""
    if before and before != str(rows):
        raise UserError(f"--output {target.parent} holds a rehearsal of {before} rows: give --rehearse {before}, or another --output")
    if not before and any(target.glob("*/")):
        raise UserError(f"--output {target.parent} holds a rehearsal of an older version: give another one")


@contextlib.contextmanager
def locked(output):
    """Of several drivers with one output directory, one makes what all need."""
    with open(output / MARK / ".lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def files_of(glue, plan):
    """Below glue: all of the tasks' folders, and what options name with {glue}."""
    named = {pathlib.Path(name) for name in re.findall(r'\{glue\}/([^,"]+)', json.dumps(plan, ensure_ascii=False))}
    folders = {pathlib.Path(task.get("folder", "")) for task in plan["tasks"]} | {path for path in named if (glue / path).is_dir()}
    inside = {path.relative_to(glue) for folder in folders for path in (glue / folder).glob("*.tsv")}
    return sorted(inside | {path for path in named if (glue / path).is_file()})


def cut_data(glue, output, plan, rows):
    """The first rows of every file that the plan needs. GLUE's files have one row a line, and CoLA's no header."""
    target = output / MARK
    target.mkdir(exist_ok=True)
    with locked(output):
        check_rows(target, rows)
        replace(target / ROWS, f"{rows}\n".encode())
        for path in files_of(glue, plan):
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            with open(glue / path, "rb") as lines:
                replace(target / path, b"".join(itertools.islice(lines, rows + 1)) if path.suffix in TEXTS else lines.read())
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
    target = settings.output / "rehearsal-model"
    with locked(settings.output):
        make_weights(settings, source, task, rows, settings.output / "rehearsal-start", target)
    return str(target)


def make_weights(settings, source, task, rows, made, target):
    command = [settings.binary, "teacher-finetune", "--model", source, "--task", task["task"], "--data", settings.glue / task.get("folder", ""),
               "--init", "random", "--epochs", 1, "--batch-size", batch_size(rows), "--output", made, "--resume", "--quiet"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if done.returncode:
        raise UserError(f"--model {source}: random weights cannot be made of it: {done.stderr.strip()}")
    target.mkdir(exist_ok=True)
    for path in source.iterdir():  # not those of `made`, which knows the first task
        if path.is_file() and path.suffix in (".json", ".txt", ".model"):
            replace(target / path.name, path.read_bytes())
    replace(target / "model.safetensors", (made / "model.safetensors").read_bytes())
