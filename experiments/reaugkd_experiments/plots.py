#!/usr/bin/env python3
"""Pictures of experiments/reaugkd_experiments/experiments.py's runs: a CSV and a gnuplot script each, and from them SVG and PNG.

    experiments/reaugkd_experiments/plots.py runs/ablation --output runs/ablation/plots
    make plots RUNS=runs/ablation

For each task and for --method: the score over k and beta (where its eval had --sweep), over the size of the knowledge
base (evaluations with --kb-rows), the distribution of latencies (--latency-examples), calibration, and the embeddings
in a plane (--embedding-map). What was not measured is not drawn. Needs gnuplot.
"""
import argparse
import csv
import json
import math
import pathlib
import random
import shutil
import statistics
import subprocess
import sys

import report

BINS = 10  # of confidence, from 1/C to 1
FEWEST = 20  # rows of a bin that is drawn
MOST_POINTS = 1500  # of a cloud, drawn at random
COLORS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"]  # Okabe and Ito: also for the colour blind
TERMINALS = {"svg": "svg size {size} dynamic background rgb 'white' font 'DejaVu Sans,13'",
             "png": "pngcairo size {size} font 'DejaVu Sans,11'"}
STYLE = """set datafile separator ','
set datafile columnheaders
set encoding utf8
set border 3 lc rgb '#666666'
set tics nomirror out textcolor rgb '#333333'
set key outside right top Left reverse samplen 1.5 spacing 1.2
"""


class Picture:
    def __init__(self, name, header, rows, script, size="720,440"):
        self.name, self.header, self.rows, self.script, self.size = name, header, rows, script, size

    def write(self, folder):
        with open(folder / f"{self.name}.csv", "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(self.header)
            writer.writerows(self.rows)
        (folder / f"{self.name}.gp").write_text(STYLE + self.script, encoding="utf-8")

    def draw(self, folder):
        for ending, terminal in TERMINALS.items():
            start = f"set terminal {terminal.format(size=self.size)}; set output '{self.name}.{ending}'"
            done = subprocess.run(["gnuplot", "-e", start, f"{self.name}.gp"], cwd=folder, stderr=subprocess.PIPE,
                                  universal_newlines=True)
            if done.returncode != 0:
                sys.exit(f"plots.py: gnuplot {folder}/{self.name}.gp: {done.stderr.strip()}")


def quoted(text):
    """For gnuplot: in quotes, without enhanced-text markup of _ and ^."""
    return '"' + text.replace("\\", "").replace('"', "'").replace("_", "\\\\_").replace("^", "\\\\^") + '"'


def sweep_picture(task, method):
    """The score at each k and beta, tau' selected on the validation part; the mean over seeds."""
    seeds = report.sweeps(task, method).values()
    if not seeds:
        return None
    settings = set.intersection(*({(row["k"], row["beta"]) for row in rows} for rows in seeds))  # a grid need not be whole
    if not settings:
        return None
    ks, betas = (sorted({setting[i] for setting in settings}) for i in (0, 1))

    def score(k, beta):
        cells = [[row for row in rows if row["k"] == k and row["beta"] == beta] for rows in seeds]
        return 100 * statistics.fmean(report.best_setting(cell)[task.metric] for cell in cells)

    rows = [[i, j, f"{k:g}", f"{beta:g}", f"{score(k, beta):.2f}"]
            for j, beta in enumerate(betas) for i, k in enumerate(ks) if (k, beta) in settings]
    alone = 100 * statistics.fmean(task.scores(method, "alone").values())
    reach = max([0.5] + [abs(float(row[4]) - alone) for row in rows])

    def tics(values):
        return ", ".join(f"'{value:g}' {i}" for i, value in enumerate(values))

    return Picture(f"{task.name}-{method}-k-beta", ["column", "row", "k", "beta", task.metric], rows, f"""
set title {quoted(f"{task.name}, {method}: {task.metric} with retrieval (student alone: {alone:.1f})")}
set xlabel 'neighbors k'
set ylabel 'β, weight of the student'
set cblabel 'points over the student alone'
unset key
set xtics ({tics(ks)}) scale 0
set ytics ({tics(betas)}) scale 0
set xrange [-0.5:{len(ks) - 0.5}]
set yrange [-0.5:{len(betas) - 0.5}]
set palette defined (-1 '#F0A868', 0 '#FFFFFF', 1 '#7FB8DC')
set cbrange [{-reach:.2f}:{reach:.2f}]
plot '{task.name}-{method}-k-beta.csv' using 1:2:($5 - {alone:.4f}) with image, \\
     '' using 1:2:(sprintf('%.1f', $5)) with labels font ',9' textcolor rgb '#333333'
""", "720,520")


def options_of(run):
    return json.loads((run.directory / "run.json").read_text()).get("options", {})


def size_picture(task):
    """With retrieval over the share of the knowledge base's rows; a line for each method that was evaluated so."""
    shares = {}  # method -> share -> scores
    for name, runs in task.runs.items():
        method = name.split("@")[0]
        for run in runs.values():
            share = options_of(run).get("kb_rows", 1)
            if share < 1 or "@" not in name:
                shares.setdefault(method, {}).setdefault(share, []).append(100 * run.score("combined"))
    shares = {method: cells for method, cells in shares.items() if len(cells) > 1}
    if not shares:
        return None
    rows, lines = [], []
    for i, (method, cells) in enumerate(shares.items()):
        alone = 100 * statistics.fmean(task.scores(method, "alone").values())
        color = COLORS[i % len(COLORS)]
        for share, scores in sorted(cells.items()):
            deviation = statistics.stdev(scores) if len(scores) > 1 else 0
            rows.append([method, f"{100 * share:g}", f"{statistics.fmean(scores):.2f}", f"{deviation:.2f}",
                         f"{alone:.2f}"])
        mine = f"(stringcolumn(1) eq '{method}' ? $3 : NaN)"
        place = f"($2 * {1.03 ** (i - (len(shares) - 1) / 2):.4f})"  # side by side, so that the bars can be told apart
        lines.append(f"'{task.name}-kb-size.csv' using {place}:{mine}:4 with yerrorlines lw 2 pt 7 ps 0.7 "
                     f"lc rgb '{color}' title {quoted(method)}")
        lines.append(f"{alone:.4f} with lines dt 2 lw 1.5 lc rgb '{color}' title {quoted(method + ', alone')}")
    return Picture(f"{task.name}-kb-size", ["method", "percent_of_rows", task.metric, "deviation", "student_alone"], rows,
                   f"""
set title {quoted(f"{task.name}: {task.metric} with retrieval, mean and deviation over seeds")}
set xlabel 'rows of the knowledge base, %'
set ylabel {quoted(task.metric)}
set logscale x
set xtics (1, 3, 10, 30, 100)
set xrange [0.8:125]
set datafile missing NaN
plot {", ".join(lines)}
""", "860,440")


def latency_picture(task, method):
    """Cumulative distributions at batch 1, the model alone and with retrieval, over all seeds."""
    alone, together = [], []
    for name, runs in task.runs.items():
        for run in runs.values():
            if name != method or not (run.directory / "latency.tsv").exists():
                continue
            with open(run.directory / "latency.tsv", newline="", encoding="utf-8") as file:
                for row in csv.DictReader(file, delimiter="\t"):
                    alone.append(float(row["model_ms"]))
                    together.append(float(row["with_retrieval_ms"]))
    if not alone:
        return None
    alone.sort()
    together.sort()
    rows = [[f"{(i + 1) / len(alone):.4f}", a, b] for i, (a, b) in enumerate(zip(alone, together))]
    medians = statistics.median(alone), statistics.median(together)
    widest = together[int(0.99 * (len(together) - 1))]
    return Picture(f"{task.name}-{method}-latency", ["share", "model_ms", "with_retrieval_ms"], rows, f"""
set title {quoted(f"{task.name}, {method}: latency of one example, {len(alone)} examples")}
set xlabel 'milliseconds'
set ylabel 'share of the examples answered'
set yrange [0:1]
set xrange [0:{1.1 * widest:.3f}]
set grid ytics lc rgb '#DDDDDD'
set key inside right bottom
plot '{task.name}-{method}-latency.csv' using 2:1 with steps lw 2 lc rgb '{COLORS[0]}' \\
       title 'model alone (median {medians[0]:.2f} ms)', \\
     '' using 3:1 with steps lw 2 lc rgb '{COLORS[1]}' title 'with retrieval ({medians[1]:.2f} ms)'
""", "640,420")


def reliability_rows(probabilities, labels, classes):
    """Per bin of the top probability with rows in it: mean confidence, accuracy, rows."""
    bins = {}
    for p, label in zip(probabilities, labels):
        top = max(range(classes), key=p.__getitem__)
        i = min(BINS - 1, int((p[top] - 1 / classes) / (1 - 1 / classes) * BINS))
        bins.setdefault(i, []).append((p[top], top == label))
    return [[f"{statistics.fmean(c for c, _ in cell):.4f}", f"{statistics.fmean(r for _, r in cell):.4f}", len(cell)]
            for _, cell in sorted(bins.items())]


def probabilities_of(run):
    """(labels, names of the classes, {"student" | "retrieval" | "combined": probabilities per row})"""
    with open(run.directory / "predictions.tsv", newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE) if row["label"]]
    names = [column[2:] for column in rows[0] if column.startswith("p_")]
    parts = {"student": "student_p_", "retrieval": "kb_p_", "combined": "p_"}
    return ([names.index(row["label"]) for row in rows], names,
            {part: [[float(row[prefix + name]) for name in names] for row in rows] for part, prefix in parts.items()})


def reliability_picture(task, method):
    """How often the prediction is right at each confidence, over all seeds."""
    if task.metric == "pearson" or method not in task.runs:
        return None
    labels, pooled, classes = [], {}, 2
    for run in task.runs[method].values():
        more, names, parts = probabilities_of(run)
        labels += more
        classes = len(names)
        for part, values in parts.items():
            pooled.setdefault(part, []).extend(values)
    rows = [[part] + row for part, values in pooled.items() for row in reliability_rows(values, labels, classes)]
    largest = max(row[3] for row in rows)
    lines = [f"'{task.name}-{method}-reliability.csv' using 2:(stringcolumn(1) eq '{part}' && $4 >= {FEWEST} ? $3 : NaN)"
             f":(0.4 + 2 * sqrt($4 / {largest}.0)) with linespoints lw 2 pt 7 ps variable lc rgb '{COLORS[i]}' "
             f"title '{part}'" for i, part in enumerate(pooled)]
    return Picture(f"{task.name}-{method}-reliability", ["part", "confidence", "accuracy", "rows"], rows, f"""
set title {quoted(f"{task.name}, {method}: confidence and accuracy (a point's area: its rows, {FEWEST} at least)")}
set xlabel 'mean confidence of the prediction'
set ylabel 'share that is right'
set xrange [{1 / classes:.3f}:1.02]
set yrange [{max(0, 1 / classes - 0.2):.3f}:1.02]
set grid lc rgb '#DDDDDD'
set key inside right bottom
set datafile missing NaN
plot x with lines dt 2 lc rgb '#999999' title 'perfectly calibrated', {", ".join(lines)}
""", "620,520")


def map_picture(task, method):
    """The first seed's embeddings on the first two principal components of the knowledge base's."""
    found = [run.directory / "embeddings.tsv" for name, runs in task.runs.items() for run in runs.values()
             if name.split("@")[0] == method and (run.directory / "embeddings.tsv").exists()]
    if not found:
        return None
    with open(found[0], newline="", encoding="utf-8") as file:
        points = list(csv.DictReader(file, delimiter="\t"))
    clouds = {}
    for point in points:
        clouds.setdefault((point["source"], point["label"]), []).append([point["x"], point["y"]])
    names = sorted({label for _, label in clouds})
    rows, lines = [], []
    for (source, label), cloud in sorted(clouds.items(), reverse=True):  # teachers first, students above
        cloud = random.Random(0).sample(cloud, min(MOST_POINTS, len(cloud)))
        rows += [[source, label, *point] for point in cloud]
    for (source, label) in sorted(clouds, reverse=True):
        color = COLORS[names.index(label) % len(COLORS)]
        look = f"pt 7 ps 0.45 lc rgb '#B0{color[1:]}'" if source == "teacher" else f"pt 2 ps 0.6 lw 1.2 lc rgb '{color}'"
        mine = f"(stringcolumn(1) eq '{source}' && stringcolumn(2) eq '{label}' ? $4 : NaN)"
        lines.append(f"'{task.name}-{method}-embeddings.csv' using 3:{mine} with points {look} "
                     f"title {quoted(f'{source}, label {label}')}")
    lines.sort(key=lambda line: "'teacher" not in line)
    return Picture(f"{task.name}-{method}-embeddings", ["source", "label", "x", "y"], rows, f"""
set title {quoted(f"{task.name}, {method}: the knowledge base's rows and the student's queries (PCA)")}
set xlabel 'first component'
set ylabel 'second component'
set datafile missing NaN
set size ratio -1
plot {", ".join(lines)}
""", "860,480")


def pictures_of(task, method):
    made = [sweep_picture(task, method), size_picture(task), latency_picture(task, method),
            reliability_picture(task, method), map_picture(task, method)]
    return [picture for picture in made if picture]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=pathlib.Path, help="output directories of experiments.py")
    parser.add_argument("--output", required=True, type=pathlib.Path)
    parser.add_argument("--method", default="reaugkd")
    args = parser.parse_args()
    pictures = [picture for task in report.tasks_of(args.runs) for picture in pictures_of(task, args.method)]
    if not pictures:
        sys.exit(f"plots.py: nothing to draw of {args.method} in {', '.join(map(str, args.runs))}")
    args.output.mkdir(parents=True, exist_ok=True)
    for picture in pictures:
        picture.write(args.output)
    if not shutil.which("gnuplot"):
        sys.exit(f"plots.py: gnuplot is not installed (Debian: gnuplot-nox); {args.output} has the CSVs and scripts")
    for picture in pictures:
        picture.draw(args.output)
        print(args.output / f"{picture.name}.svg")


if __name__ == "__main__":
    main()
