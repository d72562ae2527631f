"""Every page that the admin has: is it there, light enough for a slow line, and whole in itself?"""

import gzip
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.contrib.staticfiles import finders
from django.test import Client as Browser
from django.urls import reverse
from django_celery_beat import models as schedules

import config.urls  # noqa: F401  (the admin's pages are loaded with it)
from integrations.acuity.resources import RESOURCES
from integrations.acuity.sandbox import Sandbox
from integrations.models import AcuityAccount, ApiToken, Membership, NoticeChannel, Plan
from tests.conftest import import_all

pytestmark = [pytest.mark.django_db, pytest.mark.slow, pytest.mark.money]

MOST_BYTES = 200_000
# What each page shows in Latin letters is set in these.
FONTS = [
    *(f"unfold/fonts/inter/Inter-{name}-Latin.woff2" for name in ("Regular", "Medium", "SemiBold")),
    "unfold/fonts/material-symbols/Material-Symbols-Outlined.woff2",
]
FILE = re.compile(r'(?:<script src|<link href|<img src)="/static/([^"]+)"')
# Heads of an answer for a file.
HEADS = 400


def addresses() -> Iterator[tuple[str, str]]:
    """Of each model the list, the form and the pages of one row; then what has a name of its own."""
    reverse("admin:index")  # loads all that registers
    for model, pages in admin.site._registry.items():
        for url in pages.get_urls():
            name = getattr(url, "name", None) or ""
            if not name or name.endswith("_autocomplete"):
                continue
            wanted = re.findall(r"<(?:\w+:)?(\w+)>", str(url.pattern))
            row = model._default_manager.first()
            if wanted == []:
                yield name, reverse(f"admin:{name}")
            elif wanted == ["object_id"] and row:
                yield name, reverse(f"admin:{name}", args=[row.pk])
    for name in ("index", "password_change", "password_change_done"):
        yield name, reverse(f"admin:{name}")
    for label in {model._meta.app_label for model in admin.site._registry}:
        yield label, reverse("admin:app_list", args=[label])


@cache
def bytes_of(name: str) -> int:
    """Over the wire, as a server that compresses sends it."""
    path = finders.find(name)
    assert isinstance(path, str), f"{name} is missing"
    with open(path, "rb") as file:
        content = file.read()
    packed = content if name.endswith(".woff2") else gzip.compress(content, 6)
    return len(packed) + HEADS


@pytest.fixture
def everything(box: Sandbox, account: AcuityAccount) -> None:
    """A row of each model that an owner or an engineer looks at."""
    refused, changed = (booking["id"] for booking in box.account.appointments[3:5])
    box.account.edit(refused, price="twelve")
    import_all(box, only=tuple(RESOURCES))
    box.account.edit(changed, notes="Moved by phone")
    import_all(box)
    tenant = account.tenant
    user = User.objects.create_user("desk")
    Group.objects.create(name="Desk")
    Membership.objects.create(user=user, tenant=tenant)
    ApiToken.objects.create(name="Desk", digest="0").tenants.add(tenant)
    NoticeChannel.objects.create(tenant=tenant, address="desk@example.com")
    Plan.objects.create(account=account)
    every = schedules.IntervalSchedule.objects.create(every=15, period="seconds")
    schedules.PeriodicTask.objects.create(name="Sweep", task="acuity.prune", interval=every)
    schedules.CrontabSchedule.objects.create()
    schedules.ClockedSchedule.objects.create(clocked_time="2026-05-04T09:00:00Z")
    schedules.SolarSchedule.objects.create(event="sunset", latitude=1, longitude=1)
    lacking = [model for model in admin.site._registry if not model._default_manager.exists()]
    assert lacking == []


def test_every_page_is_there_and_at_most_200_kb(admin_client: Browser, everything: None) -> None:
    found: dict[str, int] = {}
    for name, url in addresses():
        answer: Any = admin_client.get(url)
        assert answer.status_code in (200, 302, 403, 404, 405), name
        if answer.status_code != 200 or "html" not in answer["content-type"]:
            continue
        page = answer.content.decode()
        files = set(FILE.findall(page))
        found[name] = len(gzip.compress(answer.content, 6)) + HEADS
        found[name] += sum(map(bytes_of, files)) + (sum(map(bytes_of, FONTS)) if files else 0)
    assert len(found) > 2 * len(admin.site._registry)
    assert {name: n for name, n in found.items() if n > MOST_BYTES} == {}
