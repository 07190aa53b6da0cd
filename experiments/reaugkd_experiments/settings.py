"""What a run is given beside its plan."""
import dataclasses
import pathlib


@dataclasses.dataclass
class Settings:
    binary: str
    glue: pathlib.Path  # the directory with one folder a task
    model: str  # the teacher's checkpoint
    output: pathlib.Path
    devices: list[str]  # [""] leaves the choice to the binary
    dry_run: bool = False
