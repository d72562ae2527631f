"""Every address × role × tenant: who is let in is who the table below lets in, and nobody else."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission, User
from django.db import transaction
from django.test import Client as Browser
from django.urls import URLPattern, URLResolver, get_resolver
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)

from bookings.models import (
    Addon,
    Appointment,
    AppointmentType,
    Block,
    Calendar,
    Certificate,
    Change,
    Client,
    Form,
    Label,
    Order,
    Payment,
    Product,
    Question,
    Tenant,
)
from integrations.acuity.runs import control, dry_runs
from integrations.acuity.runs.options import Options
from integrations.api.tokens import issue
from integrations.console.start import Checked
from integrations.models import (
    AcuityAccount,
    ApiToken,
    AuditEntry,
    ImportRun,
    Membership,
    NoticeChannel,
    Plan,
    RejectedRecord,
)

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

OPTIONS = Options(only=("clients",))
EVERYBODY, STAFF, VIEWER, OPERATOR, OWNER, SUPERUSER, NOBODY = range(7)
# Of each address of an object: from whom on GET and POST are answered, in the object's tenant.
MIRRORS = (
    *("client", "appointment", "payment", "calendar", "appointmenttype", "label", "addon", "form"),
    *("question", "product", "order", "certificate", "block", "change", "rejectedrecord"),
)
KEPT = ("tenant", "acuityaccount", "apitoken", "plan", "noticechannel")
# The deployment's, not a tenant's: who logs in, and what beat sends.
SCHEDULES = ("periodictask", "intervalschedule", "crontabschedule", "solarschedule")
DEPLOYMENT = [
    *(("auth", name) for name in ("user", "group")),
    *(("django_celery_beat", name) for name in (*SCHEDULES, "clockedschedule")),
]
TABLE: dict[str, tuple[int, int]] = {
    "integrations_importrun_change": (VIEWER, NOBODY),
    "integrations_importrun_history": (VIEWER, VIEWER),
    "integrations_importrun_delete": (NOBODY, NOBODY),
    "integrations_auditentry_change": (VIEWER, NOBODY),
    "integrations_auditentry_history": (VIEWER, VIEWER),
    "integrations_auditentry_delete": (NOBODY, NOBODY),
    "integrations_membership_change": (SUPERUSER, SUPERUSER),
    "integrations_membership_history": (SUPERUSER, SUPERUSER),
    "integrations_membership_delete": (SUPERUSER, SUPERUSER),
    "integrations_acuityaccount_import_this": (OPERATOR, OPERATOR),
    "acuity_proof": (VIEWER, NOBODY),
    "acuity_proof_file": (VIEWER, NOBODY),
    "acuity_start": (OPERATOR, OPERATOR),
    "acuity_dry_run": (VIEWER, NOBODY),
    "acuity_dry_run_act": (NOBODY, OPERATOR),
    "acuity_act": (NOBODY, OPERATOR),
    "acuity_retry_one": (NOBODY, OPERATOR),
    "acuity_webhooks": (NOBODY, OWNER),
    "acuity_exports": (OWNER, OWNER),
    "acuity_changes": (VIEWER, NOBODY),
    "bookings_revenue": (VIEWER, NOBODY),
    "bookings_revenue_csv": (VIEWER, NOBODY),
    "bookings_owed": (VIEWER, NOBODY),
    "bookings_client_forget": (OWNER, OWNER),
    # Without a second client it leads back to the list.
    "bookings_client_merge": (OPERATOR, OPERATOR),
    "bookings_client_separate": (OPERATOR, OPERATOR),
    # Over HTTP, with a session of the same people.
    "start_import": (NOBODY, OPERATOR),
    "import": (VIEWER, NOBODY),
    "coverage": (VIEWER, NOBODY),
    "pause": (NOBODY, OPERATOR),
    "resume": (NOBODY, OPERATOR),
    "cancel": (NOBODY, OPERATOR),
}
for name in MIRRORS:
    app = "integrations" if name == "rejectedrecord" else "bookings"
    TABLE[f"{app}_{name}_change"] = (VIEWER, NOBODY)
    TABLE[f"{app}_{name}_history"] = (VIEWER, VIEWER)
    TABLE[f"{app}_{name}_delete"] = (NOBODY, NOBODY)
for name in KEPT:
    app = "bookings" if name == "tenant" else "integrations"
    TABLE[f"{app}_{name}_change"] = (VIEWER, OPERATOR if name == "plan" else OWNER)
    TABLE[f"{app}_{name}_history"] = (VIEWER, VIEWER)
    TABLE[f"{app}_{name}_delete"] = (OPERATOR, OPERATOR) if name == "plan" else (OWNER, OWNER)
# Of each address without an object: from whom on it is answered.
PLAIN: dict[str, int] = {
    f"{app}_{name}_changelist": STAFF
    for app, names in (
        (
            "bookings",
            (
                *("tenant", "client", "appointment", "payment", "calendar", "appointmenttype"),
                *("label", "addon", "form", "question", "product", "order", "certificate"),
                *("block", "change"),
            ),
        ),
        (
            "integrations",
            (
                "acuityaccount",
                "importrun",
                "rejectedrecord",
                "apitoken",
                "auditentry",
                "plan",
                "noticechannel",
            ),
        ),
    )
    for name in names
}
PLAIN |= {"integrations_membership_changelist": SUPERUSER, "integrations_membership_add": SUPERUSER}
PLAIN |= {name.replace("changelist", "add"): NOBODY for name in PLAIN if "changelist" in name}
PLAIN |= {
    "integrations_membership_add": SUPERUSER,
    "bookings_tenant_add": SUPERUSER,
    "integrations_acuityaccount_add": OWNER,
    "integrations_apitoken_add": OWNER,
    "integrations_plan_add": OPERATOR,
    "integrations_noticechannel_add": OWNER,
    "imports": STAFF,
    # Only posted to: test_dry_run.py.
    "acuity_key": NOBODY,
    "acuity_proofs": STAFF,
    "bookings_revenues": VIEWER,
    "bookings_owed_first": VIEWER,
    "bookings_client_same": STAFF,
}
PLAIN |= {
    f"{app}_{name}_{page}": SUPERUSER for app, name in DEPLOYMENT for page in ("changelist", "add")
}
TABLE |= {
    f"{app}_{name}_{page}": (SUPERUSER, SUPERUSER)
    for app, name in DEPLOYMENT
    for page in ("change", "history", "delete")
}
TABLE["auth_user_password_change"] = (SUPERUSER, SUPERUSER)
# Django's own pages, and what has a test of its own (test_api.py, test_oauth.py).
ELSEWHERE = [
    "index",
    "login",
    "logout",
    "password_change",
    "password_change_done",
    "autocomplete",
    "jsi18n",
    "view_on_site",
    "app_list",
    "acuity_connect",
    "acuity_connected",
    "acuity_disconnect",
    "search",
    "toggle_sidebar",
    "acuity_healthz",
    "metrics",
    "acuity_webhook",
    "openapi-json",
    "openapi-view",
    "api-root",
    # Sends on to the same object's page, which looks.
    "<path:object_id>",
]
ROUTES_ELSEWHERE = ("/", "/admin/<url>", "/admin/(?P<url>.*)")


class Address(NamedTuple):
    name: str
    route: str


def addresses(resolver: Any = None, before: str = "/") -> Iterator[Address]:
    for pattern in (resolver or get_resolver()).url_patterns:
        route = before + str(pattern.pattern).lstrip("^").rstrip("$")
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern, route)
        elif isinstance(pattern, URLPattern):
            last = route.rstrip("/").rpartition("/")[2]
            yield Address(pattern.name or last, route)


class World(NamedTuple):
    """Everything that one tenant can have, by the part of an address that asks for it."""

    tenant: Tenant
    word: str
    objects: dict[str, Any]


def world(word: str) -> World:
    tenant = Tenant.objects.create(name=f"{word} Studio")
    account = AcuityAccount.objects.create(
        tenant=tenant, name=f"{word} account", user_id=word, api_key="k"
    )
    run = control.start(account, send=False)
    client = Client.objects.create(tenant=tenant, external_id=f"{word}|", last_name=f"{word}person")
    at = datetime(2026, 1, 5, 15, tzinfo=UTC)
    common: dict[str, Any] = {"tenant": tenant, "service_date": date(2026, 1, 5)}
    booking = Appointment.objects.create(
        **common,
        external_id=f"{word}1",
        client=client,
        starts_at=at,
        ends_at=at,
        price=Decimal(1),
        amount_paid=Decimal(1),
    )
    payment = Payment.objects.create(
        **common,
        appointment=booking,
        external_id="p",
        processor=f"{word}pay",
        amount=Decimal(1),
        currency="USD",
        paid_at=at,
    )
    reject = RejectedRecord.objects.create(
        account=account, run=run, resource="clients", digest=word, payload={}, reason=f"{word} why"
    )
    token = ApiToken.objects.get(name=word) if issue(word, [tenant]) else None
    member = Membership.objects.create(user=User.objects.create_user(f"{word}user"), tenant=tenant)
    product = Product.objects.create(tenant=tenant, external_id="1", name=f"{word}product")
    named = (Calendar, AppointmentType, Label, Addon, Form)
    objects = {
        **{
            model._meta.model_name: model.objects.create(
                tenant=tenant, external_id="1", name=f"{word}{model.__name__}"
            )
            for model in named
        },
        "product": product,
        "question": Question.objects.create(tenant=tenant, external_id="1", text=f"{word}asks"),
        "order": Order.objects.create(
            tenant=tenant, external_id="1", title=f"{word}order", client=client
        ),
        "certificate": Certificate.objects.create(
            tenant=tenant, external_id="1", code=f"{word}code", product=product
        ),
        "block": Block.objects.create(tenant=tenant, external_id="1", notes=f"{word}block"),
        "change": Change.objects.create(
            tenant=tenant,
            seen_at=at,
            resource="clients",
            row=client.pk,
            external_id=client.external_id,
            by="import",
            changed={"last_name": ["", word]},
        ),
        "tenant": tenant,
        "client": client,
        "appointment": booking,
        "payment": payment,
        "acuityaccount": account,
        "importrun": run,
        "rejectedrecord": reject,
        "apitoken": token,
        "membership": member,
        "noticechannel": NoticeChannel.objects.create(tenant=tenant, address="a@example.com"),
        "dry-run": dry_runs.begin(account, OPTIONS, send=False),
        "plan": Plan.objects.create(account=account),
        "auditentry": AuditEntry.objects.filter(run=run).first(),
        "user": member.user,
        "group": Group.objects.create(name=word),
        **of_the_deployment(word),
    }
    return World(tenant, word, objects)


def of_the_deployment(word: str) -> dict[str, Any]:
    """What beat sends, with this word in its name."""
    every = IntervalSchedule.objects.create(every=len(word), period="days")
    return {
        "periodictask": PeriodicTask.objects.create(name=word, task=word, interval=every),
        "intervalschedule": every,
        "crontabschedule": CrontabSchedule.objects.create(minute=len(word)),
        "solarschedule": SolarSchedule.objects.create(
            event="sunset", latitude=len(word), longitude=1
        ),
        "clockedschedule": ClockedSchedule.objects.create(
            clocked_time=datetime(2026, 1, len(word), tzinfo=UTC)
        ),
    }


def url_of(address: Address, of: World) -> str:
    """The address of this tenant's object."""
    if "dry-run" in address.route:
        key = of.objects["dry-run"].pk
        address = address._replace(route=address.route.replace("<uuid:object_id>", str(key)))
        address = address._replace(route=address.route.replace("<str:what>", "stop"))
    parts = address.route.split("/")
    if "<path:object_id>" in parts:
        model = parts[3]
    else:
        model = next((part for part in parts if part in of.objects), "importrun")
    key = of.objects[model].pk
    for part in (
        "<path:object_id>",
        "<id>",
        "<uuid:object_id>",
        "<int:object_id>",
        "<uuidstr:run_id>",
    ):
        address = address._replace(route=address.route.replace(part, str(key)))
    url = address.route.replace("<str:what>", "pause")
    if address.name == "acuity_start":
        url += f"?accounts={of.objects['acuityaccount'].pk}"
    return url


def people(tenant: Tenant) -> dict[int, Browser]:
    found: dict[int, Browser] = {EVERYBODY: Browser()}
    ours = Permission.objects.filter(content_type__app_label__in=["bookings", "integrations"])
    for rank, role in ((STAFF, ""), (VIEWER, "viewer"), (OPERATOR, "operator"), (OWNER, "owner")):
        user = User.objects.create_user(f"rank{rank}", is_staff=True)
        user.user_permissions.set(ours)
        if role:
            Membership.objects.create(user=user, tenant=tenant, role=role)
        found[rank] = Browser()
        found[rank].force_login(user)
    found[SUPERUSER] = Browser()
    found[SUPERUSER].force_login(User.objects.create_superuser("root"))
    return found


def ask(browser: Browser, url: str, method: str, body: Any = None) -> tuple[bool, str]:
    """Whether the request was let in, and the page; whatever it changed is undone."""
    with transaction.atomic():
        kind = {"content_type": "application/json"} if body is not None else {}
        answer = browser.generic(method, url) if body is None else browser.post(url, body, **kind)
        transaction.set_rollback(True)
    to = answer.get("Location", "")
    # Sent away: to the start, to the log-in, or to choose an account that there is.
    away = to in ("/admin/", "/admin/integrations/acuityaccount/") or "/login/" in to
    text = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return answer.status_code < 400 and not away, text.decode()


def name_of(address: Address) -> str:
    return "start_import" if address.route.endswith("acuity/import") else address.name


def test_every_address_lets_in_whom_the_table_lets_in(monkeypatch: pytest.MonkeyPatch) -> None:
    # Nobody is asked what an account is called.
    monkeypatch.setattr(
        "integrations.console.views.check", lambda accounts: [Checked(one) for one in accounts]
    )
    own, other = world("Ownword"), world("Otherword")
    everyone, wrong, tried, unknown = people(own.tenant), [], 0, []
    for address in addresses():
        name = name_of(address)
        if name in ELSEWHERE or address.route in ROUTES_ELSEWHERE:
            continue
        if name not in TABLE and name not in PLAIN:
            unknown.append(address)
            continue
        for rank, browser in everyone.items():
            if name in PLAIN:
                allowed, page = ask(browser, address.route, "GET")
                tried += 1
                if allowed != (rank >= PLAIN[name]):
                    wrong.append((name, rank, "GET", allowed))
                if "Otherword" in page and rank < SUPERUSER:
                    wrong.append((name, rank, "shows another tenant's"))
                continue
            deployment = name.startswith(("auth_", "django_celery_beat_"))
            for at in (own,) if deployment else (own, other):
                least = TABLE[name]
                for method, from_ in zip(("GET", "POST"), least, strict=True):
                    body = None
                    if name == "start_import" and method == "POST":
                        body = {
                            "tenant_id": str(at.tenant.pk),
                            "cursor": str(at.objects["importrun"].pk),
                        }
                    allowed, page = ask(browser, url_of(address, at), method, body)
                    tried += 1
                    mine = at is own or rank == SUPERUSER
                    if allowed != (mine and rank >= from_):
                        wrong.append((name, rank, at.word, method, allowed))
                    if "Otherword" in page and at is own and rank < SUPERUSER:
                        wrong.append((name, rank, method, "shows another tenant's"))
    print(
        f"{tried} combinations of address, method, role and tenant tried, {len(wrong)} wrong",
        *wrong,
        sep="\n",
    )
    assert (wrong, unknown) == ([], [])
    assert tried > 1000


def test_a_token_goes_as_far_as_its_role_and_tenants() -> None:
    own, other = world("Ownword"), world("Otherword")
    for role, rank in (("viewer", VIEWER), ("operator", OPERATOR), ("owner", OWNER)):
        key = issue(role, [own.tenant], role)
        api = Browser(headers={"Authorization": f"Bearer {key}"})
        for at in (own, other):
            base = f"/integrations/booking/acuity/imports/{at.objects['importrun'].pk}"
            for path, method, least in (
                ("", "GET", VIEWER),
                ("/coverage", "GET", VIEWER),
                ("/pause", "POST", OPERATOR),
                ("/resume", "POST", OPERATOR),
                ("/cancel", "POST", OPERATOR),
            ):
                allowed, page = ask(api, base + path, method)
                assert allowed == (at is own and rank >= least), (role, at.word, path)
                assert at is own or "Otherword" not in page


def test_the_trail_says_who_and_by_what() -> None:
    own = world("Ownword")
    run: ImportRun = own.objects["importrun"]
    boss = people(own.tenant)[OWNER]
    api = Browser(headers={"Authorization": f"Bearer {issue('robot', [own.tenant])}"})

    boss.post(f"/admin/integrations/importrun/{run.pk}/do/pause/")
    api.post(
        f"/integrations/booking/acuity/imports/{run.pk}/resume", content_type="application/json"
    )
    boss.post(f"/admin/integrations/importrun/{run.pk}/do/cancel/")
    boss.get(f"/admin/bookings/tenant/{own.tenant.pk}/revenue.csv")

    trail = AuditEntry.objects.filter(tenant=own.tenant).order_by("pk")
    assert [(e.deed, e.actor, e.name) for e in trail] == [
        ("started", "importer", ""),
        ("paused", "person", "rank4"),
        ("resumed", "token", "robot"),
        ("cancelled", "person", "rank4"),
        ("exported revenue", "person", "rank4"),
    ]
    page = boss.get(f"/admin/integrations/importrun/{run.pk}/change/").content.decode()
    assert "person rank4" in page and "token robot" in page


def test_what_is_given_and_taken_away_stands_in_the_trail() -> None:
    tenant = world("Ownword").tenant
    User.objects.create_superuser("root")
    root = Browser()
    root.force_login(User.objects.get(username="root"))
    AuditEntry.objects.all().delete()
    kept = {
        "apitoken": {"name": "x", "role": "viewer", "tenants": [str(tenant.pk)]},
        "noticechannel": {"kind": "mail", "address": "b@example.com", "tenant": str(tenant.pk)},
        "membership": {"role": "owner", "tenant": str(tenant.pk)},
        "plan": {},
    }
    for name in kept:
        model = apps.get_model("integrations", name)
        [row] = model.objects.all()
        page = f"/admin/integrations/{name}/{row.pk}"
        if name == "membership":
            kept[name]["user"] = row.user_id
        if kept[name]:
            assert root.post(f"{page}/change/", kept[name]).status_code == 302, name
        assert root.post(f"{page}/delete/", {"post": "yes"}).status_code == 302, name

    assert [(e.deed, e.name, e.tenant) for e in AuditEntry.objects.order_by("pk")] == [
        (deed, "root", tenant)
        for deed in (
            *("changed a token", "revoked a token", "changed a channel", "deleted a channel"),
            *("gave a role", "took a role", "deleted a plan"),
        )
    ]


def test_numbers_that_no_row_has_are_no_error_of_the_server() -> None:
    own = world("Ownword")
    boss = people(own.tenant)[OWNER]
    for number in ("²", "9" * 30, "9" * 5000, "-1", "x", ""):
        for path in (
            "integrations/acuityaccount/import/?accounts={}",
            f"bookings/client/{own.objects['client'].pk}/merge/?into={{}}",
            f"integrations/acuityaccount/{own.objects['acuityaccount'].pk}/exports/?file={{}}",
            "integrations/importrun/proofs/?account={0}&year={0}",
        ):
            assert boss.get(f"/admin/{path.format(number)}").status_code < 500, (path, number)
        key = {"account": number, "user_id": "1", "api_key": ""}
        assert boss.post("/admin/integrations/acuityaccount/key/", key).status_code < 500
