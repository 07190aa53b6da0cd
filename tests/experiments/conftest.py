import pytest
from fake_binary import Workplace


@pytest.fixture
def workplace(tmp_path, capsys):
    return Workplace(tmp_path, capsys)
