#!/usr/bin/env python3
"""`make bench-guard`: instructions of small pieces of work, counted by callgrind, beside those on record.

    bench/guard.py [--record]

Fails where one has more than 3 % more than bench/guard.json says. --record writes the counts anew: after a change that is worth
its instructions, with a word on it in the commit. The counts are of Debian 12's libraries, one thread and AVX2, which is what
valgrind lets a program see. Libraries look at the processor's maker, so each maker has a record of its own; without one, the
counts are printed and nothing fails.
"""
import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
RECORD = ROOT / "bench/guard.json"
ALLOWED = 0.03
# The same kernels and one thread wherever it runs.
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "OPENBLAS_CORETYPE": "Haswell", "ATEN_CPU_CAPABILITY": "avx2",
               "LC_ALL": "C", "GLIBC_TUNABLES": "glibc.cpu.x86_data_cache_size=32768:glibc.cpu.x86_shared_cache_size=1048576"}


def processor_maker():
    text = pathlib.Path("/proc/cpuinfo").read_text()
    found = re.search(r"^vendor_id\s*: (\S+)", text, re.MULTILINE)
    return found.group(1) if found else "unknown"


def count(binary):
    """{piece of work: instructions}"""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder, "counts")
        command = ["valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={out}", binary,
                   "--model", ROOT / "tests/golden/random-bert-l2-h32", "--vocabulary", ROOT / "data/demo/teacher",
                   "--texts", ROOT / "data/demo/train.tsv"]
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True, env=os.environ | ENVIRONMENT)
        if done.returncode != 0:
            raise SystemExit(f"bench-guard: {binary} under valgrind: exit {done.returncode}\n{done.stderr[-2000:]}")
        counts = {}
        for path in sorted(pathlib.Path(folder).glob("counts.*"), key=lambda path: int(path.suffix[1:])):
            text = path.read_text()
            name = re.search(r"^desc: Trigger: Client Request: (.+)$", text, re.MULTILINE)
            total = re.search(r"^(?:summary|totals): (\d+)", text, re.MULTILINE)
            if name and total:
                counts[name.group(1)] = int(total.group(1))
        return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=ROOT / "build/release/bin/bench_instructions")
    parser.add_argument("--record", action="store_true", help="write bench/guard.json")
    args = parser.parse_args()
    counts, maker = count(args.binary), processor_maker()
    records = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    if args.record:
        records[maker] = counts
        RECORD.write_text(json.dumps(records, indent=2) + "\n")
    recorded = records.get(maker)
    if recorded is None:
        print(f"no counts of {maker} on record: make bench-guard RECORD=1 writes them\n{json.dumps(counts, indent=2)}")
        return
    if counts.keys() != recorded.keys():
        raise SystemExit(f"bench-guard: counted {', '.join(counts)}; on record are {', '.join(recorded)}. Run: make bench-guard RECORD=1")
    print(f"{'':28}{'million':>10}{'on record':>12}{'more':>8}")
    slower = []
    for name, now in counts.items():
        more = now / recorded[name] - 1
        print(f"{name:28}{now / 1e6:10.2f}{recorded[name] / 1e6:12.2f}{100 * more:7.1f}%")
        if more > ALLOWED:
            slower.append(name)
    if slower:
        sys.exit(f"bench-guard: {', '.join(slower)}: over {100 * ALLOWED:.0f} % more instructions than on record. Make it as fast as "
                 "before, or run: make bench-guard RECORD=1, and say in the commit what the instructions are for")


if __name__ == "__main__":
    main()
