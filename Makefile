# Front door. Each target works as the first and only command on a machine with Python and make.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
EXTRAS ?= dev
CPU_THREADS ?= $(shell nproc 2>/dev/null || echo 2)

.PHONY: run test test-all guard check format benchmark leaderboards page pictures clean help

help:            ## show the targets
	@grep -E '^[a-z-]+: .*##|^[a-z-]+:  +##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 18

run: $(VENV)/installed   ## install, then train and test Matching Networks on the embedded dataset
	$(BIN)/metabench run --learner matching --way 5 --shot 1 --dataset strokes --out runs/first-run.json

test: $(VENV)/installed-dev   ## install, then the fast tests: no network, no archives
	$(BIN)/python -m pytest -q -n $(CPU_THREADS) -m "not slow and not realdata"

test-all: $(VENV)/installed-dev   ## every test; those on real data need METABENCH_ARCHIVES
	$(BIN)/python -m pytest -q -n $(CPU_THREADS)

guard: $(VENV)/installed-dev   ## short trainings of every learner again: no accuracy dropped
	$(BIN)/metabench regress --baseline leaderboards/ci --jobs $(CPU_THREADS)

check: $(VENV)/installed-dev   ## format, lint, types, and the table of docs/architecture.md
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m tests.layers

format: $(VENV)/installed-dev   ## put the code into shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

benchmark: $(VENV)/installed-dev   ## speed against PyTorch, in one run, as ratios
	$(BIN)/python -m pip install --quiet --disable-pip-version-check torch==2.13.0 easyfsl==1.5.0
	$(BIN)/python -m benchmarks.speed

leaderboards: $(VENV)/installed   ## make leaderboards/README.md from the result files
	$(BIN)/metabench leaderboard --markdown leaderboards/README.md

page: $(VENV)/installed   ## make site/index.html, all results as one page, and say where it is
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[page]"
	$(BIN)/metabench leaderboard html --out site

pictures: $(VENV)/installed   ## make the three pictures of docs/neural-statistician.md again
	$(BIN)/metabench statistician distributions --out docs/pictures/distributions.png --force
	$(BIN)/metabench statistician summarize --out docs/pictures/spatial-mnist.png --force
	$(BIN)/metabench statistician sample --out docs/pictures/samples.png --force --result \
		leaderboards/omniglot-vinyals-5way-1shot-v2/neural_statistician-71e7c9b9.json

clean:           ## remove what was installed and cached here; results stay
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: pyproject.toml constraints.txt $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/installed-dev: pyproject.toml constraints.txt $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	@touch $@ $(VENV)/installed
