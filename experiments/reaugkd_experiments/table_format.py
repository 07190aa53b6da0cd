"""The formats of a table: Markdown, LaTeX and CSV, written by pandas."""
import csv

from .cell import is_bold, plain

COMMENT = {"markdown": "", "latex": "% ", "csv": "# "}  # before a line that belongs to no table
SYMBOLS = str.maketrans({"<": "$<$", ">": "$>$", "±": r"$\pm$"})


def as_markdown(title, table):
    escaped = table.map(lambda text: text.replace("|", "\\|"))
    return f"### {title}\n\n{escaped.to_markdown(index=False, tablefmt='github', disable_numparse=True)}\n"


def as_latex(title, table):
    def cell(text):  # pandas has escaped it
        text = f"\\textbf{{{plain(text)}}}" if is_bold(text) else text
        return text.translate(SYMBOLS)

    style = table.style.hide(axis="index").format(cell, escape="latex").format_index(cell, escape="latex", axis=1)
    return f"% {title}\n" + style.to_latex(hrules=True, column_format="l" + "r" * (table.shape[1] - 1))


def as_csv(title, table):
    return f"# {title}\n" + table.map(plain).to_csv(index=False, quoting=csv.QUOTE_ALL)


FORMATS = {"markdown": as_markdown, "latex": as_latex, "csv": as_csv}
