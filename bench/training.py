"""Training throughput of `teacher-finetune` and `distill` beside plain PyTorch (pytorch_baseline.py).

A ratio is reaugkd's median over the baseline's. The share of the machine's rate is the model's operations for real
tokens a second over what its dense products reach alone in the precision that auto takes (ceilings.cpp), measured in
the same rounds.
"""
import json

import measure
import workload

STUDENT_LAYERS = "0,2,4"


class Row:
    """One model on one set of rows."""

    def __init__(self, context, name, model, task, examples, init="pretrained", full_length=False, baselines=True):
        self.context, self.name, self.model, self.task, self.init = context, name, model, task, init
        self.baselines = baselines
        self.work = context.work / f"training-{name}-{task}".replace(" ", "_")
        self.data = workload.cut_data(context.glue, task, self.work / "data", examples, full_length=full_length)
        self.config = json.loads((model / "config.json").read_text())
        self.examples = examples

    def stage(self, command, output, *flags):
        self.context.reaugkd(command, "--data", self.data, "--output", self.work / output, "--overwrite", *flags)

    def rate(self, output):
        metrics, run = (json.loads((self.work / output / name).read_text()) for name in ("metrics.json", "run.json"))
        return {"examples_per_second": metrics["timing"]["examples_per_second"], "precision": run["machine"]["precision"]}

    def train(self, precision):
        self.stage("teacher-finetune", "teacher", "--model", self.model, "--init", self.init, "--task", self.task,
                   "--validation", "dev", "--epochs", 1, "--save-minutes", 0, "--precision", precision)
        return self.rate("teacher")

    def pytorch(self, mode, *flags):
        return json.loads(self.context.pytorch("--model", self.model, "--init", self.init, "--task", self.task,
                                               "--data", self.data, "--mode", mode, *flags))

    def modes(self):
        """default, fp32, best and, where the Python has them, compile and trainer."""
        return json.loads(self.context.pytorch("--mode", "modes", "--model", self.model, "--data", self.data, "--task", self.task))

    def ceiling(self):
        rates = self.context.ceilings(self.config["hidden_size"])["flops_per_second"]
        return {precision: by_width[str(self.config["hidden_size"])] for precision, by_width in rates.items()}

    def measure(self, ours, layers=None, *flags):
        calls = {"reaugkd": lambda: ours("auto"), "ceiling": self.ceiling}
        if self.baselines:
            calls["reaugkd fp32"] = lambda: ours("fp32")
            modes = self.modes()
            for mode in modes:
                calls[f"pytorch {mode}"] = lambda mode=mode: self.pytorch(mode, *flags)
        else:  # PyTorch once, briefly, for the lengths of the rows
            lengths = self.pytorch("lengths", *flags)
        results = measure.interleave(calls, self.context.rounds)
        if self.baselines:
            lengths = {key: values[0] for key, values in results["pytorch best"].items()}
        rate = measure.median(results["reaugkd"]["examples_per_second"])
        precision = results["reaugkd"]["precision"][0]
        flops = workload.training_flops(self.config, lengths["mean_tokens"], lengths["mean_square_tokens"], layers)
        row = {"what": self.name, "task": self.task, "examples": self.examples, "mean_tokens": lengths["mean_tokens"],
               "rounds": results, "examples_per_second": rate, "spread": measure.spread(results["reaugkd"]["examples_per_second"]),
               "tokens_per_second": rate * lengths["mean_tokens"],
               "precision": precision, "share": rate * flops / measure.median(results["ceiling"][precision])}
        if self.baselines:
            key = "examples_per_second"
            row["over_default"] = measure.ratio(results, key, "reaugkd", "pytorch default")
            row["over_fastest"] = min(measure.ratio(results, key, "reaugkd", f"pytorch {mode}") for mode in modes)
            if "trainer" in modes:
                row["over_trainer"] = measure.ratio(results, key, "reaugkd", "pytorch trainer")
            row["fp32_over_fp32"] = measure.ratio(results, key, "reaugkd fp32", "pytorch fp32")
        return row

    def fine_tuning(self):
        return self.measure(self.train)

    def distilling(self):
        """Against PyTorch fine-tuning the same student: it has no relational loss to compute and no targets to join."""
        self.train("auto")
        self.stage("project", "projected", "--teacher", self.work / "teacher", "--student", self.model, "--epochs", 1)
        self.stage("build-kb", "kb", "--teacher", self.work / "projected")
        self.name += ", distill"

        def distill(precision):
            self.stage("distill", "student", "--kb", self.work / "kb", "--student", self.model, "--student-layers",
                       STUDENT_LAYERS, "--epochs", 1, "--save-minutes", 0, "--precision", precision)
            return self.rate("student")

        return self.measure(distill, len(STUDENT_LAYERS.split(",")), "--layers", STUDENT_LAYERS)


def rows(context):
    for task in ("sst2", "rte"):
        yield Row(context, "checkpoint", context.model, task, context.examples).fine_tuning()
    yield Row(context, "student of 3 layers", context.model, "rte", context.examples).distilling()


class BertBase:
    """The share of the machine's rate at full length, with and without dropout; --full: beside PyTorch as well."""

    @staticmethod
    def rows(context):
        base = workload.base_model(context.model, context.work / "base")
        still = workload.base_model(context.model, context.work / "base-without-dropout", hidden_dropout_prob=0,
                                    attention_probs_dropout_prob=0)
        full = "BERT-Base, all rows 128 tokens"
        for name, model in ((full, base), (full + ", no dropout", still)):
            yield Row(context, name, model, "rte", context.base_examples, "random", full_length=True,
                      baselines=False).fine_tuning()
        for task in ("sst2", "rte") if context.full else ():
            yield Row(context, "BERT-Base", base, task, context.base_examples, "random").fine_tuning()

    @staticmethod
    def show(results):
        return show(results)


def show(results):
    def number(row, key):
        return f"{row[key]:.2f}" if key in row else ""

    header = ["model", "data", "tokens a row", "reaugkd, examples/s", "tokens/s", "over PyTorch default",
              "over transformers' Trainer", "over the fastest", "fp32 over fp32", "share of its products", "spread"]
    cells = [[r["what"], f"{r['task']}, {r['examples']} rows", f"{r['mean_tokens']:.0f}",
              f"{r['examples_per_second']:.1f}", f"{r['tokens_per_second']:.0f}", number(r, "over_default"),
              number(r, "over_trainer"), number(r, "over_fastest"), number(r, "fp32_over_fp32"),
              f"{100 * r['share']:.0f} % of {r['precision']}", f"{100 * r['spread']:.0f} %"] for r in results]
    return measure.table(header, cells)
