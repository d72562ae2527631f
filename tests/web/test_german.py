"""Is everything that people read in German, too, and nothing that machines read?"""

import html
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polib
import pytest
from django.apps import apps
from django.test import Client as Browser
from django.urls import reverse
from django.utils.translation import deactivate, override

from bookings.models import Appointment, Client, Payment
from integrations.acuity.runs import dry_runs
from integrations.acuity.runs.options import Options
from integrations.acuity.sandbox import Sandbox
from integrations.console.sentences import said
from integrations.models import AcuityAccount, ImportRun, RejectedRecord
from integrations.tasks import dry_run
from tests.conftest import import_all

ROOT = Path(__file__).parents[2]
APPS = ("integrations", "bookings", "config")
GERMAN = {"headers": {"Accept-Language": "de"}}
# Names and words that are the same in both, or that a person's own data may have.
# Words that no German sentence has, and hardly a name.
ENGLISH = re.compile(r"\b(the|and|of|with|not|is|are|were|this|that|from|for)\b")
ALIKE = re.compile(r"https?://|--\w|\{|%\(")
TEXT = r"\"((?:[^\"\\]|\\.)*)\""
MARKED = {
    "*.py": re.compile(rf"\b(?:_|gettext|gettext_lazy|gettext_noop)\(\s*{TEXT}\s*\)"),
    "*.html": re.compile(rf"(?:\b_\(|{{% translate ){TEXT}"),
}


@pytest.fixture(autouse=True)
def afterwards() -> Iterator[None]:
    """A request leaves its language to its thread."""
    yield
    deactivate()


def parts(text: str) -> list[str]:
    """The variable parts, `%(n)s` and `{n}`."""
    return sorted(set(re.findall(r"%\(\w+\)\w|\{\w*\}", text)))


def catalogues() -> dict[str, Any]:
    return {
        app: polib.pofile(str(ROOT / app / "locale" / "de" / "LC_MESSAGES" / "django.po"))
        for app in APPS
    }


def test_every_marked_text_is_translated_and_compiled() -> None:
    for app, entries in catalogues().items():
        compiled = polib.mofile(str(ROOT / app / "locale" / "de" / "LC_MESSAGES" / "django.mo"))
        lacking = [e.msgid for e in entries if not e.translated() or "fuzzy" in e.flags]
        assert lacking == [] and not entries.obsolete_entries()
        # Whoever edits the one file and forgets the other is told.
        assert {(e.msgid, e.msgstr) for e in compiled} == {(e.msgid, e.msgstr) for e in entries}
        # A part that the one has and the other lacks is a number lost, or an error on the page.
        odd = [e.msgid for e in entries if e.msgstr and parts(e.msgid) != parts(e.msgstr)]
        assert odd == []
        known = {entry.msgid for entry in entries}
        for kind, mark in MARKED.items():
            for file in (ROOT / app).rglob(kind):
                found = {text.replace('\\"', '"') for text in mark.findall(file.read_text())}
                assert found <= known, (file, found - known, "make messages")


def test_every_table_and_column_has_a_german_name() -> None:
    known = {entry.msgid for entries in catalogues().values() for entry in entries}
    named = set()
    for app in ("bookings", "integrations"):
        for model in apps.get_app_config(app).get_models():
            fields = model._meta.local_fields + model._meta.local_many_to_many
            named |= {str(model._meta.verbose_name), str(model._meta.verbose_name_plural)}
            named |= {str(field.verbose_name) for field in fields}
            named |= {str(field.help_text) for field in fields if field.help_text}
            named |= {str(label) for field in fields for _, label in field.choices or []}

    assert named - known == set(), "mark them, in bookings/names.py, and: make messages"


def test_a_sentence_from_below_is_translated_with_its_numbers() -> None:
    english = (
        "All 4,111 bookings that Acuity lists, 650 clients of its list. Not asked: the payments"
        " of 1,649 unpaid bookings."
    )
    with override("de"):
        assert said(english) == (
            "Alle 4.111 Termine, die Acuity aufführt, 650 Kunden seiner Liste. Nicht gefragt: die"
            " Zahlungen von 1.649 unbezahlten Terminen."
        )
        assert said("1,200 of 4,111") == "1.200 von 4.111"
        assert said("Acuity is in trouble: the import waits and tries again. (status 503)") == (
            "Acuity ist gestört: Der Import wartet und versucht es wieder. (status 503)"
        )
        assert said("Ana B.") == "Ana B."
    assert said(english) == english


def visible(page: str) -> str:
    """What a reader, with eyes or a screen reader, is given of a page."""
    page = re.sub(r"<(script|style|code|svg)\b.*?</\1>", " ", page, flags=re.DOTALL)
    spoken = re.findall(r'(?:aria-label|title|placeholder)="([^"]*)"', page)
    text = re.sub(r"<[^>]+>", "\n", page) + "\n" + "\n".join(spoken)
    lines = (re.sub(r"\s+", " ", html.unescape(line)).strip() for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


def english() -> set[str]:
    """What is marked and other in German: sentences and names of several words."""
    found = set()
    for entries in catalogues().values():
        for entry in entries:
            text = entry.msgid.strip(" ,.:;")
            if entry.msgstr != entry.msgid and text.count(" ") >= 2 and not ALIKE.search(text):
                found.add(text)
    return found


@pytest.mark.slow
@pytest.mark.django_db
def test_no_page_in_german_has_an_english_sentence(
    admin_client: Browser, box: Sandbox, account: AcuityAccount
) -> None:
    box.account.edit(box.account.appointments[3]["id"], price="twelve")
    run = import_all(box)
    tried = dry_runs.begin(account, Options(only=("appointments",)), send=False)
    dry_run.run(str(tried.pk))
    failed = ImportRun.objects.create(
        account=account,
        status="failed",
        reason="Acuity cannot be reached: check the network and ACUITY_BASE_URL.",
    )
    booking = Appointment.objects.filter(payments__isnull=False).first()
    payment, reject = Payment.objects.first(), RejectedRecord.objects.first()
    assert booking and payment and reject
    pages = {
        "index": [],
        "acuity_proofs": [],
        "integrations_importrun_change": [run.pk],
        "acuity_changes": [run.pk],
        "acuity_proof": [run.pk],
        "acuity_dry_run": [tried.pk],
        "bookings_client_changelist": [],
        "bookings_client_change": [booking.client_id],
        "bookings_appointment_changelist": [],
        "bookings_appointment_change": [booking.pk],
        "bookings_payment_changelist": [],
        "bookings_payment_change": [payment.pk],
        "bookings_revenue": [account.tenant_id],
        "integrations_importrun_changelist": [],
        "integrations_rejectedrecord_changelist": [],
        "integrations_rejectedrecord_change": [reject.pk],
        "integrations_acuityaccount_change": [account.pk],
        "integrations_plan_add": [],
        "integrations_noticechannel_add": [],
    }
    urls = [reverse(f"admin:{name}", args=args) for name, args in pages.items()]
    urls += [reverse("admin:acuity_start") + f"?accounts={account.pk}"]
    urls += [reverse("admin:integrations_importrun_change", args=[failed.pk])]
    marked, faults = english(), []
    # What the rooms below say in English, and no list of marked texts has as a whole.
    marked |= {"that Acuity lists", "unpaid bookings", "could not be read", "cannot be reached"}
    names = {str(client) for client in Client.objects.all()}

    for url in urls:
        answer = admin_client.get(url, **GERMAN)
        assert answer.status_code == 200, url
        shown = visible(answer.content.decode())
        assert '<html lang="de"' in answer.content.decode(), url
        faults += [f"{url}: {text}" for text in marked - names if text in shown]
        faults += [f"{url}: {line}" for line in shown.split("\n") if ENGLISH.search(line)]

    assert faults == [], "\n".join(faults)


@pytest.mark.long
@pytest.mark.django_db
def test_what_machines_read_stays_english(
    admin_client: Browser, box: Sandbox, account: AcuityAccount
) -> None:
    run = import_all(box)
    url = f"/integrations/booking/acuity/imports/{run.pk}"

    for path in (url, f"{url}/coverage", f"{url[:-1]}x"):
        assert admin_client.get(path, **GERMAN).content == admin_client.get(path).content
    file = reverse("admin:acuity_proof_file", args=[run.pk])
    assert admin_client.get(file, **GERMAN).content == admin_client.get(file).content
