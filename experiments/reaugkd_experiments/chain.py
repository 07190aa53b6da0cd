"""What one task and seed of a plan consists of: the calls of the binary, their options and directories, in order."""
import contextlib
import fcntl
import json
import pathlib

ANCHORS = 4  # of the teacher's training, for rco
FROM_KB = ("reaugkd", "kd", "finetune")  # methods that learn from the knowledge base or the labels; others take --teacher


def flags(options):
    """{"alpha": 1, "sweep": true, "grid-k": [1, 4]} -> ["--alpha", "1", "--sweep", "--grid-k", "1,4"]; false: left out."""
    result = []
    for name, value in options.items():
        if value is True:
            result += [f"--{name}"]
        elif value is not False:
            result += [f"--{name}", ",".join(map(str, value)) if isinstance(value, list) else str(value)]
    return result


class Stage:
    """One call of the binary into one directory."""

    def __init__(self, directory, command, options):
        self.directory, self.command, self.options = directory, command, options

    def finished(self):
        return (self.directory / "metrics.json").exists() and "overwrite" not in self.options

    def metrics(self):
        return json.loads((self.directory / "metrics.json").read_text())

    @property
    def divergence(self):
        """A file beside the directory: the flags that it diverged with."""
        return self.directory.with_name(self.directory.name + ".diverged")

    def diverged(self):
        """With these very options, in an earlier start."""
        return self.divergence.exists() and self.divergence.read_text() == " ".join(flags(self.options))

    def made_of(self, option):
        """What a finished run was given."""
        try:
            return json.loads((self.directory / "run.json").read_text())["options"][option]
        except (OSError, ValueError, KeyError):
            return None


class Chain:
    """All stages of one task and seed, in order."""

    def __init__(self, plan, args, task, seed):
        self.plan, self.args, self.task, self.seed = plan, args, task, seed
        self.name = task["name"]
        self.failed = set()  # directories
        self.made = 0  # stages that were not there before
        self.lock = None
        self.root = args.output / self.name / f"seed-{seed}"
        self.data = args.glue / task["folder"] if task.get("folder") else args.glue

    @contextlib.contextmanager
    def locked(self):
        """True, or False where another driver works on this task and seed, or a stage that outlived one: it inherits the file."""
        self.root.mkdir(parents=True, exist_ok=True)
        with open(self.root / ".lock", "w", encoding="utf-8") as self.lock:
            try:
                fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True

    def stage(self, name, command, *more):
        options = {"data": self.data, "seed": self.seed, "output": self.root / name, "resume": True}
        for source in (self.plan.get("options", {}), self.task.get("options", {})):
            options.update(source.get(command, {}))
        for extra in more:
            options.update(extra)
        options = {key: value.replace("{glue}", str(self.args.glue)) if isinstance(value, str) else value
                   for key, value in options.items()}
        return Stage(self.root / name, command, options)

    def teacher_stages(self):
        methods = {method["method"] for method in self.plan["methods"]}
        model = {"model": self.args.model, "task": self.task["task"]}
        teacher = self.stage("teacher", "teacher-finetune", model)
        kept = teacher.made_of("keep_trajectory") if teacher.finished() else None  # a finished one stays as it is
        if kept is None and self.plan["keeps_trajectory"]:
            kept = ANCHORS
        yield self.stage("teacher", "teacher-finetune", model, {"keep-trajectory": kept} if kept else {})
        yield self.stage("projected", "project", {"teacher": self.root / "teacher", "student": self.student_model()})
        yield self.stage("kb", "build-kb", {"teacher": self.root / "projected"})
        for kb in self.plan["kbs"]:
            extended = {"extend": self.root / "kb"} if "extend-files" in kb.get("options", {}) else {}
            yield self.stage(f"kb-{kb['name']}", "build-kb", {"teacher": self.root / "projected"}, extended,
                             kb.get("options", {}))
        if "sftn" in methods:
            yield self.stage("friendly", "teacher-finetune", model,
                             {"student-friendly": self.student_model(), "student-layers": self.plan["student_layers"]})
        if "takd" in methods:
            yield self.stage("assistant", "distill", self.student(self.plan["assistant_layers"]),
                             {"method": "kd", "teacher": self.root / "teacher"})

    def student_model(self):
        return self.plan.get("student", str(self.args.model))

    def student(self, layers):
        return {"student": self.student_model(), "student-layers": layers}

    def kb(self, *uses):
        """The knowledge base that the first of these methods or evaluations names, or the plain one."""
        named = [use["kb"] for use in uses if use.get("kb")]
        return self.root / ("kb-" + named[0] if named else "kb")

    def sources(self, method):
        if method["method"] in FROM_KB:
            return {"kb": self.kb(method)}
        if method.get("teacher") == "pretrained":
            return {"teacher": self.args.model, "kb": self.kb(method)}  # the KB says which task and split
        own = {"takd": "assistant", "sftn": "friendly"}
        return {"teacher": self.root / own.get(method["method"], "teacher")}

    def method_stage(self, method, configuration):
        name = method["name"]
        if len(method["grid"]) > 1:
            name += f"@{configuration}"
        return self.stage(f"student-{name}", "distill", self.student(self.plan["student_layers"]),
                          {"method": method["method"]}, self.sources(method), method.get("options", {}),
                          method["grid"][configuration])

    def eval_stages(self, method, student):
        """The student as it is, and the plan's further evaluations of it."""
        made = set()  # knowledge bases with the student's keys, which several evaluations may share
        for evaluation in [{}] + self.plan["evals"]:
            if method["name"] not in evaluation.get("methods", [method["name"]]):
                continue
            name = f"eval-{method['name']}" + (f"@{evaluation['name']}" if evaluation else "")
            teacher = {} if evaluation else {"teacher": self.root / "teacher"}
            kb = self.kb(evaluation, method)
            if evaluation.get("keys"):  # the student's own, over the rows of this knowledge base
                own = self.stage(f"{kb.name}-of-{method['name']}", "build-kb", {"extend": kb, "keys": student})
                if own.directory not in made:
                    yield replacing(own, "keys", student)
                made.add(own.directory)
                kb = own.directory
            yield replacing(self.stage(name, "eval", {"model": student, "kb": kb}, teacher,
                                       method.get("eval_options", {}), evaluation.get("options", {})), "model", student)


def replacing(stage, option, student):
    """A finished one of another configuration's student is made again: another was chosen since."""
    was = stage.made_of(option) if stage.finished() else None
    if was is not None and pathlib.Path(was).name != student.name:
        del stage.options["resume"]
        stage.options["overwrite"] = True
    return stage
