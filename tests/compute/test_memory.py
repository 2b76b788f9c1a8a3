"""How much memory there is, from what the system says."""

import pytest

from metabench.compute import memory


@pytest.fixture
def system(tmp_path, monkeypatch):
    """A system that says nothing yet."""
    monkeypatch.setattr(memory, "MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(memory, "LIMITS", (tmp_path / "max", tmp_path / "older"))
    return tmp_path


def test_what_is_free_or_what_a_container_may_have(system):
    (system / "meminfo").write_text("MemTotal: 900 kB\nMemAvailable:   500 kB\n")
    assert memory.available() == 500 * 1024
    (system / "max").write_text("max\n")
    assert memory.available() == 500 * 1024
    (system / "max").write_text("4096\n")
    assert memory.available() == 4096
    (system / "older").write_text("1024\n")
    assert memory.available() == 1024


def test_another_system(system, monkeypatch):
    assert memory.available() > 2**28
    monkeypatch.delattr(memory.os, "sysconf")
    assert memory.available() is None


def test_this_system():
    assert 2**20 < memory.available() < 2**50
