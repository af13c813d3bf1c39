# The two commands of the README are `make up` and `make test`. Everything they need beyond
# Python 3.11, make, git and the package registries they install themselves.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
DATA ?= data
ARGS ?=
# processes that test side by side; a third one is two minutes faster on two cores, but there what waits for a
# city at times waits too long
TESTERS ?= 2
INSTALLED := .venv/.installed

.PHONY: up test test-city check compiled fix bench docs

up: $(INSTALLED)
	@$(BIN)/python ui/build.py
	@exec $(BIN)/tianmu up --feed replay --data $(DATA) $(ARGS)

test: $(INSTALLED)
	@$(BIN)/python ui/build.py
	@$(BIN)/python tests/chromium.py
	TIANMU_TEST_DEVICES=50000 $(BIN)/python -m pytest -n $(TESTERS) --dist loadfile $(ARGS)
	@echo "tests ran at 50,000 devices"

test-city: $(INSTALLED)
	TIANMU_TEST_DEVICES=1560000 $(BIN)/python -m pytest -m city --timeout 3600 $(ARGS)
	@echo "tests ran at 1,560,000 devices"

check: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@$(BIN)/python ui/build.py --check

# bytecode of all there is to test, which each of the testers would make for itself; what cannot be
# collected is told by make test
compiled: $(INSTALLED)
	-@env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest --collect-only -qq > /dev/null

fix: $(INSTALLED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(INSTALLED)
	$(BIN)/python -m benchmarks.run $(ARGS)

docs: $(INSTALLED)
	$(BIN)/mkdocs build --strict

$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Tianmu needs Python 3.11 or newer; $(PYTHON) is older. Name one: make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "installing what requirements.lock pins (once: a minute or two on a quiet machine, 2 GB)" >&2
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@began=$$(date +%s); (while sleep 20 >/dev/null 2>&1 && kill -0 $$$$ 2>/dev/null; do echo "  still installing, $$(($$(date +%s) - began)) s so far" >&2; done) & told=$$!; \
	  $(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements.lock; \
	  failed=$$?; kill $$told; exit $$failed
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
