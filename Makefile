# `make help` lists the targets. Nothing but Python 3.11+ and make is needed to start.

VENV ?= .venv
WORKERS ?= 2
ARGS ?=
PY := $(VENV)/bin/python
FLASK := $(VENV)/bin/flask --app app
PIP_INSTALL := $(PY) -m pip install --quiet --disable-pip-version-check --require-hashes
# Locks are resolved against pip's default index alone, whatever this machine's pip is told.
LOCK := PIP_CONFIG_FILE=/dev/null PIP_FIND_LINKS= PIP_EXTRA_INDEX_URL= \
	CUSTOM_COMPILE_COMMAND="make lock" $(VENV)/bin/pip-compile --quiet --generate-hashes --allow-unsafe \
	--strip-extras --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options $(ARGS)

.DEFAULT_GOAL := help
.PHONY: help run test check bench lock wheel clean distclean \
	check-format check-lint check-types check-translations check-migrations check-settings

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-20s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# The demo club's own name; yours is a setting.
run: export QUNCLUB_CLUB_NAME ?= 翻页社
run: $(VENV)/.runtime ## Start the club with its demo content on http://127.0.0.1:8000 (PORT=… for another port)
	@$(FLASK) qunclub db upgrade
	@$(FLASK) qunclub demo
	@exec $(FLASK) qunclub serve

test: $(VENV)/.dev ## Run every test (ARGS="-k word" for some); nothing is skipped
	@.ci/chromium
	$(PY) -m pytest -n $(WORKERS) --dist worksteal --forbid-skips $(ARGS)

check: check-format check-lint check-types check-translations check-migrations check-settings ## Format, lint, types, translations, migrations, settings docs

check-format: $(VENV)/.dev ## ... only the format
	$(VENV)/bin/ruff format --check --quiet .

check-lint: $(VENV)/.dev ## ... only the linter
	$(VENV)/bin/ruff check --quiet .

check-types: $(VENV)/.dev ## ... only the types
	$(VENV)/bin/mypy --no-error-summary

check-translations: $(VENV)/.dev ## ... only the translations: none missing, unused or double
	$(PY) -m qunclub.devtools.translations

check-migrations: $(VENV)/.dev ## ... only the migrations: one head, no difference to the models
	$(PY) -m qunclub.devtools.migrations

check-settings: $(VENV)/.dev ## ... only docs/settings.md
	$(PY) -m qunclub.devtools.settings_docs

bench: $(VENV)/.dev ## Measure the club's speed and write benchmarks/results.md
	$(PY) -m benchmarks $(ARGS)

lock: $(VENV)/.dev ## Resolve requirements*.in into the hashed locks (ARGS=--upgrade for newer versions)
	$(LOCK) -o requirements.txt requirements.in
	$(LOCK) -o requirements-dev.txt requirements-dev.in

wheel: $(VENV)/.dev ## Build the wheel into dist/
	$(PY) -m build --wheel --no-isolation

clean: ## Remove what tools leave behind; the database and the virtual environment stay
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage tests/browser/shots
	find . -name __pycache__ -not -path './$(VENV)/*' -type d -prune -exec rm -rf {} +

distclean: clean ## Remove the virtual environment too
	rm -rf $(VENV)

$(VENV)/.python:
	@test -x $(PY) || PYTHON="$(PYTHON)" .ci/venv $(VENV)
	@touch $@

$(VENV)/.runtime: requirements.txt | $(VENV)/.python
	@echo "Installing requirements.txt into $(VENV)."
	@$(PIP_INSTALL) -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements.txt requirements-dev.txt | $(VENV)/.python
	@echo "Installing requirements.txt and requirements-dev.txt into $(VENV)."
	@$(PIP_INSTALL) -r requirements.txt -r requirements-dev.txt
	@touch $(VENV)/.runtime $@
