#!/usr/bin/env python3
"""Training on two machines with a slow cable: two network namespaces whose link lets so many bits through. Needs root, iproute2's ip
and tc.

    bench/link.py --model $MODEL_DIR --glue $GLUE_DIR --task rte --rates 1gbit,4gbit,none

Each rank has one thread. Beside them one process with two threads, which sends nothing. Prints examples a second, in turn, medians.
--others NAME=BINARY,... times further builds on the same link.
"""
import argparse
import contextlib
import json
import os
import pathlib
import subprocess
import tempfile

import measure
import workload

ADDRESS = "10.78.0."


@contextlib.contextmanager
def two_machines(rate):
    names = [f"reaugkd-link-{os.getpid()}-{side}" for side in (1, 2)]
    run = lambda *command: subprocess.run(command, check=True)
    try:
        for name in names:
            run("ip", "netns", "add", name)
        run("ip", "link", "add", "wire1", "netns", names[0], "type", "veth", "peer", "name", "wire2", "netns", names[1])
        for side, name in enumerate(names, 1):
            run("ip", "-n", name, "addr", "add", f"{ADDRESS}{side}/24", "dev", f"wire{side}")
            run("ip", "-n", name, "link", "set", f"wire{side}", "up")
            run("ip", "-n", name, "link", "set", "lo", "up")
            if rate != "none":
                run("ip", "netns", "exec", name, "tc", "qdisc", "add", "dev", f"wire{side}", "root", "tbf", "rate", rate, "burst", "512kb",
                    "latency", "100ms")
        yield names
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], check=False)


def train(args, work, names, binary, flags):
    """Examples a second of a teacher-finetune: on two ranks where `names` has their machines."""
    command = [str(binary), "teacher-finetune", "--model", args.model, "--task", args.task, "--data", str(work / "data"), "--validation", "dev",
               "--epochs", "1", "--save-minutes", "0", "--precision", args.precision, "--output", str(work / "out"), "--overwrite", "--quiet",
               *flags]
    if names is None:
        measure.run(command, {"OMP_NUM_THREADS": "2"})
    else:
        ranks = []
        for rank, name in enumerate(names):
            (work / f"tmp{rank}").mkdir(exist_ok=True)
            ranks.append(subprocess.Popen(["ip", "netns", "exec", name, *command], env={
                **os.environ, "OMP_NUM_THREADS": "1", "RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": f"{ADDRESS}1", "MASTER_PORT": "29400",
                "GLOO_SOCKET_IFNAME": f"wire{rank + 1}", "TMPDIR": str(work / f"tmp{rank}")}, stdout=subprocess.DEVNULL))
        if any([rank.wait() for rank in ranks]):
            raise SystemExit(f"{binary}: training on ranks failed")
    return {"examples_per_second": json.loads((work / "out" / "metrics.json").read_text())["timing"]["examples_per_second"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default="build/release/bin/reaugkd")
    parser.add_argument("--others", default="", metavar="NAME=BINARY,...")
    parser.add_argument("--model", required=True)
    parser.add_argument("--glue", required=True, type=pathlib.Path)
    parser.add_argument("--task", default="rte")
    parser.add_argument("--examples", type=int, default=320)
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--rates", default="1gbit,4gbit,none", help="of the link, as tc writes them (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    others = [other.split("=", 1) for other in args.others.split(",") if other]
    cells = []
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        workload.cut_data(args.glue, args.task, work / "data", args.examples)
        for rate in args.rates.split(","):
            with two_machines(rate) as names:
                calls = {"one process": lambda: train(args, work, None, args.binary, []),
                         "fp32": lambda: train(args, work, names, args.binary, []),
                         "bf16": lambda: train(args, work, names, args.binary, ["--gradient-exchange", "bf16"])}
                for name, binary in others:
                    calls[name] = lambda binary=binary: train(args, work, names, binary, [])
                rounds = measure.interleave(calls, args.rounds)
            cells.append([rate, *(f"{measure.median(rounds[name]['examples_per_second']):.1f}" for name in calls)])
    print(measure.table(["link", *calls], cells))


if __name__ == "__main__":
    main()
