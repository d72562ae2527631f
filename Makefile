.PHONY: install demo test
PY := .venv/bin/python

.venv/stamp: pyproject.toml constraints.txt
	python3 -m venv .venv
	.venv/bin/pip install -q -c constraints.txt -e '.[dev]'
	touch $@

install: .venv/stamp

demo: install
	$(PY) manage.py acuity_import --sandbox
	$(PY) manage.py acuity_report

test: install
	.venv/bin/ruff check .
	$(PY) -m pytest
	$(PY) -m pytest --database=postgres tests/test_import.py
