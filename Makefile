.PHONY: install demo up lint quick messages browser pictures fonts test thorough coverage worlds mutants laws year wall fleet chaos outages webhooks endurance bench matrix lock sbom
PY := .venv/bin/python
# Compiled modules are kept: the tests start hundreds of processes.
unexport PYTHONDONTWRITEBYTECODE

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

# Under a minute: form, habits, types, the floors of the house, templates, migrations.
lint: install
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports --no-logo
	.venv/bin/djlint --lint --quiet bookings integrations
	$(PY) manage.py makemigrations --check --dry-run

# What needs no browser, PostgreSQL, Redis or process of its own, and less than half a second.
quick: install
	$(PY) -m pytest -n 2 --dist worksteal -m 'not slow and not long and not endurance and not thorough and not worlds'

# What people read, collected for translation anew; needs gettext (apt install gettext).
messages: install
	for app in integrations bookings config; do \
	  (cd $$app && ../$(PY) ../manage.py makemessages -l de --no-obsolete --add-location file \
	   && ../$(PY) ../manage.py compilemessages -l de) || exit 1; done

# The browser tests' own: what the system has, else its package, else Playwright's download.
browser: install
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null \
	|| command -v google-chrome >/dev/null \
	|| (apt-get update -qq && apt-get install -qq -y chromium) >/dev/null 2>&1 \
	|| $(PY) -m playwright install --with-deps chromium

# The pictures in the docs, made anew.
pictures: browser
	SCREENSHOTS=docs/screenshots $(PY) -m pytest -q tests/whole/test_pages.py tests/whole/test_browser.py \
	  tests/whole/test_flower.py

# The theme's fonts, cut down to what its pages show: after another version of it.
fonts: install .venv-tools/stamp
	PYTHONPATH=$$(echo .venv/lib/python3*/site-packages) .venv-tools/bin/python -m tests.fonts

test: lint browser
	$(PY) -m pytest -n 3 --dist worksteal
	$(PY) -m pytest -n 2 --dist worksteal --database=postgres \
	  -m 'database and not slow and not endurance and not thorough'

# The further examples of what `make test` has some of.
thorough: lint browser
	$(PY) -m pytest -n 3 --dist worksteal -m thorough
	$(PY) -m pytest -n 2 --dist worksteal --database=postgres -m 'database and thorough'

# With all of PostgreSQL's, and how much of the code the tests go through: twice the time.
coverage: lint browser
	$(PY) -m coverage erase
	$(PY) -m coverage run -m pytest -n 3 --dist worksteal
	$(PY) -m coverage run -m pytest -n 2 --database=postgres -m 'database and not endurance and not thorough'
	$(PY) -m coverage combine -q
	$(PY) -m coverage report --skip-covered --sort=cover

# Invented accounts, sources that lie, and a judge that has never read the importer. FIRST=seed COUNT=n
worlds: install
	$(PY) -m pytest -n 2 -m worlds tests/worlds
	$(PY) -m tests.worlds --count $(or $(COUNT),1000) --first $(or $(FIRST),1)

# Are the tests any good? A sample of broken code, another one each day; SEED=N repeats it.
mutants: install
	$(PY) -m tests.mutants $(if $(SEED),--seed $(SEED))

# Each law of evidence broken by a line: what fails for it?
laws: install
	$(PY) -m tests.worlds.laws

# A year of an account with time moved, without webhooks and with them: how late is each change
# seen? DAYS=14 for less, BOOKINGS=4000 for a larger account.
year: install
	ACUITY_LOG_LEVEL=ERROR $(PY) -m pytest -n 2 -rP -p no:logging -m endurance tests/sync/test_year.py

chaos: install
	$(PY) -m tests.chaos 500

# One import whose PostgreSQL is stopped five times, and its Redis three times.
outages: install
	$(PY) -m tests.outages --database 8 8 8 8 90 --broker 3

# 500 webhooks in bursts, with a worker killed, Redis emptied and PostgreSQL restarted.
webhooks: install
	$(PY) -m tests.webhooks 500 --within 50

endurance: install
	$(PY) -m pytest -s -m endurance

.venv-dlt/stamp:
	python3 -m venv .venv-dlt
	.venv-dlt/bin/pip install -q 'dlt[sqlalchemy,postgres]==1.31.0' \
	  'adbc-driver-postgresql==1.13.0' 'adbc-driver-sqlite==1.13.0' 'pyarrow==26.0.1'
	touch $@

bench: install .venv-dlt/stamp
	$(PY) -m tests.benchmarks --dlt .venv-dlt/bin/python

# Ten requests a second over lines that are quiet, rough, slow, and turn from one to the other.
wall: install
	$(PY) -m tests.benchmarks.wall

# Many small accounts over eight addresses, of which one falls away.
fleet: install
	$(PY) -m tests.benchmarks.fleet

# Other interpreters and Djangos, whichever the machine has, and wheels for each Python.
matrix: install
	$(PY) -m tests.matrix

.venv-tools/stamp: Makefile
	python3 -m venv .venv-tools
	.venv-tools/bin/pip install -q uv==0.13.8 cyclonedx-bom==7.5.0 fonttools==4.68.0 brotli==1.2.1
	touch $@

# What production installs, each file by its hash: constraints.txt without what only tests need.
lock: .venv-tools/stamp
	.venv-tools/bin/uv pip compile -q pyproject.toml -c constraints.txt --universal --generate-hashes \
	  --extra server --extra unfold --extra redis --extra postgres \
	  --no-header --no-annotate --no-emit-index-url --no-emit-find-links -o requirements.txt

# The bill of materials of that, as CycloneDX JSON.
sbom: .venv-tools/stamp
	@mkdir -p dist
	.venv-tools/bin/cyclonedx-py requirements requirements.txt --pyproject pyproject.toml -o dist/sbom.json
