# make run [STEP=02] | make test [STEP=02] | make lab        PYTHON=python3.13 chooses the interpreter
PYTHON ?= python3
STEP ?=
BIN := $(if $(filter Windows_NT,$(OS)),.venv/Scripts,.venv/bin)

.PHONY: run test lab lock bench soak fuzz coverage clean
.DEFAULT_GOAL := run

run:
	@$(PYTHON) requirements/install.py run
	@exec $(BIN)/workbook run $(STEP)

test:
	@$(PYTHON) requirements/install.py test
	@exec $(BIN)/workbook test $(STEP)

lab:
	@$(PYTHON) requirements/install.py lab
	@PATH="$(CURDIR)/$(BIN):$$PATH" exec $(BIN)/jupyter lab --notebook-dir notebooks $(LABFLAGS)

lock:   # after a change of the dependencies in pyproject.toml
	@$(PYTHON) requirements/install.py test
	@$(BIN)/python requirements/lock.py

bench:  # BENCHFLAGS="--quick" to see that it works; FILE, --node PATH, --only NAME: see benchmarks/page.py
	@$(PYTHON) requirements/install.py test
	@exec $(BIN)/python benchmarks/page.py $(BENCHFLAGS)

# mu: a million dispatches, a minute of killed servers; then the newest system: visitors, and ten minutes of strikes.
soak:   # SOAKFLAGS="--seconds 5 --dispatches 50000" SYSTEMFLAGS="--seconds 60" for less
	@$(PYTHON) requirements/install.py test
	@$(BIN)/python benchmarks/soak.py $(SOAKFLAGS)
	@exec $(BIN)/python benchmarks/soak_system.py $(SYSTEMFLAGS)

fuzz:   # the parsers that meet bytes from outside, a minute each; FUZZFLAGS="--seconds 1200" for more
	@$(PYTHON) requirements/install.py test
	@$(PYTHON) requirements/install.py fuzz
	@cd tests && exec ../$(BIN)/python -m fuzz $(FUZZFLAGS)

coverage:  # which branches of src the tests take, at least 95 %; COVERAGEFLAGS="tests/mu" for some of the tests
	@$(PYTHON) requirements/install.py test
	@$(BIN)/python -m coverage erase
	@$(BIN)/python -m coverage run -m pytest -n auto --dist=loadgroup --no-loadscope-reorder $(COVERAGEFLAGS)
	@$(BIN)/python -m coverage combine --quiet
	@exec $(BIN)/python -m coverage report

clean:
	rm -rf .venv .artifacts .mypy_cache .pytest_cache .ruff_cache
