"""Retrieval: our indexes (bench_retrieval) beside PyPI's FAISS and hnswlib (vector_search.py) on the same vectors and threads.

Each contender builds its index once, one after the other with nothing else running, and writes it. Then all of them search in
turn, each round: a point for each number of candidates. Beside a forward pass: what equations 5 to 7 add to a 6-layer BERT-Base.
"""
import json
import pathlib

import measure
import workload

SEARCH = pathlib.Path(__file__).with_name("vector_search.py")
OURS, RIVALS = ("hnsw", "exact"), ("faiss-hnsw", "hnswlib", "faiss-ivf", "faiss-flat")
NPROBE = "1,4,16,64,256"
RECALLS = (0.9, 0.99, 0.999)


def search(context, vectors, name):
    """What the contender's program prints; the first call builds the index."""
    file = vectors.with_suffix("." + name)
    flags = ["--vectors", vectors, "--index", name, "--index-file", file]
    if name in OURS:
        return context.program("retrieval", *flags, "--index-threads", context.threads)
    candidates = ["--candidates", NPROBE] if name == "faiss-ivf" else []
    return json.loads(measure.run([context.python, SEARCH, *flags, *candidates]))


def curve(rounds):
    """The points of all rounds as one list of medians."""
    points = [dict(point) for point in rounds[0]["points"]]
    for i, point in enumerate(points):
        for key in ("batch_1_ms", "batch_64_ms"):
            point[key] = measure.median([one["points"][i][key] for one in rounds])
    return points


def compare(context, what, *made_by):
    vectors = context.work / f"{what}.safetensors".replace(" ", "_")
    result = context.program("retrieval", "--vectors", vectors, *made_by)
    built = {name: search(context, vectors, name) for name in context.indexes or OURS + RIVALS}
    rounds = {name: [] for name in built}
    for _ in range(context.rounds):
        for name in rounds:
            rounds[name].append(search(context, vectors, name))
    result["indexes"] = {name: {"build_seconds": built[name].get("build_seconds", 0), "library": built[name].get("library"),
                                "bytes_per_row": built[name].get("bytes_per_row", 4 * result["dimension"]),
                                "points": curve(rounds[name])} for name in rounds}
    if result["dimension"] == 768 and set(OURS) <= set(built):  # BERT-Base's: what it adds to a forward pass
        student = context.work / "retrieval-student"
        if not student.exists():
            workload.base_model(context.model, student, num_hidden_layers=6)
        flags = ["--vectors", vectors, "--index-file", vectors.with_suffix(".hnsw"), "--student", student]
        result["overhead"] = {name: context.program("retrieval", *flags, "--index", name)["overhead"] for name in OURS}
    for file in context.work.glob(vectors.stem + ".*"):
        file.unlink()
    return {"what": what, **result}


def rows(context):
    sizes = [(2500, 768), (67000, 768), (100000, 384)] + ([(393000, 768), (1000000, 384)] if context.full else [])
    if context.vectors:
        sizes = [tuple(map(int, size.split("x"))) for size in context.vectors.split(",")]
    for count, dimension in sizes:
        yield compare(context, f"{count} x {dimension}", "--rows", count, "--dimension", dimension)
    if context.kb:
        yield compare(context, "a knowledge base", "--kb", context.kb)


def cheapest(points, recall, key):
    """The least milliseconds among the points with this recall, or None."""
    return min((point[key] for point in points if point["recall_at_10"] >= recall), default=None)


def show(results):
    cells, curves, overheads = [], [], []
    for r in results:
        ours = r["indexes"].get("hnsw", {"points": []})["points"]
        for name, index in r["indexes"].items():
            line = [r["what"], index["library"] and f"{name} ({index['library']})" or f"reaugkd {name}", f"{index['build_seconds']:.1f}",
                    f"{index['bytes_per_row']:.0f}", f"{max(p['recall_at_10'] for p in index['points']):.4f}"]
            for key in ("batch_1_ms", "batch_64_ms"):
                for recall in RECALLS:
                    value, own = cheapest(index["points"], recall, key), cheapest(ours, recall, key)
                    line.append("" if value is None else f"{value:.3f}" + (f" ({value / own:.2f})" if own else ""))
            cells.append(line)
            curves += [[r["what"], name, p.get("candidates", ""), f"{p['recall_at_10']:.4f}", f"{p['batch_1_ms']:.3f}", f"{p['batch_64_ms']:.2f}",
                        f"{p['p_kb_difference_mean']:.1e}" if "p_kb_difference_mean" in p else ""] for p in index["points"]]
        overheads += [[r["what"], name, o["batch"], f"{o['forward_ms']:.1f}", f"{o['retrieval_ms']:.3f}", f"{o['overhead_percent']:.2f} %"]
                      for name, lines in r.get("overhead", {}).items() for o in lines]
    header = ["N x D", "index", "build, s", "bytes a row", "best recall@10",
              *(f"ms at {batch}, recall {recall}" for batch in (1, 64) for recall in RECALLS)]
    text = ("ms of a search with at least this recall, in brackets over reaugkd hnsw's:\n\n" + measure.table(header, cells)
            + "\n\nEach point:\n\n" + measure.table(["N x D", "index", "candidates", "recall@10", "ms at 1", "ms at 64", "p^KB differs"], curves))
    if overheads:
        text += ("\n\nBeside the forward of BERT-Base with 6 layers, fp32, 128 tokens:\n\n"
                 + measure.table(["N x D", "index", "batch", "forward, ms", "retrieval, ms", "overhead"], overheads))
    return text
