import pytest

from reaugkd_experiments.devices import parse_devices
from reaugkd_experiments.errors import UserError


def test_each_device_is_one_of_its_own():
    assert [device.flags for device in parse_devices("cuda:0-1,cuda:3", 1)] == [["--device", f"cuda:{i}"] for i in (0, 1, 3)]
    (alone,) = parse_devices("", 1)
    assert (alone.start, alone.flags, alone.environment) == ([], [], None)


def test_a_run_of_several_ranks_sees_its_cards_alone():
    first, second = parse_devices("cuda:0-3", 2)
    assert first.start == ["--ranks", "2"] and first.flags == ["--device", "cuda"]
    assert (first.environment["CUDA_VISIBLE_DEVICES"], second.environment["CUDA_VISIBLE_DEVICES"]) == ("0,1", "2,3")
    (cpu,) = parse_devices("cpu", 3)
    assert (cpu.start, cpu.flags, cpu.environment) == (["--ranks", "3"], ["--device", "cpu"], None)


@pytest.mark.parametrize("text", ["cuda:0-2", "cuda:0,cpu", "gpu0,gpu1"])
def test_devices_that_cannot_be_divided_are_refused(text):
    with pytest.raises(UserError, match="--devices"):
        parse_devices(text, 2)
