"""What must a person say, and be told, before an import starts?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms

from bookings.models import Appointment
from integrations.acuity.errors import AcuityError, ConfigurationError
from integrations.acuity.resources import OPTIONS, RESOURCES
from integrations.acuity.resources.base import many
from integrations.acuity.resources.payments.save import due_of
from integrations.acuity.resources.scope import Scope
from integrations.acuity.runs import control, dry_runs
from integrations.acuity.runs.progress import duration
from integrations.conf import conf
from integrations.console import key
from integrations.console.words import for_people
from integrations.models import AcuityAccount, DryRun, ImportRun


class StartForm(forms.Form):
    min_date = forms.DateField(
        label="First day",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="Empty: from the first booking.",
    )
    max_date = forms.DateField(
        label="Last day",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="Empty: to the last booking, also in the future.",
    )
    page_limit = forms.IntegerField(
        label="Page limit",
        required=False,
        min_value=1,
        max_value=1000,
        help_text="Records asked for at a time, 1 to 1000. Empty: found automatically.",
    )
    only = forms.MultipleChoiceField(
        label="What to import",
        choices=[(name, resource.title) for name, resource in RESOURCES.items()],
        initial=list(RESOURCES),
        widget=forms.CheckboxSelectMultiple,
    )
    dry_run = forms.BooleanField(
        label="Dry run",
        required=False,
        help_text="Read, write nothing, and say what an import would do.",
    )

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        for option, choices in OPTIONS.items():
            self.fields[option] = forms.ChoiceField(
                label=option.capitalize(),
                required=False,
                choices=[(choice, choice) for choice in choices],
            )

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        low, high = data.get("min_date"), data.get("max_date")
        if low and high and low > high:
            raise forms.ValidationError("The first day is after the last day.")
        return data

    def options(self) -> dict[str, Any]:
        data = self.cleaned_data
        return {
            "min_date": data["min_date"],
            "max_date": data["max_date"],
            "page_limit": data["page_limit"],
            "only": tuple(data["only"]),
            **{f"{o}_mode": data[o] or choices[0] for o, choices in OPTIONS.items()},
        }


@dataclass(frozen=True)
class Checked:
    """One account before its import: what Acuity says it is, or why it cannot be imported."""

    account: AcuityAccount
    name: str = ""
    timezone: str = ""
    estimate: str = ""
    problem: str = ""
    active: ImportRun | None = None


def check(accounts: Sequence[AcuityAccount]) -> list[Checked]:
    """Asks Acuity once for each, all at the same time, so that a wrong key is seen at once."""
    answers = key.ask(accounts)
    return [_checked(*asked) for asked in zip(accounts, answers, strict=True)]


def _checked(account: AcuityAccount, opened: key.Opened) -> Checked:
    active = account.runs.filter(status__in=ImportRun.ACTIVE).first()
    if opened.facts is None:
        return Checked(account, problem=opened.problem, active=active)
    facts = opened.facts
    return Checked(account, facts.name, facts.timezone, estimate(account), active=active)


def estimate(account: AcuityAccount) -> str:
    """Requests and time in words, from what is stored; honest where nothing is known yet."""
    stored = account.rows(Appointment).count()
    per_second = conf.ACUITY_REQUESTS_PER_SECOND
    if not stored:
        pace = f" at {per_second:g} requests a second" if per_second else ""
        return f"First import: about one request for each paid appointment{pace}, and few for the rest."
    due = due_of(Scope(account)).count()
    listed = 12 + round(1.15 * stored / (account.best_page_limit or conf.ACUITY_PAGE_LIMIT))
    requests = listed + due
    time = f", about {duration(requests / per_second)}" if per_second else ""
    return (
        f"About {requests:,} requests{time}: {many(due, 'list')} of payments are due now."
        " Appointments paid since the last import take one more each."
    )


@dataclass(frozen=True)
class Started:
    account: AcuityAccount
    run: ImportRun | None = None
    dry_run: DryRun | None = None
    problem: str = ""


def start(accounts: Sequence[AcuityAccount], form: StartForm) -> list[Started]:
    """One run, dry run or problem for each account."""
    return [
        start_one(account, form.cleaned_data["dry_run"], form.options()) for account in accounts
    ]


def start_one(account: AcuityAccount, dry: bool, options: dict[str, Any]) -> Started:
    try:
        if dry:
            return Started(account, dry_run=dry_runs.begin(account, **options))
        return Started(account, run=control.start(account, by="person", **options))
    except control.ActiveRun as active:
        return Started(account, run=active.run, problem=str(active))
    except (AcuityError, ConfigurationError) as error:
        return Started(account, problem=for_people(str(error)))
