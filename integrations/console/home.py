"""What does the home page say of each account? Its state, its last proof, and the one next step."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Count, Prefetch
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from bookings import zones
from bookings.models import Appointment, Client, Payment
from integrations import access
from integrations.acuity.accounts import keys
from integrations.acuity.errors import CredentialsRefused
from integrations.acuity.proof.headline import headline
from integrations.acuity.runs import progress
from integrations.acuity.sync import freshness, plans
from integrations.console.looks import LOOKS, Look
from integrations.console.sentences import said
from integrations.console.words import for_people
from integrations.models import AcuityAccount, ImportRun, Plan, RejectedRecord

# A proof that is older says little of today.
FRESH = timedelta(days=7)
# Runs of an account that are looked through for the last proof.
RECENT_RUNS = 20


@dataclass(frozen=True)
class Step:
    """The one next step: a button's word, and where it leads or what it posts to."""

    word: str
    url: str
    post: bool = False


@dataclass(frozen=True)
class Proof:
    run: ImportRun
    at: str
    sentence: str
    old: bool


@dataclass(frozen=True)
class Card:
    account: AcuityAccount
    zone: str
    look: Look | None
    run: ImportRun | None
    says: str
    proof: Proof | None
    counts: list[tuple[Any, int, str]]
    next_run: str
    fresh: str
    step: Step | None


def cards(request: HttpRequest) -> list[Card]:
    """One for each account that the user may see."""
    scope = access.of_user(request.user)
    if not request.user.has_perm("integrations.view_acuityaccount"):
        return []
    runs = ImportRun.objects.order_by("-created_at").defer("coverage", "differences", "digests")
    rows = AcuityAccount.objects.select_related("tenant").order_by("tenant__name", "name", "pk")
    accounts = scope.narrow(rows).prefetch_related(Prefetch("runs", runs[:RECENT_RUNS], "recent"))
    counted = _counted([account.tenant_id for account in accounts])
    return [_card(account, counted, scope) for account in accounts]


def _counted(tenants: list[Any]) -> dict[str, dict[Any, int]]:
    """Rows by tenant, or open rejects by account; three counts whatever the number of accounts."""

    def by(rows: Any, key: str) -> dict[Any, int]:
        return dict(rows.order_by().values_list(key).annotate(n=Count("*")))

    of_tenants = {"tenant__in": tenants}
    clients = Client.objects.exclude(external_id__startswith=Client.FORGOTTEN)
    bookings = Appointment.objects.filter(removed_at=None)
    payments = Payment.objects.filter(removed_at=None, **of_tenants)
    kept = by(payments, "tenant")
    # Of bookings that are gone there are few. To join each payment's takes as long as all else here.
    gone = Appointment.objects.filter(**of_tenants, removed_at__isnull=False)
    for tenant, left in by(payments.filter(appointment__in=gone), "tenant").items():
        kept[tenant] -= left
    return {
        "clients": by(clients.filter(**of_tenants), "tenant"),
        "bookings": by(bookings.filter(**of_tenants), "tenant"),
        "payments": kept,
        "rejected": by(RejectedRecord.objects.filter(resolved_at=None), "account"),
    }


LISTS = {
    "clients": (_("Clients"), "bookings_client_changelist"),
    "bookings": (_("Bookings"), "bookings_appointment_changelist"),
    "payments": (_("Payments"), "bookings_payment_changelist"),
}


def _next(account: AcuityAccount, where: ZoneInfo) -> str:
    plan = Plan.objects.filter(account=account).first()
    turn = plan and plans.following(plan, timezone.now())
    return zones.written(turn, where) if turn else gettext("nothing scheduled")


def _card(account: AcuityAccount, counted: dict[str, dict[Any, int]], scope: access.Scope) -> Card:
    recent: list[ImportRun] = account.recent  # type: ignore[attr-defined]
    run = recent[0] if recent else None
    where = zones.of(account.tenant)
    counts: list[tuple[Any, int, str]] = [
        (
            word,
            counted[name].get(account.tenant_id, 0),
            f"{reverse(f'admin:{page}')}?tenant__id__exact={account.tenant_id}",
        )
        for name, (word, page) in LISTS.items()
    ]
    if rejected := counted["rejected"].get(account.pk, 0):
        url = reverse("admin:integrations_rejectedrecord_changelist")
        query = f"?account__id__exact={account.pk}&resolved_at__isempty=1"
        counts.append((_("Rejected records"), rejected, url + query))
    return Card(
        account,
        where.key,
        LOOKS[run.status] if run else None,
        run,
        _says(account, run),
        _proof(recent, where),
        counts,
        _next(account, where),
        freshness.of(account).words(where.key),
        _step(account, run, scope),
    )


def _says(account: AcuityAccount, run: ImportRun | None) -> str:
    if keys.unreadable(account):
        return gettext("The stored key cannot be decrypted.")
    if run is None:
        return gettext("Never imported.")
    if run.status in ImportRun.ACTIVE:
        steps = [progress.of(step) for step in run.steps.all()]
        doing = next((step for step in steps if step.status == "running"), None)
        return f"{said(doing.title)}: {said(doing.text)}" if doing else ""
    return said(for_people(run.reason))


def _proof(runs: list[ImportRun], where: Any) -> Proof | None:
    """The newest, whatever it found."""
    proven = [run for run in runs if run.verified_at]
    if not proven:
        return None
    run = max(proven, key=lambda run: run.verified_at or run.created_at)
    at = run.verified_at or run.created_at
    sentence = headline(run.scope, run.verified)
    return Proof(run, zones.written(at, where), sentence, timezone.now() - at > FRESH)


def _step(account: AcuityAccount, run: ImportRun | None, scope: access.Scope) -> Step | None:
    """What to do now. Who may not do it is offered to look."""
    watch = reverse("admin:integrations_importrun_change", args=[run.pk]) if run else ""
    refused = run is not None and run.error_class == CredentialsRefused.__name__
    if (keys.unreadable(account) or refused) and scope.may("own", account.tenant_id):
        url = reverse("admin:integrations_acuityaccount_change", args=[account.pk])
        return Step(gettext("Enter the key"), url)
    if run and run.status in ("paused", "failed") and scope.may("run", account.tenant_id):
        return Step(
            gettext("Resume"), reverse("admin:acuity_act", args=[run.pk, "resume"]), post=True
        )
    if run and run.status in ImportRun.ACTIVE:
        return Step(gettext("Watch"), watch)
    if run and run.status == "completed_with_gaps":
        return Step(gettext("Look at the gaps"), watch)
    if not scope.may("run", account.tenant_id):
        return Step(gettext("Look at the last import"), watch) if run else None
    url = f"{reverse('admin:acuity_start')}?accounts={account.pk}"
    return Step(gettext("Import again") if run else gettext("Import"), url)
