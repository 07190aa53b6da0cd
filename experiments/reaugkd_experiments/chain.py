"""A chain: all stages of one task and one seed, in the order in which they run."""
import contextlib
import fcntl

from .stage import Stage

ANCHORS = 4  # snapshots of the teacher's training that rco needs
FROM_KNOWLEDGE_BASE = ("reaugkd", "kd", "finetune")  # the other methods learn from a teacher's weights
OWN_TEACHER = {"takd": "assistant", "sftn": "friendly"}  # method -> directory


class Chain:
    def __init__(self, plan, settings, task, seed):
        self.plan, self.settings, self.task, self.seed = plan, settings, task, seed
        self.name = task["name"]
        self.title = f"{self.name} seed {seed}"
        self.tunes = seed == plan["seeds"][0]
        self.failed = set()  # directories
        self.made = 0  # stages that this driver has made
        self.lock = None
        self.root = settings.output / self.name / f"seed-{seed}"
        self.data = settings.glue / task.get("folder", "")

    @contextlib.contextmanager
    def locked(self):
        """Yields True. Yields False if another driver works on this chain, or a stage that outlived its driver.

        A stage inherits the open file, and with it the lock.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        with open(self.root / ".lock", "w", encoding="utf-8") as self.lock:
            try:
                fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True

    def stage(self, name, command, *more):
        """Later options win: the plan's, then the task's, then `more`."""
        options = {"data": self.data, "seed": self.seed, "output": self.root / name, "resume": True}
        for source in (self.plan.get("options", {}), self.task.get("options", {})):
            options.update(source.get(command, {}))
        for extra in more:
            options.update(extra)
        options = {key: value.replace("{glue}", str(self.settings.glue)) if isinstance(value, str) else value
                   for key, value in options.items()}
        return Stage(self.root / name, command, options)

    def teacher_stage(self):
        stage = self.stage("teacher", "teacher-finetune", self.pretrained())
        kept = stage.made_with("keep_trajectory") if stage.finished() else None  # a finished teacher stays as it is
        if kept is None and self.plan["keeps_trajectory"]:
            kept = ANCHORS
        if kept:
            stage.options["keep-trajectory"] = kept
        return stage

    def teacher_stages(self):
        """The teacher and everything that is made from it before any student."""
        methods = {method["method"] for method in self.plan["methods"]}
        yield self.teacher_stage()
        yield self.stage("projected", "project", {"teacher": self.root / "teacher", "student": self.student_model()})
        yield self.stage("kb", "build-kb", {"teacher": self.root / "projected"})
        for kb in self.plan["kbs"]:
            projected = "projected"
            if kb.get("project"):  # keys in another space
                projected = f"projected-{kb['name']}"
                yield self.stage(projected, "project", {"teacher": self.root / "teacher", "student": self.student_model()}, kb["project"])
            extended = {"extend": self.root / "kb"} if "extend-files" in kb.get("options", {}) else {}
            yield self.stage(f"kb-{kb['name']}", "build-kb", {"teacher": self.root / projected}, extended, kb.get("options", {}))
        if "sftn" in methods:
            yield self.stage("friendly", "teacher-finetune", self.pretrained(),
                             {"student-friendly": self.student_model(), "student-layers": self.plan["student_layers"]})
        if "takd" in methods:
            yield self.stage("assistant", "distill", self.student(self.plan["assistant_layers"]),
                             {"method": "kd", "teacher": self.root / "teacher"})

    def pretrained(self):
        return {"model": self.settings.model, "task": self.task["task"]}

    def student_model(self):
        return self.plan.get("student", str(self.settings.model))

    def student(self, layers):
        return {"student": self.student_model(), "student-layers": layers}

    def knowledge_base(self, *uses):
        """The knowledge base that the first of these methods or evaluations names, or the plain one."""
        named = [use["kb"] for use in uses if use.get("kb")]
        return self.root / (f"kb-{named[0]}" if named else "kb")

    def sources(self, method):
        """What a method learns from."""
        if method["method"] in FROM_KNOWLEDGE_BASE:
            return {"kb": self.knowledge_base(method)}
        if method.get("teacher") == "pretrained":  # the knowledge base then says which task and split
            return {"teacher": self.settings.model, "kb": self.knowledge_base(method)}
        return {"teacher": self.root / OWN_TEACHER.get(method["method"], "teacher")}

    def method_stage(self, method, configuration):
        name = f"student-{method['name']}" + (f"@{configuration}" if len(method["grid"]) > 1 else "")
        return self.stage(name, "distill", self.student(self.plan["student_layers"]), {"method": method["method"]},
                          self.sources(method), method.get("options", {}), method["grid"][configuration])

    def eval_stages(self, method, student):
        """The student as it is, then the plan's further evaluations of the same student."""
        made = set()  # knowledge bases with the student's keys, which several evaluations may share
        for evaluation in [{}] + self.plan["evals"]:
            if method["name"] not in evaluation.get("methods", [method["name"]]):
                continue
            kb = self.knowledge_base(evaluation, method)
            if evaluation.get("keys"):  # the student's own embeddings, over the rows of this knowledge base
                own = self.stage(f"{kb.name}-of-{method['name']}", "build-kb", {"extend": kb, "keys": student})
                if own.directory not in made:
                    yield own.replaced_unless_made_from("keys", student)
                made.add(own.directory)
                kb = own.directory
            name = f"eval-{method['name']}" + (f"@{evaluation['name']}" if evaluation else "")
            teacher = {} if evaluation else {"teacher": self.root / "teacher"}
            stage = self.stage(name, "eval", {"model": student, "kb": kb}, teacher, method.get("eval_options", {}),
                               evaluation.get("options", {}))
            yield stage.replaced_unless_made_from("model", student)
