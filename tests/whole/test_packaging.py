"""Does the wheel bring everything into somebody else's project, and nothing else?"""

import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.whole.foreign import ROOT, Foreign, wheel

pytestmark = pytest.mark.slow
PAGES = """
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse
from bookings.models import Tenant
from integrations.models import AcuityAccount, ImportRun

boss = get_user_model().objects.create_superuser("ana", password="x")
browser = Client(headers={"host": "localhost"})
browser.force_login(boss)
account, run = AcuityAccount.objects.get(), ImportRun.objects.get()
listing = reverse("admin:integrations_acuityaccount_changelist")
chosen = {"action": "import_from_acuity", "_selected_action": [account.pk]}
began = browser.post(listing, chosen)
for url in [
    began["Location"], listing,
    reverse("admin:integrations_acuityaccount_change", args=[account.pk]),
    reverse("admin:integrations_importrun_changelist"),
    reverse("admin:integrations_importrun_change", args=[run.pk]),
    reverse("admin:bookings_appointment_changelist"),
    reverse("admin:bookings_payment_changelist"),
    reverse("admin:bookings_client_changelist"),
    reverse("admin:bookings_revenue", args=[Tenant.objects.get().pk]),
    "/healthz", "/api/openapi.json",
]:
    print("PAGE", browser.get(url).status_code, url)
print("RUN", run.status, run.verified)
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wheel(tmp_path_factory.mktemp("wheel"))


def test_the_wheel_has_every_file_of_both_apps_and_no_other(built: Path) -> None:
    with zipfile.ZipFile(built) as archive:
        inside = {name for name in archive.namelist() if ".dist-info/" not in name}

    tracked = subprocess.run(
        ["git", "ls-files", "bookings", "integrations"], cwd=ROOT, capture_output=True, text=True
    )
    assert inside == set(tracked.stdout.split())
    assert {name.split("/")[0] for name in inside} == {"bookings", "integrations"}
    assert {"bookings/py.typed", "integrations/py.typed"} <= inside


@pytest.fixture(scope="module")
def foreign(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Foreign:
    project = Foreign(tmp_path_factory.mktemp("foreign"), built)
    project.begin()
    return project


def test_the_guide_word_for_word_in_a_project_of_somebody_else(foreign: Foreign) -> None:
    said = foreign.follow_the_guide()

    assert "completed, verified" in said, said
    pages = foreign.run("python", "manage.py", "shell", "-v0", "-c", PAGES)
    shown = [line for line in pages.splitlines() if line.startswith("PAGE")]
    assert len(shown) == 11 and all(line.startswith("PAGE 200") for line in shown), pages
    assert "RUN completed True" in pages
    installed = foreign.run("pip", "list", "--format", "freeze").lower()
    for optional in ("unfold", "gunicorn", "flower", "environ", "psycopg", "whitenoise"):
        assert optional not in installed

    # What was installed stays; the database is a new one.
    (foreign.home / "db.sqlite3").unlink()
    refused = foreign.run("python", "manage.py", "acuity_import", "--resume", "nonsense", status=2)
    assert "manage.py migrate makes them" in refused
    assert "[X]" not in foreign.run("python", "manage.py", "showmigrations")
