#!/usr/bin/env python3
"""Every stage on a full, read-only or forbidden disk: disk.py BINARY SOURCE [--quick]

A stage that cannot write ends with exit code 5 and a message that names the file and the system's
reason; what was there before is whole, and once there is room the same command with --resume ends
with the same bytes as a run that never failed. As root the disk is a small tmpfs in a mount namespace
of its own; otherwise a limit on the size of files stands for it. --quick: fewer files of each stage.
"""
import argparse
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from chain import STAGES, Chain, content, difference

PAGE = os.sysconf("SC_PAGE_SIZE")
NOBODY = 65534
failures, checks = [], 0


def check(holds, message):
    global checks
    checks += 1
    if not holds:
        failures.append(message)
        print("FAILED: " + message, file=sys.stderr)
    return holds


def fails_with(chain, command, code, words, why, **keywords):
    """Runs what must fail; the message must hold all words. hnswlib keeps the system's reason to
    itself: of index.hnsw it is said how many bytes arrived."""
    done = chain.run(command, **keywords)
    of_index = "index.hnsw: cannot be written" in done.stderr and "bytes arrived" in done.stderr
    missing = [word for word in words if word not in done.stderr and not of_index]
    check(done.returncode == code and not missing,
          f"{why}: exit code {done.returncode}, expected {code} and {words}:\n{done.stderr}")
    return done.stderr


def pages(size):
    return -(-size // PAGE)


def writing_order(directory):
    """The files of a finished stage, as they were completed, and the pages in use before each."""
    files = [path for path in directory.rglob("*") if path.is_file()]
    files.sort(key=lambda path: path.stat().st_mtime_ns)
    used, order = 0, []
    for path in files:
        order.append((path.relative_to(directory), used))
        used += pages(path.stat().st_size)
    return order, used


class SmallDisk:
    """A tmpfs on which a filler leaves just so many pages."""

    def __init__(self, place):
        self.place, self.filler = place, place / "filler"
        place.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", place], check=True)

    def leave(self, free_pages):
        self.empty()
        with open(self.filler, "wb") as file:
            state = os.statvfs(self.place)
            os.posix_fallocate(file.fileno(), 0, max(1, (state.f_bavail - free_pages)) * PAGE)

    def empty(self):
        self.filler.unlink(missing_ok=True)

    def clear(self):
        self.empty()
        for path in self.place.iterdir():
            shutil.rmtree(path)


def full_disk(chain, disk, stage, quick, named):
    """The disk is full when this or that file is written; then there is room again."""
    order, total = writing_order(chain.whole[stage])
    expected = content(chain.whole[stage])
    room = [used for _, used in order] + [used + 1 for _, used in order] + [0, total, total + 1]
    room = sorted(set(room))
    if quick:
        room = room[:: max(1, len(room) // 3)]
    for free in room:
        disk.clear()
        directory = disk.place / "run"
        why = f"{stage} with {free} pages free"
        disk.leave(free)
        command = chain.command(stage, directory)
        if "--save-steps" in command:  # checkpoints are the largest files: file_limit fails at them
            command[command.index("--save-steps") + 1] = "0"
        done = chain.run(command)
        if done.returncode == 0:
            continue  # there was room for all of it
        reason = "No space left" in done.stderr or "bytes arrived" in done.stderr  # hnswlib gives none
        check(done.returncode == 5 and reason and str(directory) in done.stderr,
              f"{why}: exit code {done.returncode}:\n{done.stderr}")
        named.update(name for name, _ in order if str(name) in done.stderr)
        check(not (directory / "metrics.json").exists(), f"{why}: looks finished")
        disk.empty()
        done = chain.run([*command, "--resume"])
        check(done.returncode == 0, f"{why}, --resume: exit code {done.returncode}:\n{done.stderr}")
        wrong = difference(directory, expected)
        check(not wrong, f"{why}, --resume: {wrong}")


def full_disk_overwrite(chain, disk, stage, quick):
    """The old directory stays as it was."""
    expected = content(chain.whole[stage])
    order, total = writing_order(chain.whole[stage])
    room = [total // 2] if quick else sorted({used for _, used in order} | {total - 1})
    for free in room:
        disk.clear()
        directory = disk.place / "run"
        shutil.copytree(chain.whole[stage], directory)
        disk.leave(free)
        why = f"{stage} --overwrite with {free} pages free"
        fails_with(chain, chain.command(stage, directory, "--overwrite", "--quiet"), 5, ["No space left"], why)
        wrong = difference(directory, expected)
        check(not wrong, f"{why}: {wrong}")
        left = sorted(path.name for path in disk.place.iterdir())
        check(left == ["filler", "run"], f"{why}: left {left}")


def limited(size):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # Python ignores it; a shell does not
    return limit


def file_limit(chain, work, stage, quick):
    """ulimit -f: each file in turn is too large."""
    expected = content(chain.whole[stage])
    sizes = sorted({path.stat().st_size for path in chain.whole[stage].rglob("*") if path.is_file()})
    for size in sizes[-1:] if quick else sizes:
        directory = work / "limited"
        why = f"{stage} with files of at most {size - 1} bytes"
        fails_with(chain, chain.command(stage, directory, "--quiet"), 5, ["File too large", str(directory)], why,
                   preexec_fn=limited(size - 1))
        done = chain.run(chain.command(stage, directory, "--resume"))
        wrong = difference(directory, expected) if done.returncode == 0 else done.stderr
        check(not wrong, f"{why}, --resume: {wrong}")
        shutil.rmtree(directory, ignore_errors=True)


def paths(chain, work):
    """Names that no directory can have, and places that cannot be written or read."""
    stage = "build-kb"
    for path, words in ((work / ("x" * 300), ["File name too long"]),
                        (work.joinpath(*["d" * 200] * 25), ["too long"]),
                        (work / "file" / "run", ["Not a directory"]),
                        (pathlib.Path("/proc/run"), ["/proc/run"])):
        (work / "file").write_text("")
        fails_with(chain, chain.command(stage, path), 5, words, f"--output {str(path)[:60]}...")
    environment = dict(chain.environment)
    chain.environment["TMPDIR"] = "/nonexistent"
    done = chain.run(chain.command(stage, work / "elsewhere"))
    chain.environment = environment
    check(done.returncode == 0 and not difference(work / "elsewhere", content(chain.whole[stage])),
          f"with another TMPDIR: {done.stderr}")
    with open("/dev/full", "w") as full:
        done = subprocess.run([chain.binary, "--options"], stdout=full, stderr=subprocess.PIPE, text=True)
    check(done.returncode == 5 and "stdout" in done.stderr, f"/dev/full: {done.returncode} {done.stderr}")


def forbidden(chain, work):
    """What an ordinary user may not write or read."""
    root = os.getuid() == 0
    as_user = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if root else {}
    probe = subprocess.run([chain.binary, "--version"], capture_output=True, **as_user)
    if probe.returncode != 0:
        print("skipped: another user cannot start the binary here", file=sys.stderr)
        return
    for path in [work, *work.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    locked = work / "locked"
    locked.mkdir(mode=0o555)
    fails_with(chain, chain.command("build-kb", locked), 5, ["Permission denied", "locked"], "no right to write", **as_user)
    fails_with(chain, chain.command("build-kb", locked / "run"), 5, ["Permission denied"], "no right to make", **as_user)
    secret = work / "secret"
    shutil.copytree(chain.whole["project"], secret / "teacher")
    command = [str(secret / "teacher") if part == str(chain.whole["project"]) else part
               for part in chain.command("build-kb", "/tmp/never")]
    for path in (secret / "teacher" / "features.safetensors", secret / "teacher", secret):
        path.chmod(0)
        fails_with(chain, command, 5, ["Permission denied", "secret"], f"{path.name} is not readable", **as_user)
        path.chmod(0o755)
    check(not os.path.exists("/tmp/never"), "a directory was left")


def full_disk_of_ranks(chain, disk, work):
    """The first rank, which alone writes, meets it: both end with its message, and then both go on."""
    stage = "teacher-finetune"
    command = chain.command(stage, disk.place / "run")
    command[1:1] = ["--ranks", "2"]
    command[command.index("--save-steps") + 1] = "0"
    whole = [str(work / "of-ranks") if part == str(disk.place / "run") else part for part in command]
    check(chain.run(whole).returncode == 0, "two ranks: the whole run")
    _, total = writing_order(work / "of-ranks")
    for free in (0, total // 2, total - 1):
        disk.clear()
        disk.leave(free)
        why = f"two ranks with {free} pages free"
        start = time.monotonic()
        fails_with(chain, command, 5, ["No space left", str(disk.place / "run")], why)
        check(time.monotonic() - start < 60, f"{why}: took {time.monotonic() - start:.0f} s")
        disk.empty()
        done = chain.run([*command, "--resume"])
        check(done.returncode == 0, f"{why}, --resume: exit code {done.returncode}:\n{done.stderr}")
        wrong = difference(disk.place / "run", content(work / "of-ranks"))
        check(not wrong, f"{why}, --resume: {wrong}")


def in_namespace(chain, work, quick):
    disk = SmallDisk(work / "disk")
    for stage in STAGES:
        named = set()
        full_disk(chain, disk, stage, quick, named)
        full_disk_overwrite(chain, disk, stage, quick)
        order = [name for name, _ in writing_order(chain.whole[stage])[0]]
        print(f"{stage}: the disk was full at {len(named)} of {len(order)} files"
              f"{'' if quick else ', not at ' + ', '.join(str(n) for n in order if n not in named)}")
    full_disk_of_ranks(chain, disk, work)
    disk.clear()
    whole = disk.place / "run"
    shutil.copytree(chain.whole["eval"], whole)
    subprocess.run(["mount", "-o", "remount,ro", disk.place], check=True)
    for flags in (["--overwrite"], ["--resume", "--k", "3"], []):
        code = 2 if "--k" in flags else 5
        fails_with(chain, chain.command("eval", whole, *flags), code, [str(whole)], f"read-only disk {flags}")
    fails_with(chain, chain.command("eval", disk.place / "new"), 5, ["Read-only file system"], "read-only disk")
    check(not difference(whole, content(chain.whole["eval"])), "a read-only disk: changed?")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("source")
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    unshared = os.environ.get("REAUGKD_UNSHARED")
    if not unshared and subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode == 0:
        os.environ["REAUGKD_UNSHARED"] = "1"
        os.execvp("unshare", ["unshare", "-m", sys.executable, *sys.argv])
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        chain = Chain(arguments.binary, arguments.source, work)
        chain.make_whole()
        paths(chain, work)
        for stage in STAGES:
            file_limit(chain, work, stage, arguments.quick)
        if unshared:
            in_namespace(chain, work, arguments.quick)
            subprocess.run(["umount", work / "disk"], check=True)
        else:
            print("skipped: no right to mount a small disk (unshare -m)", file=sys.stderr)
        forbidden(chain, work)
    print(f"{checks} checks, {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
