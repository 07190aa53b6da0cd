"""The page command: one evaluation as one HTML file that needs nothing else, neither files nor a network nor scripts."""
import pathlib

import jinja2

from ..errors import UserError
from . import explained, figures, scores
from .run import read_run

TEMPLATE = pathlib.Path(__file__).with_name("template.html")


def write_page(directory, output=None):
    """Writes the page of an eval directory, by default beside it as DIRECTORY.html. Returns the path."""
    directory = pathlib.Path(directory)
    output = pathlib.Path(output) if output else directory.with_name(directory.resolve().name + ".html")
    text = render(read_run(directory))
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{output}: cannot write the page: {error.strerror}") from error
    return output


def render(run):
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    return template.render(run=run, scores=scores.table(run), figures=figures.figures(run), classes=run.classes_table(),
                           explained=explained.examples(run.directory))
