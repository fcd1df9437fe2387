# The commands of a checkout. Needs make, a shell and Python 3.11+; everything else is fetched into .venv.

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.PHONY: help run test check nightly example lock catalogues screenshots clean

PYTHON ?=
export PYTHON
prepare := @sh tools/prepare
in_venv := .venv/bin/python

help: ## what can be made
	@echo 'Clearbill: make COMMAND [ARGS="..."]'
	@sed -n 's/^\([a-z]*\):.*## /  \1\t/p' $(MAKEFILE_LIST) | expand -t 15

run: ## start Clearbill with its own database and demo data
	$(prepare) run && exec .venv/bin/clearbill run $(ARGS)

example: ## bill 16 airlines for the year 2013 from real flights
	$(prepare) run && exec .venv/bin/clearbill example $(ARGS)

test: ## run all tests; ARGS go to pytest
	$(prepare) run dev && exec $(in_venv) tools/test.py all $(ARGS)

check: ## lint, format, types, import contracts, migrations, catalogues
	$(prepare) run dev && exec $(in_venv) tools/check.py

nightly: ## the slow tests, and the database tests on PostgreSQL 15
	$(prepare) run dev && exec $(in_venv) tools/test.py nightly $(ARGS)

catalogues: ## collect the words from the sources and compile the translations
	$(prepare) run && $(in_venv) tools/catalogues.py update && exec $(in_venv) tools/catalogues.py compile

screenshots: ## photograph every page: wide and phone-wide, light and dark, in both languages
	$(prepare) run dev && exec $(in_venv) tools/screenshots.py $(ARGS)

lock: ## renew requirements/*.txt from requirements/*.in
	$(prepare) run && exec $(in_venv) tools/lock.py $(ARGS)

clean: ## remove .venv and all caches; the database in .clearbill stays
	@rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage*
	@find src tests tools examples bench -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
	@if [ -d .clearbill ]; then echo 'Kept .clearbill: the embedded database is in it.'; fi
