#!/usr/bin/env python3
"""Do the tests see it where an equation is wrong? Each line below is one change to a loss, a metric, the aggregation or
the selection; the module's tests must fail by it.

    tests/trust/mutations.py [--build build/mutations] [--only losses,retrieval/beta]

Works on a copy of the tree, which it configures and builds itself; half a minute to a minute each. Prints a line a
mutation and fails where one survives, does not compile, or where a text is no longer there.
"""
import argparse
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

# (file under lib/, text, what it becomes)
MUTATIONS = [
    # Equation 1
    ("losses/contrastive.cpp", "log_similarity(z, z, tau, SelfSimilarity::kDrop)", "log_similarity(z, z, tau, SelfSimilarity::kKeep)"),
    ("losses/contrastive.cpp", "log_similarity(z, z, tau,", "log_similarity(z, z, 1.0,"),
    ("losses/contrastive.cpp", "labels.unsqueeze(0) == labels", "labels.unsqueeze(0) != labels"),
    ("losses/contrastive.cpp", "positive.fill_diagonal_(0)", "positive.fill_diagonal_(1)"),
    ("losses/contrastive.cpp", "= -(positive", "= (positive"),
    ("losses/contrastive.cpp", " / count.clamp_min(1)", ""),
    ("losses/contrastive.cpp", "has_partner.sum().clamp_min(1)", "has_partner.size(0)"),
    # Equation 4: the prediction terms
    ("losses/distillation.cpp", "teacher_logits.detach() / temperature", "teacher_logits.detach()"),
    ("losses/distillation.cpp", "teacher_logits.detach() /", "teacher_logits /"),
    ("losses/distillation.cpp", "student_logits / temperature", "student_logits"),
    ("losses/distillation.cpp", "return -(p_teacher", "return (p_teacher"),
    ("losses/distillation.cpp", " * (temperature * temperature)", ""),
    ("losses/distillation.cpp", "log_target.exp() * (log_target", "torch::log_softmax(logits, 1).exp() * (log_target"),
    ("losses/distillation.cpp", "log_target - torch", "log_target + torch"),
    ("losses/distillation.cpp", "mean_where(-log_p", "mean_where(log_p"),
    ("losses/distillation.cpp", "known.to(values", "known.logical_not().to(values"),
    ("losses/distillation.cpp", "scores.squeeze(1) - filled", "scores.squeeze(1) + filled"),
    ("losses/distillation.cpp", "filled).square()", "filled).abs()"),
    # Equations 2 to 4: the relation
    ("losses/relation.cpp", "log_p.exp() * (log_p - log_q)", "log_q.exp() * (log_p - log_q)"),
    ("losses/relation.cpp", "(log_p - log_q)).sum() / log_p.size(0)", "(log_p - log_q)).mean()"),
    ("losses/relation.cpp", "KlDirection::kForward ? mean_kl", "KlDirection::kReverse ? mean_kl"),
    ("losses/relation.cpp", "columns.t()) / tau", "columns.t())"),
    ("losses/relation.cpp", "if (self_similarity == SelfSimilarity::kKeep) return", "if (self_similarity == SelfSimilarity::kDrop) return"),
    ("losses/relation.cpp", "log_similarity(constant, s, options.tau", "log_similarity(s, constant, options.tau"),
    ("losses/relation.cpp", "log_similarity(s, constant, options.tau", "log_similarity(s, s, options.tau"),
    ("losses/relation.cpp", "const auto constant = z.detach();\n  const auto log_q", "const auto constant = z;\n  const auto log_q"),
    ("losses/relation.cpp", "anchors.t()) / options.tau", "anchors.t())"),
    ("losses/relation.cpp", "(rows * z).sum(1, true) / options.tau", "(rows * rows).sum(1, true) / options.tau"),
    ("losses/relation.cpp", "torch::zeros_like(own.slice(1, 0, 1))", "torch::ones_like(own.slice(1, 0, 1))"),
    ("losses/relation.cpp", "anchors.detach();", "anchors;"),
    ("losses/relation.cpp", "log_anchor_similarity(s, constant, teachers", "log_anchor_similarity(constant, s, teachers"),
    # The baselines
    ("losses/rkd.cpp", "x.unsqueeze(1) - x.unsqueeze(0)", "x.unsqueeze(1) + x.unsqueeze(0)"),
    ("losses/rkd.cpp", "kept.sum() / apart.sum()", "kept.sum() / torch::ones_like(apart).sum()"),
    ("losses/rkd.cpp", "difference / length", "difference"),
    ("losses/rkd.cpp", "smooth_l1_loss(student, teacher.detach())", "l1_loss(student, teacher.detach())"),
    ("losses/rkd.cpp", "huber(angles(teacher), angles(student))", "huber(angles(student), angles(teacher))"),
    ("losses/pkd.cpp", "m * teacher_layers / student_layers", "m"),
    ("losses/pkd.cpp", "teacher_layers - student_layers + m", "teacher_layers - student_layers + m + 1"),
    ("losses/pkd.cpp", "unit_states(student_states) -", "student_states -"),
    ("losses/pkd.cpp", ".square().mean()", ".square().sum()"),
    ("losses/minilm.cpp", " / std::sqrt(static_cast<double>(v.size(-1)))", ""),
    ("losses/minilm.cpp", "(1 - real).mul(-1e9F)", "(1 - real).mul(0.0F)"),
    ("losses/minilm.cpp", "log_teacher.exp() *", "log_student.exp() *"),
    ("losses/minilm.cpp", "kl.mean(1) * real", "kl.mean(1)"),
    ("losses/tinybert.cpp", "2 * m * teacher_layers + student_layers", "2 * m * teacher_layers"),
    ("losses/tinybert.cpp", "error.mean(2) * real", "error.mean(2)"),
    ("losses/tinybert.cpp", "real.unsqueeze(2) * real.unsqueeze(1)", "real.unsqueeze(2) * torch::ones_like(real).unsqueeze(1)"),
    ("losses/tinybert.cpp", "(error.mean(1) * pairs)", "(error.sum(1) * pairs)"),
    ("losses/metadistil.cpp", "teacher_logits / temperature", "teacher_logits"),
    ("losses/metadistil.cpp", "student_minus.detach() / temperature, 1)) /\n                     (2 * e)", "student_minus.detach() / temperature, 1)) /\n                     e"),
    ("losses/metadistil.cpp", "return (p_teacher", "return -(p_teacher"),
    ("losses/metadistil.cpp", "-(up - down)", "(up - down)"),
    # Equations 5 to 7
    ("retrieval/aggregation.cpp", "similarities[i][0]) / tau", "similarities[i][0]) * tau"),
    ("retrieval/aggregation.cpp", "- similarities[i][0])", "+ similarities[i][0])"),
    ("retrieval/aggregation.cpp", "std::fill(weighted.begin(), weighted.end(), 0.0);", ""),
    ("retrieval/aggregation.cpp", "double sum = 0;", "static double sum = 0;"),
    ("retrieval/aggregation.cpp", "weight * teacher[rows[i][n]][c]", "weight * teacher[rows[i][0]][c]"),
    ("retrieval/aggregation.cpp", "weighted[c] / sum", "weighted[c] / neighbors.k()"),
    ("retrieval/aggregation.cpp", " && rows[i][n] >= 0", " && rows[i][n] >= 1"),
    ("retrieval/aggregation.cpp", "weight.to(student.options()) * student +", "weight.to(student.options()) * knowledge_base +"),
    ("retrieval/aggregation.cpp", "(1 - weight)", "weight"),
    ("retrieval/beta.cpp", "return -torch::xlogy", "return torch::xlogy"),
    ("retrieval/beta.cpp", "select(1, 0)", "select(1, -1)"),
    ("retrieval/beta.cpp", "beta / (1 - beta)", "beta"),
    ("retrieval/beta.cpp", "features - rule.center", "features"),
    ("retrieval/beta.cpp", "rule.slope * (features", "(features"),
    ("retrieval/selection.cpp", "(column - labels).square()", "(column - labels).abs()"),
    ("retrieval/selection.cpp", "-column.clamp_min", "column.clamp_min"),
    ("retrieval/selection.cpp", "make_tuple(-s.beta,", "make_tuple(s.beta,"),
    ("retrieval/selection.cpp", "s.k, s.tau,", "-s.k, s.tau,"),
    ("retrieval/selection.cpp", "slope / deviation", "slope"),
    ("retrieval/selection.cpp", "aggregate(neighbors.first(k), softened.values, tau)", "aggregate(neighbors, softened.values, tau)"),
    ("retrieval/selection.cpp", "neighbors.first(setting.k)", "neighbors"),
    ("retrieval/selection.cpp", "by_score ? -setting.score", "by_score ? setting.score"),
    # Metrics
    ("metrics/metrics.cpp", "predictions[i] == labels[i] ? 1 : 0;\n  return", "predictions[i] != labels[i] ? 1 : 0;\n  return"),
    ("metrics/metrics.cpp", "return 2.0 * static_cast<double>(both)", "return static_cast<double>(both)"),
    ("metrics/metrics.cpp", "actual += labels[i] == positive", "actual += labels[i] != positive"),
    ("metrics/metrics.cpp", "correct * n - product", "correct - product"),
    ("metrics/metrics.cpp", "n * n - product(actual, actual)", "n * n - product(predicted, actual)"),
    ("metrics/metrics.cpp", "predictions[i] - mean_prediction", "predictions[i]"),
    ("metrics/metrics.cpp", "std::sqrt(variance_prediction) *", "variance_prediction *"),
    ("metrics/metrics.cpp", "0.5 * static_cast<double>(first + 1 + last)", "static_cast<double>(first + 1)"),
    ("metrics/metrics.cpp", "pearson(ranks(predictions), ranks(labels))", "pearson(predictions, ranks(labels))"),
    ("metrics/metrics.cpp", "sum -= std::log", "sum += std::log"),
    ("metrics/metrics.cpp", "std::ceil(*top * static_cast<double>(bins)) - 1", "std::ceil(*top * static_cast<double>(bins))"),
    ("metrics/metrics.cpp", "sum += std::abs(g)", "sum += g"),
    ("metrics/metrics.cpp", "(correct ? 1.0 : 0.0) - *top", "(correct ? 0.0 : 1.0) - *top"),
]


def run(command, **options):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, **options)


class Copy:
    """The tree, as git has it, in a folder of its own with its own build."""

    def __init__(self, folder):
        self.source, self.build = folder / "source", folder / "build"
        names = run(["git", "ls-files"], cwd=ROOT, check=True).stdout.splitlines()
        for path in list(self.source.rglob("*")):
            if path.is_file() and str(path.relative_to(self.source)) not in names:
                path.unlink()
        for name in names:
            target, data = self.source / name, (ROOT / name).read_bytes()
            if not target.exists() or target.read_bytes() != data:  # else its date tells whether it was built
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / name, target)
                shutil.copymode(ROOT / name, target)
        run(["cmake", "-S", self.source, "-B", self.build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
             "-DREAUGKD_WERROR=OFF"], check=True)  # what is left out leaves names unused

    def verdict(self, module):
        """Of the module's tests on the tree as it is now."""
        if run(["cmake", "--build", self.build, "--target", f"test_{module}"]).returncode != 0:
            return "DOES NOT COMPILE"
        try:
            tests = run([self.build / "bin" / f"test_{module}"], timeout=600)
        except subprocess.TimeoutExpired:
            return "seen"
        return "SURVIVED" if tests.returncode == 0 else "seen"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "mutations")
    parser.add_argument("--only", default="", help="mutations of files whose names begin so: losses/rkd,metrics")
    args = parser.parse_args()
    mutations = [m for m in MUTATIONS if m[0].startswith(tuple(args.only.split(",")))]
    copy = Copy(args.build)
    for module in sorted({file.split("/")[0] for file, _, _ in mutations}):
        if copy.verdict(module) != "SURVIVED":
            sys.exit(f"the tests of {module} fail before anything is changed")
    wrong = 0
    for i, (file, text, becomes) in enumerate(mutations, 1):
        path = copy.source / "lib" / file
        original = path.read_text()
        verdict = "NOT THERE"
        if text in original:
            path.write_text(original.replace(text, becomes, 1))
            verdict = copy.verdict(file.split("/")[0])
            path.write_text(original)
        wrong += verdict != "seen"
        print(f"{i}/{len(mutations)} {verdict}: {file}: {text!r} -> {becomes!r}", flush=True)
    print(f"{len(mutations) - wrong} of {len(mutations)} seen")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
