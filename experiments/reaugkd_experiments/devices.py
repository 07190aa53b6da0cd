"""The devices of a driver: what each stage is started with, alone or as several ranks."""
import dataclasses
import os
import re

from .errors import UserError


@dataclasses.dataclass(frozen=True)
class Device:
    """What one stage runs on: one device, or several, a rank each."""
    name: str  # "" leaves the choice to the binary
    ranks: int = 1
    visible: str = ""  # of CUDA_VISIBLE_DEVICES, for several

    def __str__(self):
        return self.name or "the device"

    @property
    def start(self):
        """What comes before the command."""
        return ["--ranks", str(self.ranks)] if self.ranks > 1 else []

    @property
    def flags(self):
        name = "cuda" if self.visible else self.name
        return ["--device", name] if name else []

    @property
    def environment(self):
        return {**os.environ, "CUDA_VISIBLE_DEVICES": self.visible} if self.visible else None


def parse_devices(text, ranks):
    """"cuda:0-3" with 2 ranks a run -> two devices, of cuda:0 and cuda:1 and of cuda:2 and cuda:3."""
    names = []
    for part in text.split(","):
        found = re.fullmatch(r"cuda:(\d+)-(\d+)", part)
        names += [f"cuda:{i}" for i in range(int(found[1]), int(found[2]) + 1)] if found else [part]
    if ranks == 1:
        return [Device(name) for name in names]
    if names in ([""], ["cpu"]):
        return [Device(names[0], ranks)]
    numbers = [name.removeprefix("cuda:") for name in names]
    if not all(number.isdigit() for number in numbers):
        raise UserError(f"--devices {text} --ranks-per-run {ranks}: expected cuda:N for each rank, such as cuda:0-3, or cpu")
    if len(names) % ranks:
        raise UserError(f"--devices {text}: {len(names)} devices cannot be divided into runs of {ranks} ranks")
    groups = [numbers[i:i + ranks] for i in range(0, len(names), ranks)]
    return [Device("+".join(f"cuda:{number}" for number in group), ranks, ",".join(group)) for group in groups]
