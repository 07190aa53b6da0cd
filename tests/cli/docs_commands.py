#!/usr/bin/env python3
"""The commands on the pages work as they stand: docs_commands.py BINARY SOURCE [PAGE...]

Each page's ```bash blocks are run in order, as one script, in a copy of the source with the binary in build/release.
A block that needs root, a network or hours stands below a line that says why it is left out:

    <!-- not run: installs packages as root -->

The copy has the files that README.md calls the reader's own: train.csv and dev.csv. Without PAGE: the pages below,
without the caller's data and models (GLUE_DIR, MODEL_DIR).
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

PAGES = ["README.md", "docs/install.md", "docs/getting-started.md", "examples/README.md"]
LANGUAGES = {"bash", "text", "json", "csv", "python"}  # "sh" or "console" would not be run, and nobody would notice
NOT_COPIED = shutil.ignore_patterns(".git", ".venv*", "build", "runs", "__pycache__")


def blocks(page, text):
    """(line number, commands, reason to leave them out or None) of each ```bash block."""
    lines = text.splitlines()
    found, fence, start = [], None, 0
    for number, line in enumerate(lines):
        opening = re.match(r" *```(\S*)", line)
        if not opening:
            continue
        if fence is None:
            fence, start = opening[1], number
            if fence not in LANGUAGES:
                sys.exit(f"{page}:{number + 1}: a fence of {fence!r}, expected one of {', '.join(sorted(LANGUAGES))}")
        else:
            if fence == "bash":
                before = next((above for above in reversed(lines[:start]) if above.strip()), "")
                left_out = re.match(r" *<!-- not run: (.+) -->$", before)
                found.append((start + 1, "\n".join(lines[start + 1:number]), left_out and left_out[1]))
            fence = None
    return found


def write_readers_files(directory, demo):
    """train.csv and dev.csv: the demo's sentences, text and label."""
    for part, rows in (("train", 400), ("dev", 100)):
        lines = (demo / f"{part}.tsv").read_text(encoding="utf-8").splitlines()[1:rows + 1]
        made = [f'"{sentence}",{"praise" if label == "1" else "blame"}' for sentence, label in (l.split("\t") for l in lines)]
        (directory / f"{part}.csv").write_text("\n".join(["text,label", *made]) + "\n", encoding="utf-8")


def main(binary, source, *pages):
    environment = {name: value for name, value in os.environ.items() if pages or name not in ("GLUE_DIR", "MODEL_DIR")}
    with tempfile.TemporaryDirectory() as work:
        copy = pathlib.Path(work) / "reaugkd"
        shutil.copytree(source, copy, ignore=NOT_COPIED, symlinks=True)
        (copy / "build/release/bin").mkdir(parents=True)
        (copy / "build/release/bin/reaugkd").symlink_to(pathlib.Path(binary).resolve())
        write_readers_files(copy, copy / "data/demo")
        failed = []
        for page in pages or PAGES:
            all_blocks = blocks(page, (copy / page).read_text(encoding="utf-8"))
            left_out = [f"  {page}:{line}: not run: {reason}" for line, _, reason in all_blocks if reason]
            script = "\n".join(f"echo '== {page}:{line}' >&2\n{commands}" for line, commands, reason in all_blocks if not reason)
            if not script:
                sys.exit(f"{page}: no command to run")
            done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=copy, env=environment, text=True,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            print(f"{page}: {len(all_blocks) - len(left_out)} blocks run, {'passed' if done.returncode == 0 else 'FAILED'}")
            print("\n".join(left_out), end="\n" if left_out else "")
            if done.returncode != 0:
                failed.append(page)
                print("\n".join(done.stdout.splitlines()[-30:]))
        return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
