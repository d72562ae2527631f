"""What must a person say, and be told, before an import starts?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from bookings.models import Appointment
from bookings.tables import number
from integrations.acuity.errors import AcuityError, ConfigurationError
from integrations.acuity.resources import OPTIONS, RESOURCES
from integrations.acuity.resources.payments.save import due_of
from integrations.acuity.resources.scope import Period, Scope
from integrations.acuity.runs import control, dry_runs
from integrations.acuity.runs.options import Options
from integrations.acuity.runs.progress import duration
from integrations.conf import conf
from integrations.console import key
from integrations.console.sentences import said
from integrations.console.words import for_people
from integrations.models import AcuityAccount, DryRun, ImportRun


class StartForm(forms.Form):
    min_date = forms.DateField(
        label=_("First day"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=_("Empty: from the first booking."),
    )
    max_date = forms.DateField(
        label=_("Last day"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=_("Empty: to the last booking, including those to come."),
    )
    page_limit = forms.IntegerField(
        label=_("Page limit"),
        required=False,
        min_value=1,
        max_value=1000,
        help_text=_("Records asked for at a time, 1 to 1000. Empty: found automatically."),
    )
    only = forms.MultipleChoiceField(
        label=_("What to import"),
        choices=lambda: [(name, said(resource.title)) for name, resource in RESOURCES.items()],
        initial=list(RESOURCES),
        widget=forms.CheckboxSelectMultiple,
    )
    dry_run = forms.BooleanField(
        label=_("Dry run"),
        required=False,
        help_text=_("Read, write nothing, and say what an import would do."),
    )

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        for option, choices in OPTIONS.items():
            self.fields[option] = forms.ChoiceField(
                label=said(option.capitalize()),
                required=False,
                choices=[(choice, said(choice)) for choice in choices],
            )

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        low, high = data.get("min_date"), data.get("max_date")
        if low and high and low > high:
            raise forms.ValidationError(gettext("The first day is after the last day."))
        return data

    def options(self) -> Options:
        data = self.cleaned_data
        return Options(
            Period(data["min_date"], data["max_date"]),
            data["page_limit"],
            tuple(data["only"]),
            {option: data[option] for option in OPTIONS if data[option]},
        )


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
        if not per_second:
            return gettext(
                "First import: about one request for each paid booking, and few for the rest."
            )
        return gettext(
            "First import: about one request for each paid booking, at %(n)s requests a second, and"
            " few for the rest."
        ) % {"n": f"{per_second:g}"}
    due = due_of(Scope(account)).count()
    listed = 12 + round(1.15 * stored / (account.best_page_limit or conf.ACUITY_PAGE_LIMIT))
    requests = listed + due
    lists = ngettext(
        "%(n)s list of payments is due now.", "%(n)s lists of payments are due now.", due
    )
    facts = {"n": number(requests), "time": duration(requests / (per_second or 1))}
    whole = (
        gettext("About %(n)s requests, %(time)s.")
        if per_second
        else gettext("About %(n)s requests.")
    )
    more = gettext("Bookings paid since the last import take one more each.")
    return f"{whole % facts} {lists % {'n': number(due)}} {more}"


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


def start_one(account: AcuityAccount, dry: bool, options: Options) -> Started:
    try:
        if dry:
            return Started(account, dry_run=dry_runs.begin(account, options))
        return Started(account, run=control.start(account, options, by="person"))
    except control.ActiveRun as active:
        return Started(account, run=active.run, problem=said(str(active)))
    except (AcuityError, ConfigurationError) as error:
        return Started(account, problem=said(for_people(str(error))))
