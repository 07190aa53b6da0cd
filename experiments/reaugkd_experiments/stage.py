"""A stage: one call of the binary, which writes one directory."""
import json
import pathlib


def flags(options):
    """Turns options into command-line flags.

    {"alpha": 1, "sweep": True, "grid-k": [1, 4]} becomes ["--alpha", "1", "--sweep", "--grid-k", "1,4"].
    An option that is False is left out.
    """
    result = []
    for name, value in options.items():
        if value is True:
            result.append(f"--{name}")
        elif isinstance(value, list):
            result += [f"--{name}", ",".join(map(str, value))]
        elif value is not False:
            result += [f"--{name}", str(value)]
    return result


class Stage:
    def __init__(self, directory, command, options):
        self.directory, self.command, self.options = directory, command, options

    @property
    def name(self):
        return self.directory.name

    def finished(self):
        return (self.directory / "metrics.json").exists() and "overwrite" not in self.options

    def metrics(self):
        return json.loads((self.directory / "metrics.json").read_text())

    def validation_score(self):
        """The task's first metric on the validation part: what tuning compares."""
        return next(iter(self.metrics()["validation"].values()))

    @property
    def divergence(self):
        """A file beside the directory. It holds the flags with which the stage diverged."""
        return self.directory.with_name(self.directory.name + ".diverged")

    def diverged(self):
        """Whether the stage diverged with exactly these options in an earlier start."""
        return self.divergence.exists() and self.divergence.read_text() == " ".join(flags(self.options))

    def note_divergence(self):
        self.divergence.write_text(" ".join(flags(self.options)))

    def made_with(self, option):
        """The value of an option in a finished run, or None."""
        try:
            return json.loads((self.directory / "run.json").read_text())["options"][option]
        except (OSError, ValueError, KeyError):
            return None

    def replaced_unless_made_from(self, option, student):
        """A finished stage that used another configuration's student is made again: the choice has changed."""
        used = self.made_with(option) if self.finished() else None
        if used is not None and pathlib.Path(used).name != student.name:
            del self.options["resume"]
            self.options["overwrite"] = True
        return self
