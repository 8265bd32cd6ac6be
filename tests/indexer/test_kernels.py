"""How kernels are compiled; what they answer is tested in test_multi.py."""

from types import SimpleNamespace

import pytest

from indexer.kernels import hits, join, layout, probe, scan, search


@pytest.mark.parametrize("kernel", [layout.fill, hits.settle, probe.least, scan.scan, search.search, join.join])
def test_machine_code_is_kept_until_any_file_of_kernels_changes(kernel):
    assert kernel._cache._cache_file._source_stamp == layout.STAMP
    assert [name for name, _, _ in layout.STAMP] == [
        "__init__.py", "hits.py", "join.py", "layout.py", "probe.py", "scan.py", "search.py",
    ]  # fmt: skip


@pytest.mark.parametrize("lacks", ["folder", "stamp"])
def test_without_a_place_for_machine_code_none_is_kept(lacks, monkeypatch):
    calls = []

    def njit(**options):
        calls.append(options)
        if options.get("cache") and lacks == "folder":
            raise RuntimeError("cannot cache function: no locator available")
        return lambda function: SimpleNamespace(function=function)

    monkeypatch.setattr(layout, "njit", njit)
    assert layout.kernel(len).function is len
    assert calls == [{"cache": True, "nogil": True, "_nrt": False}, {"nogil": True, "_nrt": False}]
