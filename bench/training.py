"""Training throughput of `teacher-finetune` and `distill` beside transformers (rival.py).

A ratio is reaugkd's median over the rival's. The fastest rival is the fastest of all modes, whatever their precision. The share of
the machine's rate is the model's operations for real tokens a second over what its dense products reach alone in the precision
that auto takes (ceilings.cpp), measured in the same rounds.
"""
import json

import measure
import workload

STUDENT_LAYERS = "0,2,4"
LOOPS = ("bf16", "fp32", "compile")
TRAINERS = ("trainer-best", "trainer")
RATE = "examples_per_second"


class Row:
    """One model on one set of rows."""

    def __init__(self, context, name, model, task, examples, init="pretrained", full_length=False, rivals=LOOPS + TRAINERS):
        self.context, self.name, self.model, self.task, self.init = context, name, model, task, init
        self.rivals = rivals
        self.work = context.work / f"training-{name}-{task}".replace(" ", "_")
        self.data = workload.cut_data(context.glue, task, self.work / "data", examples, full_length=full_length)
        self.config = json.loads((model / "config.json").read_text())
        self.examples = examples

    def stage(self, command, output, *flags):
        self.context.reaugkd(command, "--data", self.data, "--output", self.work / output, "--overwrite", *flags)

    def rate(self, output):
        metrics, run = (json.loads((self.work / output / name).read_text()) for name in ("metrics.json", "run.json"))
        return {RATE: metrics["timing"][RATE], "precision": run["machine"]["precision"]}

    def train(self, precision):
        self.stage("teacher-finetune", "teacher", "--model", self.model, "--init", self.init, "--task", self.task,
                   "--validation", "dev", "--epochs", 1, "--save-minutes", 0, "--precision", precision)
        return self.rate("teacher")

    def rival(self, mode, *flags):
        return self.context.rival("--model", self.model, "--init", self.init, "--task", self.task, "--data", self.data,
                                  "--mode", mode, *flags)

    def ceiling(self):
        rates = self.context.ceilings(self.config["hidden_size"])["flops_per_second"]
        return {precision: by_width[str(self.config["hidden_size"])] for precision, by_width in rates.items()}

    def measure(self, ours, layers=None, *flags):
        calls = {"reaugkd": lambda: ours("auto"), "reaugkd fp32": lambda: ours("fp32")}
        if self.context.device == "cpu":
            calls["ceiling"] = self.ceiling
        calls |= {mode: lambda mode=mode: self.rival(mode, *flags) for mode in self.rivals}
        results = measure.interleave(calls, self.context.rounds)
        tokens, squares = (results[self.rivals[0]][key][0] for key in ("mean_tokens", "mean_square_tokens"))
        rate = measure.median(results["reaugkd"][RATE])
        precision = results["reaugkd"]["precision"][0]
        flops = workload.training_flops(self.config, tokens, squares, layers)
        rival_rates = {mode: measure.median(results[mode][RATE]) for mode in self.rivals}
        fastest = max(rival_rates, key=rival_rates.get)
        ceiling = results.get("ceiling")  # none is measured on a GPU
        return {"what": self.name, "task": self.task, "examples": self.examples, "mean_tokens": tokens, "rounds": results,
                RATE: rate, "spread": measure.spread(results["reaugkd"][RATE]), "tokens_per_second": rate * tokens,
                "precision": precision, "share": ceiling and rate * flops / measure.median(ceiling[precision]),
                "fp32": measure.median(results["reaugkd fp32"][RATE]), "rivals": rival_rates, "fastest": fastest,
                "over_fastest": rate / rival_rates[fastest],
                "fp32_over_fp32": measure.ratio(results, RATE, "reaugkd fp32", "fp32") if "fp32" in self.rivals else None}

    def fine_tuning(self):
        return self.measure(self.train)

    def distilling(self):
        """Against a loop with the same losses, which reads the same knowledge base."""
        self.train("auto")
        self.stage("project", "projected", "--teacher", self.work / "teacher", "--student", self.model, "--epochs", 1)
        self.stage("build-kb", "kb", "--teacher", self.work / "projected")

        def distill(precision):
            self.stage("distill", "student", "--kb", self.work / "kb", "--student", self.model, "--student-layers",
                       STUDENT_LAYERS, "--epochs", 1, "--save-minutes", 0, "--precision", precision)
            return self.rate("student")

        return self.measure(distill, len(STUDENT_LAYERS.split(",")), "--layers", STUDENT_LAYERS, "--kb", self.work / "kb")


def rows(context):
    for task in ("sst2", "rte"):
        yield Row(context, "checkpoint", context.model, task, context.examples).fine_tuning()
    for task in ("sst2", "rte"):
        yield Row(context, "student of 3 layers, distill", context.model, task, context.examples, rivals=LOOPS).distilling()


class BertBase:
    """A BERT-Base of random weights. full: on short rows, too, and with every mode."""

    @staticmethod
    def rows(context):
        base = workload.base_model(context.model, context.work / "base")
        rivals = LOOPS + TRAINERS if context.full else LOOPS[:2]
        yield Row(context, "BERT-Base, all rows 128 tokens", base, "rte", context.base_examples, "random", True, rivals).fine_tuning()
        for task in ("sst2", "rte") if context.full else ():
            yield Row(context, "BERT-Base", base, task, context.base_examples, "random", rivals=rivals).fine_tuning()

    @staticmethod
    def show(results):
        return show(results)


def show(results):
    modes = [mode for mode in LOOPS + TRAINERS if any(mode in r["rivals"] for r in results)]
    header = ["model", "data", "tokens a row", "reaugkd, examples/s", "over the fastest rival", "fp32 over fp32", "reaugkd fp32",
              *modes, "share of its products", "spread"]
    cells = [[r["what"], f"{r['task']}, {r['examples']} rows", f"{r['mean_tokens']:.0f}", f"{r[RATE]:.1f}",
              f"{r['over_fastest']:.2f} ({r['fastest']})", f"{r['fp32_over_fp32']:.2f}", f"{r['fp32']:.1f}",
              *(f"{r['rivals'][mode]:.1f}" if mode in r["rivals"] else "" for mode in modes),
              f"{100 * r['share']:.0f} % of {r['precision']}" if r["share"] else r["precision"], f"{100 * r['spread']:.0f} %"] for r in results]
    return measure.table(header, cells)
