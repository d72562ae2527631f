"""Do the commands that documents, pages and messages print run as printed, in a fresh clone?"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class

from integrations.acuity.sandbox import Sandbox, SandboxOptions, make_account
from tests.commands.test_commands import ROOT, untraced
from tests.whole import foreign

pytestmark = pytest.mark.slow
# A block of commands, and the comment before it that says why nobody can wait for it.
BLOCK = re.compile(
    r"(<!-- not run by the tests: (?P<why>.*?) -->\n)?^```(?P<kind>\w*)\n(?P<text>.*?)^```$",
    re.M | re.S,
)
COMMAND = re.compile(
    r"^(\$ )?(?P<line>([A-Z_]+=\S+ )?(make|echo|pip|python|manage\.py|celery|docker|\.venv/bin/\w+) .*)$",
    re.M,
)
DOCUMENTS = [
    str(path.relative_to(ROOT))
    for path in (*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/*.md")))
]
NOT_RUN = {
    "README.md": ["make test"],
    "CONTRIBUTING.md": ["make install\nmake quick"],
    "docs/tutorial.md": ["make up"],
    "docs/performance.md": ["make bench", "make wall\nmake fleet"],
    "docs/production.md": [
        "ACUITY_EGRESS=192.0.2.10 celery -A config worker -Q acuity -c 3 --without-gossip -n ten@%h\n"
        "ACUITY_EGRESS=192.0.2.11 celery -A config worker -Q acuity -c 3 --without-gossip -n eleven@%h"
    ],
}
# Those that need an account that was imported.
AFTER_AN_IMPORT = ["docs/howto.md"]
# Within a sentence: `manage.py migrate`, `acuity_runs RUN --pause`.
NAMED = re.compile(r"manage\.py\s(?P<name>[a-z_]+)(?P<rest>(?:[^`\"<\n]|\n(?!\S*python))*)")
SHORT = re.compile(r"`(?P<name>acuity_[a-z_]+)(?P<rest>(?: [^`]*)?--[^`]*)`")


def commands(document: str, *, run: bool = True) -> list[str]:
    """Each block's commands, as one script."""
    text = (ROOT / document).read_text()
    if document == "docs/howto.md":
        # test_packaging.py follows this part word for word, in another project.
        before, guide = text.split(foreign.HEADING)
        text = before + guide.partition("\n## ")[2]
    found = [block for block in BLOCK.finditer(text) if not block["kind"]]
    chosen = [block["text"] for block in found if bool(block["why"]) is not run]
    scripts = ["\n".join(each["line"] for each in COMMAND.finditer(text)) for text in chosen]
    return [script for script in scripts if script]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The last commit, with these tests' own packages installed in it."""
    folder = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(folder)], check=True)
    own = folder / ".venv"
    own.mkdir()
    for name in ("bin", "lib", "pyvenv.cfg"):
        (own / name).symlink_to(Path(sys.prefix) / name)
    (own / "stamp").touch()
    return folder


@pytest.fixture
def box() -> Iterator[Sandbox]:
    data = make_account(clients=10, appointments=40, months=2)
    with Sandbox(data, SandboxOptions(user_id="12345678")) as box:
        yield box


def shell(clone: Path, box: Sandbox, script: str) -> "subprocess.CompletedProcess[str]":
    taken = ("ACUITY_", "DATABASE_URL", "REDIS_URL")
    env = {k: v for k, v in untraced(os.environ).items() if not k.startswith(taken)}
    return subprocess.run(
        ["sh", "-ec", script],
        cwd=clone,
        env=env | {"ACUITY_BASE_URL": box.base_url},
        capture_output=True,
        text=True,
        timeout=180,
    )


def test_what_nobody_runs_is_marked() -> None:
    marked = {document: commands(document, run=False) for document in DOCUMENTS}
    assert {document: scripts for document, scripts in marked.items() if scripts} == NOT_RUN
    with_commands = {document for document in DOCUMENTS if commands(document)}
    assert with_commands == {"README.md", "docs/tutorial.md", *AFTER_AN_IMPORT}


def test_every_command_within_a_sentence_is_one_and_has_its_options() -> None:
    """Those in documents, in messages and on pages."""
    sources = [ROOT / name for name in DOCUMENTS]
    for folder in ("integrations", "bookings", "config"):
        sources += (p for p in (ROOT / folder).rglob("*.*") if p.suffix in (".py", ".html", ".txt"))
    said = [
        found
        for path in sources
        for way in (NAMED, SHORT)
        for found in way.finditer(path.read_text())
    ]
    known, wrong = get_commands(), []
    for found in said:
        app = known.get(found["name"])
        if app is None:
            wrong.append(found[0])
            continue
        command = load_command_class(app, found["name"]) if isinstance(app, str) else app
        options = command.create_parser("manage.py", found["name"])._option_string_actions
        wrong += [
            found[0] for option in re.findall(r"--[a-z-]+", found["rest"]) if option not in options
        ]
    assert (wrong, len(said) > 60) == ([], True)


def test_every_make_target_in_a_document_is_one() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.M))
    named = {t for name in DOCUMENTS for t in re.findall(r"`make (\w+)", (ROOT / name).read_text())}
    assert named <= targets and len(named) > 10


def test_what_the_how_to_prints_runs_after_an_import(clone: Path, box: Sandbox) -> None:
    account = "ACUITY_USER_ID=12345678 ACUITY_API_KEY=sandbox-key"
    ready = shell(clone, box, f"{account} .venv/bin/python manage.py acuity_import")
    assert ready.returncode == 0, ready.stderr

    for document in AFTER_AN_IMPORT:
        for script in commands(document):
            done = shell(clone, box, script)
            assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("document", ["README.md", "docs/tutorial.md"])
def test_every_printed_command_runs_as_printed(document: str, clone: Path, box: Sandbox) -> None:
    run = ""
    for script in commands(document):
        if "ACUITY_API_KEY=…" in script:
            # As it stands there, the key is no key, and that is said in one sentence.
            refused = shell(clone, box, script)
            assert refused.returncode == 4, refused.stderr
            assert "ACUITY_API_KEY" in refused.stderr and "Traceback" not in refused.stderr
            (clone / ".env").unlink()
            script = script.replace("ACUITY_API_KEY=…", "ACUITY_API_KEY=sandbox-key")
        done = shell(clone, box, re.sub(r"(?<=--resume )\S+", run, script))
        if "--resume" in script:
            # It is complete: there is nothing to resume, which is another sentence.
            assert done.returncode == 2 and "nothing to resume" in done.stderr, done.stderr
            continue
        assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
        run = next(iter(re.findall(r"Run ([0-9a-f-]{36})", done.stdout)), run)


def test_what_the_tutorial_names_in_the_admin_is_there() -> None:
    text = (ROOT / "docs/tutorial.md").read_text()
    pages = "".join(
        path.read_text()
        for folder in ("integrations", "bookings")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".html") and "migrations" not in path.parts
    )

    for name in re.findall(r"\*\*([A-Z][\w ]+)\*\*", text):
        assert name in pages, name
