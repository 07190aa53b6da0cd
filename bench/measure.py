"""How every part of the benchmark measures: interleaved rounds, medians and spreads, peak memory, tables."""
import os
import statistics
import subprocess
import time


def interleave(calls, rounds):
    """{name: call} -> {name: {key: [value of each round]}}; a call returns {key: value}. All of them in turn, each round."""
    results = {name: {} for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            for key, value in call().items():
                results[name].setdefault(key, []).append(value)
    return results


def median(values):
    return statistics.median(values)


def spread(values):
    return (max(values) - min(values)) / median(values)


def ratio(results, key, over, under):
    return median(results[over][key]) / median(results[under][key])


def run(command, environment=None):
    """Standard output of a command that must succeed."""
    full = {**os.environ, **(environment or {})}
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, env=full)
    if done.returncode != 0:
        raise SystemExit(f"benchmark: {' '.join(map(str, command))}: exit {done.returncode}\n{done.stderr[-2000:]}")
    return done.stdout


def run_measured(command, output=os.devnull):
    """Wall seconds and peak resident MiB of one command, whose standard output goes to the file `output`."""
    start = time.perf_counter()
    with open(output, "wb") as file:
        process = subprocess.Popen([str(c) for c in command], stdout=file, stderr=subprocess.PIPE)
        error = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"benchmark: {' '.join(map(str, command))}: exit {process.returncode}\n{error[-2000:].decode()}")
    return {"seconds": time.perf_counter() - start, "peak_mib": usage.ru_maxrss / 1024}


def table(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def machine():
    """The processor, its cores and what multiplies bf16."""
    text = open("/proc/cpuinfo", encoding="utf-8").read()
    fields = dict(line.split(":", 1) for line in text.split("\n\n")[0].splitlines() if ":" in line)
    fields = {key.strip(): value.strip() for key, value in fields.items()}
    flags = fields.get("flags", "").split()
    return {"processor": fields.get("model name", "unknown"), "cores": os.cpu_count(),
            "bf16": [f for f in ("amx_bf16", "avx512_bf16") if f in flags], "load_at_start": os.getloadavg()[0]}
