"""Published figures: scores from papers, which stand beside yours with their sources."""
import dataclasses
import json

from .errors import UserError

EXPECTED = '[{"method": ..., "cells": [{"task": ..., "value": ..., "source": ...}]}]'


@dataclasses.dataclass
class PublishedFigure:
    method: str
    cells: list  # {"task", "value", "source"}, and "metric" if it is not the first one that the tables show

    def text(self, column):
        """The figure for a column of our tables. Empty without one."""
        for cell in self.cells:
            if cell["task"] == column.task.published_name and cell.get("metric", column.task.main.metric) == column.metric:
                return f"{cell['value']} [{cell['source']}]"
        return ""

    def unknown(self, columns):
        """The cells that no column shows, as text."""
        known = {(column.task.published_name, metric) for column in columns
                 for metric in ([column.metric, None] if column is column.task.main else [column.metric])}
        return [" ".join(filter(None, [cell["task"], cell.get("metric")])) for cell in self.cells
                if (cell["task"], cell.get("metric")) not in known]


def read_published(path):
    if not path:
        return []
    try:
        figures = [PublishedFigure(figure["method"], figure["cells"]) for figure in json.loads(path.read_text("utf-8"))]
        for cell in (cell for figure in figures for cell in figure.cells):
            cell["task"], cell["value"], cell["source"]  # they must be there
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"--published {path}: {type(error).__name__}: {error}; expected {EXPECTED}") from error
    return figures
