"""What a run is given beside its plan."""
import dataclasses
import pathlib

from .devices import Device


@dataclasses.dataclass
class Settings:
    binary: str
    glue: pathlib.Path  # the directory with one folder a task
    model: str  # the teacher's checkpoint
    output: pathlib.Path
    devices: list[Device]
    dry_run: bool = False
