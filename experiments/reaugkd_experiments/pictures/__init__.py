"""The pictures of finished runs. Each is drawn from the CSV beside it alone."""
import pandas as pd

from ..errors import UserError
from ..task import read_tasks
from . import embeddings, k_beta, kb_size, latency, reliability
from .style import save

KINDS = {"k-beta": k_beta, "kb-size": kb_size, "latency": latency, "reliability": reliability, "embeddings": embeddings}


def draw_runs(runs, output, method):
    """Writes a CSV and a picture for everything that was measured."""
    tasks, _ = read_tasks(runs)
    tables = [(f"{name}-{kind}", table) for task in tasks for kind, module in KINDS.items()
              for name, table in module.tables(task, method)]
    if not tables:
        raise UserError(f"nothing to draw of {method} in {', '.join(map(str, runs))}; expected evaluations with --sweep, "
                        "--kb-rows, --latency-examples or --embedding-map, or another --method")
    output.mkdir(parents=True, exist_ok=True)
    for name, table in tables:
        table.to_csv(output / f"{name}.csv", index=False)
        draw(output / f"{name}.csv")


def redraw(folder):
    """Draws every picture of a folder again from its CSV."""
    files = [path for path in sorted(folder.glob("*.csv")) if kind_of(path)]
    if not files:
        raise UserError(f"--redraw {folder}: no CSV of a picture there; expected names that end in -{', -'.join(KINDS)}")
    for path in files:
        draw(path)


def kind_of(path):
    """The longest kind that the name ends with, or None."""
    return max((kind for kind in KINDS if path.stem.endswith(f"-{kind}")), key=len, default=None)


def draw(path):
    """Draws one CSV and prints the picture's path."""
    kind = kind_of(path)
    module = KINDS[kind]
    try:
        figure = module.draw(path.stem.removesuffix(f"-{kind}"), pd.read_csv(path, dtype=module.TEXT))
    except (KeyError, ValueError) as error:
        raise UserError(f"{path}: cannot draw it: {type(error).__name__}: {error}; expected what the plot command "
                        "writes") from error
    picture = path.with_suffix(module.ENDING)
    save(figure, picture)
    print(picture)
