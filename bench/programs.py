"""The parts that C++ programs of this directory measure alone: the machine's ceilings, tokenizing."""
import measure


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
