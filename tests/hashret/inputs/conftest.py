import pytest


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Short relative paths in keys and messages."""
    monkeypatch.chdir(tmp_path)
