#!/usr/bin/env python3
"""Fetches GLUE from its official addresses into the layout that reaugkd reads.

    data/get_glue.py --output $GLUE_DIR                     all nine tasks
    data/get_glue.py --output $GLUE_DIR --tasks RTE,SST-2
    data/get_glue.py --output $GLUE_DIR --from DIR          from files fetched elsewhere (--list names them)

A task whose folder is there is left alone; a fetch that was cut off leaves nothing behind. Standard library only.
"""
import argparse
import os
import pathlib
import shutil
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zipfile

DATA = "https://dl.fbaipublicfiles.com/glue/data/"
PARAPHRASES = "https://dl.fbaipublicfiles.com/senteval/senteval_data/"
ARCHIVES = {"CoLA": "CoLA.zip", "SST-2": "SST-2.zip", "STS-B": "STS-B.zip", "QQP": "QQP-clean.zip",
            "MNLI": "MNLI.zip", "QNLI": "QNLIv2.zip", "RTE": "RTE.zip", "WNLI": "WNLI.zip"}
MRPC = {"msr_paraphrase_train.txt": PARAPHRASES, "msr_paraphrase_test.txt": PARAPHRASES, "mrpc_dev_ids.tsv": DATA}
TASKS = sorted([*ARCHIVES, "MRPC"])


def fail(message):
    sys.exit(f"get_glue.py: {message}")


def addresses(task):
    """{file name: address} of what a task is made of."""
    if task == "MRPC":
        return {name: base + name for name, base in MRPC.items()}
    return {ARCHIVES[task]: DATA + ARCHIVES[task]}


def download(address, path):
    try:
        with urllib.request.urlopen(address, timeout=60) as answer, open(path, "wb") as file:
            expected = int(answer.headers.get("Content-Length") or 0)
            done, started = 0, time.time()
            while True:
                block = answer.read(1 << 20)
                if not block:
                    break
                file.write(block)
                done += len(block)
                if sys.stderr.isatty():
                    rate = done / 1e6 / max(time.time() - started, 1e-3)
                    print(f"\r{path.name}  {done / 1e6:.1f} of {expected / 1e6:.1f} MB  {rate:.1f} MB/s  ", end="",
                          file=sys.stderr)
    except (urllib.error.URLError, OSError) as error:
        fail(f"{address}: {error}; without a network, fetch the files that --list names elsewhere and give --from DIR")
    if sys.stderr.isatty():
        print(file=sys.stderr)
    if expected and done != expected:
        fail(f"{address}: {done} bytes came, expected {expected}: start again")


def obtain(task, source, folder):
    """The task's files, from `source` or the network, in `folder`."""
    for name, address in addresses(task).items():
        if source is None:
            download(address, folder / name)
        elif (source / name).exists():
            shutil.copyfile(source / name, folder / name)
        else:
            fail(f"{source / name}: is not there; it comes from {address}")


def unpack(archive, folder):
    """The archive's files without its own top folder. Refuses entries that would leave `folder`."""
    try:
        with zipfile.ZipFile(archive) as opened:
            broken = opened.testzip()
            if broken:
                fail(f"{archive.name}: {broken} is damaged: fetch it again")
            for entry in opened.infolist():
                parts = pathlib.PurePosixPath(entry.filename).parts
                if entry.filename.startswith("/") or ".." in parts:
                    fail(f"{archive.name}: its entry {entry.filename!r} leads out of the archive; it is not GLUE's")
                if entry.is_dir() or len(parts) < 2 or parts[0] == "__MACOSX":
                    continue
                target = folder.joinpath(*parts[1:])
                target.parent.mkdir(parents=True, exist_ok=True)
                with opened.open(entry) as packed, open(target, "wb") as file:
                    shutil.copyfileobj(packed, file)
    except zipfile.BadZipFile as error:
        fail(f"{archive.name}: is not a zip archive ({error}): fetch it again")


def read_lines(path):
    return path.read_text(encoding="utf-8-sig").splitlines()


def make_mrpc(raw, folder):
    """MRPC comes as its authors' two files; GLUE names the rows of train that are its dev set."""
    dev_ids = {tuple(line.split("\t")[:2]) for line in read_lines(raw / "mrpc_dev_ids.tsv")}
    train, dev = [], []
    header, *rows = read_lines(raw / "msr_paraphrase_train.txt")
    for number, row in enumerate(rows, 2):
        fields = row.split("\t")
        if len(fields) != 5:
            fail(f"msr_paraphrase_train.txt:{number}: expected 5 columns, got {len(fields)}")
        (dev if (fields[1], fields[2]) in dev_ids else train).append(row)
    if not dev:
        fail("mrpc_dev_ids.tsv names no row of msr_paraphrase_train.txt: the files do not belong together")
    columns = header.split("\t")
    test = ["\t".join(["index", *columns[1:]])]
    for index, row in enumerate(read_lines(raw / "msr_paraphrase_test.txt")[1:]):
        test.append("\t".join([str(index), *row.split("\t")[1:]]))
    for name, lines in (("train", [header, *train]), ("dev", [header, *dev]), ("test", test)):
        (folder / f"{name}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def get(task, source, output):
    folder = output / task
    if folder.exists():
        print(f"{task}: {folder} is there, left alone")
        return
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{task}-", dir=output) as work:
        raw, made = pathlib.Path(work) / "raw", pathlib.Path(work) / task
        raw.mkdir()
        made.mkdir()
        obtain(task, source, raw)
        if task == "MRPC":
            make_mrpc(raw, made)
        else:
            unpack(raw / ARCHIVES[task], made)
        files = sorted(path.name for path in made.glob("*.tsv"))
        wanted = "dev_matched.tsv" if task == "MNLI" else "dev.tsv"
        if "train.tsv" not in files or wanted not in files:
            fail(f"{task}: expected train.tsv and {wanted}, got {', '.join(files) or 'nothing'}")
        os.rename(made, folder)
    print(f"{task}: {', '.join(files)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=pathlib.Path, help="the directory to make, $GLUE_DIR")
    parser.add_argument("--tasks", default=",".join(TASKS), help="comma separated; default: %(default)s")
    parser.add_argument("--from", dest="source", type=pathlib.Path, help="directory with the files, instead of a network")
    parser.add_argument("--list", action="store_true", help="print the addresses and do nothing")
    args = parser.parse_args()
    tasks = args.tasks.split(",")
    for task in tasks:
        if task not in TASKS:
            fail(f"--tasks: {task!r} is not one of {', '.join(TASKS)}")
    if args.list:
        print("\n".join(address for task in tasks for address in addresses(task).values()))
        return
    if not args.output:
        fail("--output is required")
    for task in tasks:
        get(task, args.source, args.output)


if __name__ == "__main__":
    main()
