"""Finished runs in one small file: what the tables are made of. `report` reads it as it reads the runs' directory."""
import contextlib
import io
import json
import lzma
import pathlib
import tarfile
import tempfile

from .errors import UserError
from .json_file import read_json
from .tab_separated import read_tab_separated

SUFFIX = ".tar.xz"
KEPT_COLUMNS = ("index", "label", "prediction", "student_prediction", "kb_prediction", "score", "student_score", "kb_score")
KEPT_PARTS = ("student_p_", "kb_p_")  # prefixes of probabilities
KEPT_OF_RUN = ("command", "version", "machine")  # paths are left out, but for the name of eval's student


def keep(runs, output):
    """Writes `output` from an output directory of the run command. The same runs give the same bytes."""
    if not output.name.endswith(SUFFIX):
        raise UserError(f"{output}: expected a name that ends in {SUFFIX}")
    found = sorted(path for path in runs.glob("*/seed-*/*/metrics.json") if "." not in path.parent.parent.name)
    if not found:
        raise UserError(f"{runs}: no stage is finished there; expected TASK/seed-N/STAGE/metrics.json")
    output.parent.mkdir(parents=True, exist_ok=True)
    temporary = output.with_name(output.name + ".tmp")
    with tarfile.open(temporary, "w:xz", preset=9) as archive:
        for path in sorted(runs.glob("plan*.json")):
            add(archive, path.relative_to(runs), path.read_text(encoding="utf-8"))
        for metrics in found:
            for name, text in texts_of(metrics.parent):
                add(archive, metrics.parent.relative_to(runs) / name, text)
    temporary.replace(output)
    return len(found)


def texts_of(directory):
    """The name and the text of each file that is kept of a finished stage."""
    yield "metrics.json", json.dumps(read_json(directory / "metrics.json"))
    run = read_json(directory / "run.json")
    kept = {key: run[key] for key in KEPT_OF_RUN if key in run}
    kept["options"] = {"model": pathlib.Path(run.get("options", {}).get("model") or "").name}
    yield "run.json", json.dumps(kept)
    predictions = directory / "predictions.tsv"
    if predictions.exists():
        table = read_tab_separated(predictions, ["index", "label"])
        probabilities = [name for name in table if name.startswith(KEPT_PARTS)]
        table[probabilities] = table[probabilities].astype(float).map("{:.4g}".format)
        kept = [name for name in KEPT_COLUMNS if name in table] + probabilities
        yield predictions.name, table[kept].to_csv(sep="\t", index=False, lineterminator="\n")
    sweep = directory / "sweep.tsv"
    if sweep.exists():
        yield sweep.name, sweep.read_text(encoding="utf-8")


def add(archive, name, text):
    data = text.encode()
    entry = tarfile.TarInfo(name.as_posix())
    entry.size = len(data)
    archive.addfile(entry, io.BytesIO(data))


@contextlib.contextmanager
def opened(runs):
    """The same directories, and in place of each archive a temporary one with what it holds."""
    with tempfile.TemporaryDirectory() as temporary:
        yield [unpacked(run, pathlib.Path(temporary) / str(i)) if run.name.endswith(SUFFIX) else run for i, run in enumerate(runs)]


def unpacked(path, folder):
    to = folder / path.name.removesuffix(SUFFIX)
    try:
        with tarfile.open(path, "r:xz") as archive:
            for entry in archive:
                file = to / entry.name
                if not entry.isfile() or ".." in file.parts or not file.is_relative_to(to):
                    raise UserError(f'{path}: "{entry.name}" is no file below it; expected what `reaugkd-experiments keep` writes')
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(archive.extractfile(entry).read())
    except (OSError, tarfile.TarError, EOFError, lzma.LZMAError) as error:
        raise UserError(f"{path}: cannot read the archive: {error}; expected what `reaugkd-experiments keep` writes") from error
    return to
