"""A project of somebody else, with its own user model and plain admin, set up as docs/howto.md says."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
HEADING = "## … install it into a Django project"
USER = """
from django.contrib.auth.models import AbstractUser
from django.db import models


class Person(AbstractUser):
    staff_number = models.CharField(max_length=9, blank=True)
"""
SETTINGS = '\nINSTALLED_APPS += ["people"]\nAUTH_USER_MODEL = "people.Person"\n'


def wheel(folder: Path) -> Path:
    """The wheel of this checkout, built in `folder`."""
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(folder), "."]
    source = folder / "source"
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    for name in tracked.stdout.decode().split("\0"):
        if name and (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    subprocess.run(command, cwd=source, check=True)
    [built] = folder.glob("*.whl")
    return built


class Foreign:
    """The project in `folder`, on `python` and, if named, another Django than the pinned one."""

    def __init__(self, folder: Path, built: Path, python: str = sys.executable, django: str = ""):
        self.folder, self.built = folder, built
        self.venv, self.home = folder / "venv", folder / "home"
        subprocess.run([python, "-m", "venv", str(self.venv)], check=True)
        constraints = (ROOT / "constraints.txt").read_text()
        if django:
            constraints = re.sub(r"(?m)^Django==.*$", django, constraints)
        (folder / "constraints.txt").write_text(constraints)
        self.env = {
            "PATH": f"{self.venv}/bin:{os.environ['PATH']}",
            "HOME": str(folder),
            "ACUITY_ENCRYPTION_KEY": "a-key-of-the-foreign-project",
            "NO_COLOR": "1",
            **{name: value for name, value in os.environ.items() if name.startswith("PIP_")},
        }
        self.run("pip", "install", "-q", "-c", str(folder / "constraints.txt"), "Django")

    def begin(self) -> None:
        """As it was before: Django's own start, and an app with a user model."""
        self.home.mkdir()
        self.run("django-admin", "startproject", "shop", ".")
        self.run("python", "manage.py", "startapp", "people")
        (self.home / "people" / "models.py").write_text(USER)
        with (self.home / "shop" / "settings.py").open("a") as file:
            file.write(SETTINGS)
        self.run("python", "manage.py", "makemigrations", "-v0", "people")

    def follow_the_guide(self) -> str:
        """Each block of the guide in its order: a file grows by it, or its lines are run.

        Returns what the last command printed."""
        guide = (ROOT / "docs" / "howto.md").read_text().split(HEADING)[1].split("\n## ")[0]
        said = ""
        for block in re.findall(r"```[a-z]*\n(.*?)```", guide, re.S):
            if named := re.match(r"# (\S+\.py)\n", block):
                path = self.home / named[1]
                before = path.read_text() if path.exists() else ""
                path.write_text(before + block)
                continue
            for line in block.splitlines():
                said = self.run(*self._our_wheel(shlex.split(line)))
        return said

    def _our_wheel(self, words: list[str]) -> list[str]:
        if words[:2] != ["pip", "install"]:
            return words
        named = [word.replace("acuity-importer", str(self.built)) for word in words[2:]]
        return ["pip", "install", "-q", "-c", str(self.folder / "constraints.txt"), *named]

    def run(self, *command: str, status: int = 0, **env: str) -> str:
        """What `command` says, both ways; it must end with `status`."""
        done = subprocess.run(
            [str(self.venv / "bin" / command[0]), *command[1:]],
            cwd=self.home if self.home.exists() else self.folder,
            env=self.env | env,
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr
