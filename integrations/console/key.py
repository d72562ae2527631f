"""Is a key right, and whose account does it open? Asked once, and for no longer than 3 seconds."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from integrations.acuity.accounts import briefly
from integrations.acuity.errors import TimedOut, UnknownAccount
from integrations.acuity.resources.account import Facts, of_answer
from integrations.console.sentences import said
from integrations.console.words import for_people
from integrations.models import AcuityAccount

LATE = _("Acuity did not answer within %(n)s seconds: try again in a minute.")


class Opened(NamedTuple):
    """What the source says of an account, or why it says nothing."""

    facts: Facts | None
    problem: str = ""

    @property
    def words(self) -> str:
        if self.facts is None:
            return self.problem
        return gettext(
            "The key is right. Acuity knows the account as %(name)s; its zone is %(timezone)s, its"
            " currency %(currency)s."
        ) % (self.facts._asdict() | {"name": self.facts.name or gettext("nameless")})


def ask(accounts: Sequence[AcuityAccount]) -> list[Opened]:
    """All at the same time. None of them need be saved."""
    answers = briefly.ask(accounts, "/me")
    return [_opened(*asked) for asked in zip(accounts, answers, strict=True)]


def _opened(account: AcuityAccount, me: Any) -> Opened:
    if isinstance(me, TimedOut):
        return Opened(None, LATE % {"n": f"{briefly.SECONDS:g}"})
    if isinstance(me, Exception):
        return Opened(None, said(for_people(str(me))))
    try:
        return Opened(of_answer(account, me))
    except UnknownAccount as error:
        return Opened(None, said(for_people(str(error))))
