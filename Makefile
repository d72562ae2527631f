.PHONY: install demo up test chaos bench
PY := .venv/bin/python

.venv/stamp: pyproject.toml constraints.txt
	python3 -m venv .venv
	.venv/bin/pip install -q -c constraints.txt -e '.[dev]'
	touch $@

install: .venv/stamp

demo: install
	$(PY) manage.py acuity_import --sandbox
	$(PY) manage.py acuity_report

up: install
	$(PY) -m config.up

test: install
	.venv/bin/ruff check .
	.venv/bin/mypy
	$(PY) manage.py makemigrations --check --dry-run
	$(PY) -m coverage erase
	$(PY) -m coverage run -m pytest
	$(PY) -m coverage run -m pytest --database=postgres -m database
	$(PY) -m coverage combine -q
	$(PY) -m coverage report --skip-covered --sort=cover

chaos: install
	$(PY) -m tests.chaos 500
