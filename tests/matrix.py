"""make matrix: the wheel in somebody else's project on every Python here, and wheels for all of them."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement

from tests.whole.foreign import ROOT, Foreign, wheel

PYTHONS = ("3.11", "3.12", "3.13", "3.14")
DJANGOS = ("Django>=5.2,<5.3", "Django>=6.0,<6.1")
# Django 6.0 needs this Python.
SIX = (3, 12)


def interpreters() -> dict[str, str]:
    """By version, those that start; pyenv's, too, which may lie beside PATH."""
    found = {}
    for version in PYTHONS:
        beside = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
        for python in (*map(str, beside), shutil.which(f"python{version}")):
            if (
                python
                and not subprocess.run(
                    [python, "-c", "import venv"], capture_output=True
                ).returncode
            ):
                found[version] = python
                break
    return found


def unresolved(version: str) -> str:
    """Why some requirement of constraints.txt has no wheel for this Python on Linux, or nothing."""
    pins = map(Requirement, (ROOT / "constraints.txt").read_text().splitlines())
    wanted = [p for p in pins if not p.marker or p.marker.evaluate({"python_version": version})]
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:"]
            + ["--python-version", version, "--implementation", "cp", "-d", folder]
            + [f"{pin.name}{pin.specifier}" for pin in wanted],
            capture_output=True,
            text=True,
        )
    return done.stderr.strip().splitlines()[-1] if done.returncode else ""


def imports(folder: Path) -> Iterator[tuple[str, bool]]:
    built = wheel(folder)
    for version, python in interpreters().items():
        for django in DJANGOS:
            if "6.0" in django and tuple(map(int, version.split("."))) < SIX:
                continue
            place = folder / f"{version}-{len(django)}-{django[8]}"
            place.mkdir()
            foreign = Foreign(place, built, python, django)
            foreign.begin()
            ended = "completed, verified" in foreign.follow_the_guide()
            yield f"Python {version}, {django}", ended


def main() -> int:
    failed = 0
    for version in PYTHONS:
        missing = unresolved(version)
        failed += bool(missing)
        print(
            f"Python {version}: {missing or 'a wheel for every pin'}",
            flush=True,
        )
    with tempfile.TemporaryDirectory() as folder:
        for name, ended in imports(Path(folder)):
            failed += not ended
            print(f"{name}: {'imported and verified' if ended else 'FAILED'}", flush=True)
    print(f"Not on this machine: {', '.join(set(PYTHONS) - set(interpreters())) or 'none'}")
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
