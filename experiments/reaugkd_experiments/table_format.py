"""A table, rows of text of which the first is the header and "**" around a cell is bold, as Markdown, LaTeX or CSV."""

LATEX = str.maketrans({"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": "$<$", ">": "$>$",
                       "±": r"$\pm$", **{special: "\\" + special for special in "_%&#${}"}})


def is_bold(text):
    return len(text) > 4 and text.startswith("**") and text.endswith("**")


def plain(text):
    return text[2:-2] if is_bold(text) else text


def as_markdown(title, table):
    def line(row):
        return "| " + " | ".join(text.replace("|", "\\|") for text in row) + " |"

    return "\n".join([f"### {title}", "", line(table[0]), "| --- " * len(table[0]) + "|", *map(line, table[1:])]) + "\n"


def as_latex(title, table):
    def cell(text):
        escaped = plain(text).translate(LATEX)
        return f"\\textbf{{{escaped}}}" if is_bold(text) else escaped

    rows = [" & ".join(map(cell, row)) + " \\\\" for row in table]
    return "\n".join([f"% {title}", f"\\begin{{tabular}}{{l{'r' * (len(table[0]) - 1)}}}", "\\toprule", rows[0],
                      "\\midrule", *rows[1:], "\\bottomrule", "\\end{tabular}"]) + "\n"


def as_csv(title, table):
    return "\n".join([f"# {title}"] + [",".join('"' + plain(text).replace('"', '""') + '"' for text in row)
                                       for row in table]) + "\n"
