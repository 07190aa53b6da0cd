#!/usr/bin/env python3
"""What bench_retrieval is timed against: PyPI's FAISS and hnswlib on the same vectors.

    bench/vector_search.py --vectors v.safetensors --index faiss-hnsw --index-file v.faiss

Builds the index and writes its file, or loads the file that is there. Prints the JSON that bench_retrieval prints: build_seconds,
bytes_per_row and a point for each number of candidates (ef of HNSW, nprobe of IVF) with recall@10 and the milliseconds of a search
of one query and of 64 (medians). Both libraries are called as from Python, a NumPy array in and out.
"""
import argparse
import json
import os
import pathlib
import statistics
import sys
import time

import numpy as np

NEIGHBORS = 10


class Faiss:
    def __init__(self, args):
        import faiss
        self.library, self.kind = faiss, args.index
        self.version = f"faiss {faiss.__version__}"
        faiss.omp_set_num_threads(args.threads)

    def build(self, embeddings, args):
        rows, dimension = embeddings.shape
        product = self.library.METRIC_INNER_PRODUCT
        if self.kind == "faiss-hnsw":
            self.index = self.library.IndexHNSWFlat(dimension, args.M, product)
            self.index.hnsw.efConstruction = args.ef_construction
        elif self.kind == "faiss-ivf":
            self.index = self.library.index_factory(dimension, f"IVF{round(4 * rows ** 0.5)},Flat", product)
            self.index.train(embeddings)
        else:
            self.index = self.library.IndexFlatIP(dimension)
        self.index.add(embeddings)

    def save(self, path):
        self.library.write_index(self.index, str(path))

    def load(self, path, embeddings):
        self.index = self.library.read_index(str(path))

    def set_candidates(self, number):
        if self.kind == "faiss-ivf":
            self.index.nprobe = number
        else:
            self.index.hnsw.efSearch = number

    def search(self, queries):
        return self.index.search(queries, NEIGHBORS)[1]


class Hnswlib:
    def __init__(self, args):
        import hnswlib
        import importlib.metadata
        self.library, self.threads = hnswlib, args.threads
        self.version = f"hnswlib {importlib.metadata.version('hnswlib')}"

    def build(self, embeddings, args):
        rows, dimension = embeddings.shape
        self.index = self.library.Index(space="ip", dim=dimension)
        self.index.init_index(max_elements=rows, M=args.M, ef_construction=args.ef_construction)
        self.index.add_items(embeddings, num_threads=self.threads)

    def save(self, path):
        self.index.save_index(str(path))

    def load(self, path, embeddings):
        self.index = self.library.Index(space="ip", dim=embeddings.shape[1])
        self.index.load_index(str(path), max_elements=len(embeddings))

    def set_candidates(self, number):
        self.index.set_ef(number)

    def search(self, queries):
        return self.index.knn_query(queries, k=NEIGHBORS, num_threads=min(self.threads, len(queries)))[0]


def search_ms(index, queries, batch, most):
    times = []
    for begin in range(0, min(len(queries), most) - batch + 1, batch):
        some = queries[begin:begin + batch]
        start = time.perf_counter()
        index.search(some)
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times)


def point(index, queries, truth):
    found = index.search(queries)
    hits = sum(len(set(a) & set(b)) for a, b in zip(found.tolist(), truth.tolist()))
    return {"recall_at_10": hits / truth.size, "batch_1_ms": search_ms(index, queries, 1, 100),
            "batch_64_ms": search_ms(index, queries, 64, len(queries))}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vectors", required=True, type=pathlib.Path)
    parser.add_argument("--index", required=True, choices=["faiss-hnsw", "faiss-ivf", "faiss-flat", "hnswlib"])
    parser.add_argument("--index-file", required=True, type=pathlib.Path)
    parser.add_argument("--candidates", default="16,32,64,128,256")
    parser.add_argument("--M", type=int, default=16)
    parser.add_argument("--ef-construction", type=int, default=200)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    args = parser.parse_args()
    from safetensors import safe_open
    with safe_open(args.vectors, framework="numpy") as file:
        embeddings, queries, truth = (np.ascontiguousarray(file.get_tensor(name)) for name in ("embeddings", "queries", "truth"))
    index = Hnswlib(args) if args.index == "hnswlib" else Faiss(args)
    result = {"library": index.version, "threads": args.threads}
    if not args.index_file.exists():
        start = time.perf_counter()
        index.build(embeddings, args)
        result["build_seconds"] = time.perf_counter() - start
        index.save(args.index_file)
    else:
        index.load(args.index_file, embeddings)
    result["bytes_per_row"] = args.index_file.stat().st_size / len(embeddings)
    points = []
    for number in [None] if args.index == "faiss-flat" else map(int, args.candidates.split(",")):
        if number:
            index.set_candidates(number)
        points.append({**point(index, queries, truth), **({"candidates": number} if number else {})})
    json.dump({**result, "points": points}, sys.stdout)
    print()


if __name__ == "__main__":
    main()
