"""A memory of hashes of its own for each test, never the user's."""

from pathlib import Path

import pytest

from ovi.weights import hashes


@pytest.fixture(autouse=True)
def cache_file(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the test's hashes are remembered; does not exist yet."""
    path = tmp_path_factory.mktemp("cache") / "ovi-studio" / "weight-hashes.json"
    monkeypatch.setattr(hashes, "cache_file", lambda: path)
    return path
