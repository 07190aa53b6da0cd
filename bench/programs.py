"""The parts that C++ programs of this directory measure: the machine's ceilings, retrieval, tokenizing."""
import measure
import workload

NAMES = ("hnsw", "exact", "faiss hnsw", "faiss flat")


class Ceilings:
    @staticmethod
    def rows(context):
        yield context.ceilings(256, 768)

    @staticmethod
    def show(results):
        cells = [[f"products of a layer {width} wide, {results[0]['tokens']} rows", precision, f"{rate / 1e9:.0f} GFLOP/s"]
                 for precision, rates in results[0]["flops_per_second"].items() for width, rate in rates.items()]
        cells.append(["memory copy, read and written", "", f"{results[0]['copy_bytes_per_second'] / 1e9:.1f} GB/s"])
        return measure.table([f"{results[0]['threads']} threads", "precision", "rate"], cells)


class Retrieval:
    @staticmethod
    def rows(context):
        student = workload.base_model(context.model, context.work / "retrieval-student", num_hidden_layers=6)
        for rows in (2500, 67000, 393000) if context.full else (2500, 67000):
            for dimension in (256, 768):
                flags = ["--student", student] if dimension == 768 else []
                yield context.program("retrieval", "--rows", rows, "--dimension", dimension, *flags)
        if context.kb:
            yield context.program("retrieval", "--kb", context.kb)

    @staticmethod
    def show(results):
        header = ["N x D", "index", "build, s", "bytes a row", "recall@10", "p^KB differs: mean, largest", "ms at 1",
                  "ms at 64", "FAISS's over it at 1, at 64"]
        cells = []
        for r in results:
            indexes = r["indexes"]
            for name in (n for n in NAMES if n in indexes):
                row, baseline = indexes[name], indexes.get({"hnsw": "faiss hnsw", "exact": "faiss flat"}.get(name))
                over = ", ".join(f"{baseline[k] / row[k]:.2f}" for k in ("batch_1_ms", "batch_64_ms")) if baseline else ""
                cells.append([f"{r['rows']} x {r['dimension']}" + (" (a KB's)" if r["vectors"] != "made" else ""), name,
                              f"{row['build_seconds']:.2f}", f"{row['bytes_per_row']:.0f}", f"{row['recall_at_10']:.4f}",
                              f"{row['p_kb_difference_mean']:.1e}, {row['p_kb_difference_max']:.1e}",
                              f"{row['batch_1_ms']:.3f}", f"{row['batch_64_ms']:.2f}", over])
        overheads = [[f"{r['rows']}", name, o["batch"], f"{o['forward_ms']:.1f}", f"{o['retrieval_ms']:.3f}",
                      f"{o['overhead_percent']:.2f} %"]
                     for r in results for name, all_of in r.get("overhead", {}).items() for o in all_of]
        return (measure.table(header, cells) + "\n\nBeside the forward of BERT-Base with 6 layers, fp32, 128 tokens:\n\n"
                + measure.table(["N", "index", "batch", "forward, ms", "retrieval, ms", "overhead"], overheads))


class Tokenizing:
    @staticmethod
    def rows(context):
        for task, file in (("rte", "RTE/train.tsv"), ("qnli", "QNLI/train.tsv"), ("qnli", "QNLI/train_subset.tsv")):
            if (context.glue / file).exists():
                result = context.program("tokenizing", "--model", context.model, "--task", task, "--file",
                                         context.glue / file)
                yield {"file": file, **result}

    @staticmethod
    def show(results):
        cells = [[r["file"], r["rows"], rate["threads"], f"{rate['rows_per_second']:.0f}",
                  f"{1e5 / rate['rows_per_second']:.2f} s", f"{100 * rate['spread']:.0f} %"]
                 for r in results for rate in r["rates"]]
        return measure.table(["pairs of", "pairs", "threads", "pairs/s", "100,000 pairs", "spread"], cells)
