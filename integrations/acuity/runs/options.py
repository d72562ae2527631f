"""What may be chosen of an import? The same for command, HTTP, form and plan, with one judge."""

import msgspec

from integrations.acuity.errors import ConfigurationError
from integrations.acuity.resources import OPTIONS, RESOURCES
from integrations.acuity.resources.scope import CHOICE, Period


class Options(msgspec.Struct, frozen=True):
    """What a run, or a dry run, is asked to do."""

    period: Period = Period()
    # Records asked for at a time; without one, the best is found.
    page_limit: int | None = None
    only: tuple[str, ...] = tuple(RESOURCES)
    # Of the resources' options, by name; what is not chosen is their default.
    choices: dict[str, str] = {}
    verify: bool = True
    # Whether however many bookings that Acuity no longer shows may be marked as gone.
    accept_removals: bool = False

    def check(self) -> None:
        """Raises ConfigurationError if nothing can be started like this."""
        limit, days = self.page_limit, self.period
        if limit is not None and not 1 <= limit <= 1000:
            raise ConfigurationError(f"The page limit must be from 1 to 1000, not {limit}.")
        if days.first and days.last and days.first > days.last:
            raise ConfigurationError(
                f"The first date {days.first} is after the last date {days.last}."
            )
        unknown = [name for name in self.only if name not in RESOURCES]
        if unknown or not self.only:
            what = f"Cannot import {', '.join(unknown)}: choose from"
            raise ConfigurationError(
                f"{what if unknown else 'Name what to import:'} {', '.join(RESOURCES)}."
            )

    @property
    def columns(self) -> dict[str, str]:
        """The choices as a run keeps them."""
        return {
            f"{name}{CHOICE}": self.choices.get(name) or choices[0]
            for name, choices in OPTIONS.items()
        }
