"""What must a person say, and be told, before an import starts?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms

from bookings.models import Appointment
from integrations.acuity.accounts import briefly
from integrations.acuity.accounts.addresses import is_own
from integrations.acuity.errors import AcuityError, BadAnswer, ConfigurationError, TimedOut
from integrations.acuity.resources import OPTIONS, RESOURCES
from integrations.acuity.resources.scope import Period
from integrations.acuity.runs import control, preview
from integrations.acuity.runs.options import Options
from integrations.acuity.runs.progress import duration
from integrations.acuity.source.fetching import Fetcher
from integrations.conf import conf
from integrations.console.words import for_people
from integrations.models import AcuityAccount, ImportRun

LATE = f"Acuity did not answer within {briefly.SECONDS:g} seconds: try again in a minute."
LATE_DRY_RUN = (
    "Acuity did not answer in time, or the account is too large for a page to wait for: "
    "in a terminal, manage.py acuity_import --dry-run takes the time it needs."
)


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
    answers = briefly.ask(accounts, "/me")
    return [_checked(*asked) for asked in zip(accounts, answers, strict=True)]


def _checked(account: AcuityAccount, me: Any) -> Checked:
    active = account.runs.filter(status__in=ImportRun.ACTIVE).first()
    if isinstance(me, TimedOut):
        return Checked(account, problem=LATE, active=active)
    if not isinstance(me, dict | Exception):
        me = BadAnswer("/me has another shape")
    if isinstance(me, Exception):
        return Checked(account, problem=for_people(str(me)), active=active)
    own = is_own(account)
    return Checked(
        account,
        str(me.get("name") or "") if own else "not shown: the account has an address of its own",
        str(me.get("timezone") or "") if own else "not shown",
        estimate(account),
        "",
        active,
    )


def estimate(account: AcuityAccount) -> str:
    """Requests and time in words, from what is stored; honest where nothing is known yet."""
    stored = account.rows(Appointment).count()
    per_second = conf.ACUITY_REQUESTS_PER_SECOND
    if not stored:
        pace = f" at {per_second:g} requests a second" if per_second else ""
        return f"First import: about one request for each paid appointment{pace}, and few for the rest."
    requests = 12 + round(1.15 * stored / (account.best_page_limit or conf.ACUITY_PAGE_LIMIT))
    time = f", about {duration(requests / per_second)}" if per_second else ""
    return f"About {requests:,} requests{time}, and one more for each appointment paid since the last import."


@dataclass(frozen=True)
class Started:
    account: AcuityAccount
    run: ImportRun | None = None
    dry_run: dict[str, Any] | None = None
    problem: str = ""

    @property
    def counted(self) -> dict[str, list[int]]:
        """What an import would do, by title."""
        found = self._dry_run_counts
        return {t: [*counts.values()] for t, counts in found.items() if "requests" not in counts}

    @property
    def asking(self) -> dict[str, int]:
        """The requests of what a dry run does not ask for, by title."""
        found = self._dry_run_counts
        return {t: counts["requests"] for t, counts in found.items() if "requests" in counts}

    @property
    def _dry_run_counts(self) -> dict[str, dict[str, int]]:
        answer = self.dry_run or {}
        return {r.title: answer[name] for name, r in RESOURCES.items() if name in answer}


def start(accounts: Sequence[AcuityAccount], form: StartForm) -> list[Started]:
    """One run, dry run or problem for each account."""
    return [_start(account, form) for account in accounts]


def _start(account: AcuityAccount, form: StartForm) -> Started:
    options = form.options()
    try:
        if form.cleaned_data["dry_run"]:
            with briefly.turn():
                source = Fetcher(briefly.client(account), briefly.deadline(), every=0.2)
                return Started(account, dry_run=preview.dry_run(account, options, source))
        return Started(account, run=control.start(account, options, by="person"))
    except TimedOut:
        return Started(account, problem=LATE_DRY_RUN)
    except control.ActiveRun as active:
        return Started(account, run=active.run, problem=str(active))
    except (AcuityError, ConfigurationError) as error:
        return Started(account, problem=for_people(str(error)))
