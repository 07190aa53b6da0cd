"""The command line of `reaugkd-experiments`. A command's modules are loaded when it runs: `run` needs no matplotlib."""
import argparse
import pathlib
import signal
import sys

from .errors import UserError

RUN = """\
Runs the tasks x methods x seeds of a plan.

For each task and seed it makes the teacher, the projection and the knowledge base once. Then it trains every student,
and evaluates each with and without retrieval. Finished stages are not repeated: give the same command again to go on.
Before it starts it prints how many stages are left and about how many hours they take."""
RUN_EXAMPLES = """\
examples:
  reaugkd-experiments run experiments/plans/demo.json --glue data/demo --model data/demo/teacher --output runs/demo-plan
  reaugkd-experiments run experiments/plans/paper.json --glue $GLUE_DIR --model $MODEL_DIR --output runs/paper \\
      --devices cuda:0,cuda:1
  reaugkd-experiments run experiments/plans/paper.json --glue $GLUE_DIR --model $MODEL_DIR --output runs/rehearsal --rehearse 200

exit codes: 0 all stages are finished, 1 a stage failed (the others went on), 2 the plan or a flag is wrong,
128 + N stopped by signal N"""
REPORT = """\
Prints the tables of finished runs: scores as mean ± deviation over seeds, and differences with their intervals.

A difference has an interval of 95 % that holds what other dev rows and other seeds would change, and p that it is 0, corrected
for the number of differences in its table. It is bold, which means more than noise, if p is below 0.05."""
REPORT_EXAMPLES = """\
examples:
  reaugkd-experiments report runs/small
  reaugkd-experiments report runs/small --format latex > tables.tex
  reaugkd-experiments report runs/small runs/more --published figures.json

a file for --published ("metric" may be left out; it is then the first one that the tables show):
  [{"method": "name", "cells": [{"task": "mrpc", "metric": "f1", "value": "88.0", "source": "paper, table, row"}]}]"""
KEEP = """\
Writes finished runs into one small file, from which `report` makes the same tables.

It has every metrics.json, the machine of each stage, and what was predicted for each row; no model, no text and no path."""
KEEP_EXAMPLES = """\
examples:
  reaugkd-experiments keep runs/small small.tar.xz
  reaugkd-experiments report small.tar.xz"""
PLOT = """\
Draws the pictures of finished runs. Each picture has a CSV beside it with the numbers that are drawn.

For each task: the score over k and beta (evaluations with --sweep), over the size of the knowledge base (evaluations
with --kb-rows), the latency of a query (--latency-examples), calibration, and the embeddings (--embedding-map).
What was not measured is not drawn."""
PLOT_EXAMPLES = """\
examples:
  reaugkd-experiments plot runs/ablation --output runs/ablation/plots
  reaugkd-experiments plot --redraw docs/pictures"""
PAGE = """\
Writes one HTML file about an evaluation, for people.

The page has scores with intervals, reliability, risk and coverage, the confusion matrix, what retrieval changed with neighbors
(eval --explain N), and the curves of the training. It needs no other file, no script and no network."""
PAGE_EXAMPLES = """\
examples:
  reaugkd-experiments page runs/demo/eval
  reaugkd-experiments page runs/demo/eval --output report.html"""
FURTHER_ROWS = """\
Prints rows of a training file that a teacher has not seen, for a knowledge base that grows (build-kb --extend-files).

The rows are a seeded sample of those that the teacher's split.json names neither for training nor for the holdout. A row
is left out if its text contains a held-out row's text, or is contained in one: in SST-2 those are parts of one sentence.
The columns p_<label> hold the label as a distribution, for build-kb --extend-labels given."""
FURTHER_ROWS_EXAMPLES = """\
example:
  reaugkd-experiments further-rows runs/ablation/sst2/seed-1/teacher $GLUE_DIR/SST-2/train.tsv 10000 > further.tsv"""


KNOWLEDGE = """\
Measures what knowledge is worth that arrives after training.

For each split it leaves classes out of the training rows, trains a student on the others, adds the labelled rows of the
left-out classes to the knowledge base, and evaluates on all test rows. It compares with a student trained on all classes,
with k-NN, class centroids and logistic regression. Finished stages are not repeated."""
KNOWLEDGE_EXAMPLES = """\
example, BANKING77 and all-MiniLM-L6-v2:
  reaugkd-experiments knowledge --data $BANKING77_DIR --model $MODEL_DIR --label-column category --held-out 17 \\
      --splits 7,1,2,3,4 --output runs/knowledge"""


def add_knowledge(commands):
    parser = add_command(commands, "knowledge", KNOWLEDGE, KNOWLEDGE_EXAMPLES)

    def listed(kind):
        return lambda text: [kind(part) for part in text.split(",")]

    parser.add_argument("--data", required=True, type=pathlib.Path, metavar="DIR", help="directory with train.csv and test.csv")
    parser.add_argument("--model", required=True, metavar="DIR", help="the pretrained checkpoint, of teacher and student")
    parser.add_argument("--output", required=True, type=pathlib.Path, metavar="DIR", help="where the runs are written")
    parser.add_argument("--text-column", default="text", metavar="NAME", help="default: %(default)s")
    parser.add_argument("--label-column", default="label", metavar="NAME", help="default: %(default)s")
    parser.add_argument("--held-out", type=int, default=17, metavar="N", help="classes left out (default: %(default)s)")
    parser.add_argument("--splits", type=listed(int), default=[1], metavar="LIST", help="a seed draws the classes (default: 1)")
    parser.add_argument("--spaces", type=listed(str), default=["pretrained"], metavar="LIST",
                        help="key spaces: pretrained, projection, both; the first one has all tables (default: pretrained)")
    parser.add_argument("--parts", type=listed(str), default=["few-rows", "rules", "baselines", "settings", "rival"], metavar="LIST",
                        help="what is measured beside the key spaces: few-rows, rules, baselines, settings, rival, corrected-labels, "
                             "unlabelled-rows (default: the first five)")
    parser.add_argument("--student-layers", default="0,2,4", metavar="LIST", help="default: %(default)s")
    parser.add_argument("--epochs", type=int, default=6, metavar="N", help="of the students (default: %(default)s)")
    parser.add_argument("--learning-rate", type=float, default=3e-4, metavar="R", help="of the students (default: %(default)s)")
    parser.add_argument("--teacher-epochs", type=int, default=4, metavar="N", help="default: %(default)s")
    parser.add_argument("--teacher-learning-rate", type=float, default=2e-4, metavar="R", help="default: %(default)s")
    parser.add_argument("--binary", default="build/release/bin/reaugkd", metavar="FILE", help="default: %(default)s")
    parser.set_defaults(call=call_knowledge)


def call_knowledge(args):
    from . import knowledge

    return knowledge.run(args)


def add_run(commands):
    parser = add_command(commands, "run", RUN, RUN_EXAMPLES)
    parser.add_argument("plan", type=pathlib.Path, help="a file of experiments/plans, or one of your own")
    parser.add_argument("--glue", required=True, type=pathlib.Path, metavar="DIR", help="directory with GLUE's own layout")
    parser.add_argument("--model", required=True, metavar="DIR",
                        help="the teacher's checkpoint; the student takes the plan's student_layers of it")
    parser.add_argument("--output", required=True, type=pathlib.Path, metavar="DIR", help="where the runs are written")
    parser.add_argument("--binary", default="build/release/bin/reaugkd", metavar="FILE", help="default: %(default)s")
    parser.add_argument("--devices", default="", metavar="LIST",
                        help="cuda:0,cuda:1 or cuda:0-1: each works on one task and seed at a time")
    parser.add_argument("--ranks-per-run", type=int, default=1, metavar="N",
                        help="so many devices work on one task and seed together; without --devices, N processes on the CPU")
    parser.add_argument("--tasks", metavar="LIST", help="only these tasks of the plan, comma separated")
    parser.add_argument("--methods", metavar="LIST", help="only these methods of the plan, comma separated")
    parser.add_argument("--seeds", metavar="LIST", help="only these seeds; the plan's first seed still tunes")
    parser.add_argument("--select-on-dev", action="store_true",
                        help="train on all of train and select on dev; the tasks' directories then end in -dev, and the "
                             "report shows them in tables of their own")
    parser.add_argument("--rehearse", type=rows_to_rehearse, metavar="ROWS",
                        help="the whole plan with the first ROWS rows of each file, one epoch and one seed, to find what "
                             "would stop it; give an --output of its own")
    parser.add_argument("--dry-run", action="store_true", help="print what would run, and run nothing")
    parser.set_defaults(call=call_run)


def rows_to_rehearse(text):
    value = int(text)
    if value < 20:
        raise argparse.ArgumentTypeError(f"{text} rows are too few: 20 at least")
    return value


def call_run(args):
    from . import driver
    from .devices import parse_devices
    from .settings import Settings

    devices = parse_devices(args.devices, args.ranks_per_run)
    settings = Settings(args.binary, args.glue, args.model, args.output, devices, args.dry_run)
    return driver.run(args.plan, settings, args.tasks, args.methods, args.seeds, args.select_on_dev, args.rehearse)


def add_report(commands):
    parser = add_command(commands, "report", REPORT, REPORT_EXAMPLES)
    parser.add_argument("runs", nargs="+", type=pathlib.Path, help="output directories of the run command, or what keep wrote")
    parser.add_argument("--format", choices=["markdown", "latex", "csv"], default="markdown", help="default: %(default)s")
    parser.add_argument("--method", default="reaugkd", help="compare the others with this one (default: %(default)s)")
    parser.add_argument("--published", type=pathlib.Path, metavar="FILE",
                        help="figures from papers, shown beside yours with their sources; the format is below")
    parser.set_defaults(call=call_report)


def call_report(args):
    from . import archive, report

    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # reaugkd-experiments report ... | head
    with archive.opened(args.runs) as runs:
        report.print_report(runs, args.format, args.method, args.published)
    return 0


def add_keep(commands):
    parser = add_command(commands, "keep", KEEP, KEEP_EXAMPLES)
    parser.add_argument("runs", type=pathlib.Path, help="an output directory of the run command")
    parser.add_argument("output", type=pathlib.Path, help="the file; its name ends in .tar.xz")
    parser.set_defaults(call=call_keep)


def call_keep(args):
    from . import archive

    stages = archive.keep(args.runs, args.output)
    print(f"{args.output}: {stages} stages, {args.output.stat().st_size:,} bytes")
    return 0


def add_plot(commands):
    parser = add_command(commands, "plot", PLOT, PLOT_EXAMPLES)
    parser.add_argument("runs", nargs="*", type=pathlib.Path, help="output directories of the run command")
    parser.add_argument("--output", type=pathlib.Path, metavar="DIR", help="where the pictures are written")
    parser.add_argument("--method", default="reaugkd", help="draw this method (default: %(default)s)")
    parser.add_argument("--redraw", type=pathlib.Path, metavar="DIR", help="draw the CSVs of DIR again, without any runs")
    parser.set_defaults(call=call_plot)


def call_plot(args):
    from . import pictures

    if args.redraw:
        if args.runs or args.output:
            raise UserError("plot --redraw DIR takes no runs and no --output: it draws what is in DIR")
        pictures.redraw(args.redraw)
    elif args.runs and args.output:
        pictures.draw_runs(args.runs, args.output, args.method)
    else:
        raise UserError("plot: expected RUNS and --output DIR, or --redraw DIR")
    return 0


def add_page(commands):
    parser = add_command(commands, "page", PAGE, PAGE_EXAMPLES)
    parser.add_argument("run", type=pathlib.Path, help="a directory that reaugkd eval has written")
    parser.add_argument("--output", type=pathlib.Path, metavar="FILE", help="default: RUN.html, beside the directory")
    parser.set_defaults(call=call_page)


def call_page(args):
    from . import page

    print(page.write_page(args.run, args.output))
    return 0


def add_further_rows(commands):
    parser = add_command(commands, "further-rows", FURTHER_ROWS, FURTHER_ROWS_EXAMPLES)
    parser.add_argument("teacher", type=pathlib.Path, help="the teacher's directory, which has split.json")
    parser.add_argument("train", type=pathlib.Path, help="the training file; the column \"sentence\" holds the texts")
    parser.add_argument("count", type=int, help="how many rows to print")
    parser.set_defaults(call=call_further_rows)


def call_further_rows(args):
    from . import further_rows

    sys.stdout.write(further_rows.further_rows(args.teacher, args.train, args.count))
    return 0


def add_command(commands, name, description, examples):
    return commands.add_parser(name, help=description.partition("\n")[0].rstrip("."), description=description,
                               epilog=examples, formatter_class=argparse.RawDescriptionHelpFormatter)


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(prog="reaugkd-experiments", description="Measures the quality of reaugkd: runs plans, "
                                     "then makes the tables and pictures. COMMAND --help says more.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for add in (add_run, add_report, add_keep, add_plot, add_page, add_further_rows, add_knowledge):
        add(commands)
    return parser.parse_args(arguments)


def main(arguments=None):
    args = parse_arguments(arguments)
    try:
        sys.exit(args.call(args))
    except UserError as error:
        print(f"reaugkd-experiments: {error}", file=sys.stderr)
        sys.exit(2)
