#!/usr/bin/env python3
"""The modules of lib/ include only what stands below them; CMake declares exactly these edges; what lies below the
stages knows no flags.

    tests/layout/layout_test.py [ROOT]

Reads the #include lines. docs/developer/architecture.md shows the order.
"""
import pathlib
import re
import sys

# Lowest first. Modules of one level do not include one another.
LEVELS = [
    ["base", "kernels"],
    ["run", "metrics", "text", "tensor", "parallel"],
    ["data", "models", "losses", "retrieval"],
    ["train"],
    ["distill", "evaluation", "serving"],
    ["stages"],
]
LEVEL = {module: level for level, modules in enumerate(LEVELS) for module in modules}
WITHOUT_LIBTORCH = ["base", "kernels", "run", "metrics", "text", "data"]
# Each library that is seen by one file alone.
SEEN_BY = {
    "oneapi/dnnl/dnnl.hpp": "lib/kernels/onednn.h",
    "hnswlib/hnswlib.h": "lib/retrieval/hnsw_index.cpp",
    "torch/csrc/distributed/c10d/ProcessGroupGloo.hpp": "lib/parallel/group.h",
    "sentencepiece_processor.h": "lib/text/sentencepiece_shim/sentencepiece_shim.cpp",
}
# Each of our headers that brings such a library with it, and the module that keeps it to itself.
KEPT_BY = {"kernels/onednn.h": "kernels"}
INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)', re.M)
STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"|//[^\n]*')
FLAG = re.compile(r"--[a-z][a-z-]+")


def sources(folder):
    return sorted(path for path in folder.rglob("*") if path.suffix in (".cpp", ".h"))


def includes(path):
    for ours, theirs in INCLUDE.findall(path.read_text()):
        yield ours or theirs


def module_edges(root):
    """Module -> the modules it includes."""
    edges = {}
    for folder in sorted((root / "lib").iterdir()):
        if not folder.is_dir():
            continue
        edges[folder.name] = {name.split("/")[0] for path in sources(folder) for name in includes(path)
                              if name.split("/")[0] in LEVEL and "/" in name} - {folder.name}
    return edges


def declared_edges(root):
    """The same from lib/CMakeLists.txt."""
    text = (root / "lib/CMakeLists.txt").read_text()
    return {name: set(re.findall(r"reaugkd_(\w+)", body)) for name, body in
            re.findall(r"reaugkd_module\((\w+)([^)]*)\)", text)}


def order_problems(root):
    problems = []
    edges = module_edges(root)
    for name in sorted(set(edges) - set(LEVEL)):
        problems.append(f"lib/{name}: no level is known; add it to tests/layout/layout_test.py and to the docs")
    for path in sources(root / "lib"):
        module = path.relative_to(root / "lib").parts[0]
        for name in includes(path):
            other = name.split("/")[0]
            if "/" not in name or other not in LEVEL or other == module or module not in LEVEL:
                continue
            if LEVEL[other] >= LEVEL[module]:
                problems.append(f"{path.relative_to(root)}: includes {name}, but {module} stands below {other} or beside it")
    declared = declared_edges(root)
    for module, used in edges.items():
        for missing in sorted(used - declared.get(module, set())):
            problems.append(f"lib/CMakeLists.txt: {module} includes {missing}, which its DEPENDS lack")
        for unused in sorted(declared.get(module, set()) - used):
            problems.append(f"lib/CMakeLists.txt: {module} DEPENDS on {unused}, which it does not include")
    return problems


def library_problems(root):
    problems = []
    for path in sources(root / "lib") + sources(root / "apps"):
        where = str(path.relative_to(root))
        module = where.split("/")[1]
        for name in includes(path):
            if name in SEEN_BY and where != SEEN_BY[name]:
                problems.append(f"{where}: includes {name}, which {SEEN_BY[name]} alone may")
            if name in KEPT_BY and (module != KEPT_BY[name] or not where.endswith(".cpp")):
                problems.append(f"{where}: includes {name}, which lib/{KEPT_BY[name]}/*.cpp alone may")
            if module in WITHOUT_LIBTORCH and where.startswith("lib/") and re.match(r"(torch|ATen|c10)/", name):
                problems.append(f"{where}: includes {name}, but {module} is built without LibTorch")
    return problems


def flag_problems(root):
    """Flags in texts below the stages: name the option's key in backticks, the command line spells it as a flag. The
    lists of options (their help) are what flags come from."""
    problems = []
    for path in sources(root / "lib"):
        where = str(path.relative_to(root))
        if where.split("/")[1] == "stages" or path.name.endswith("options.cpp"):
            continue
        text = re.sub(r"\b(?:list|options)\.add\(\s*\{.*?\}\);", "", path.read_text(), flags=re.S)
        for literal in STRING.findall(text):
            if literal.startswith('"') and FLAG.search(literal):
                problems.append(f"{where}: {literal} names a flag; write its key in backticks")
    return problems


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2]).resolve()
    problems = order_problems(root) + library_problems(root) + flag_problems(root)
    for problem in problems:
        print(problem)
    print(f"{len(LEVEL)} modules, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
