"""In which zone are a business's times shown, and how is a time written?"""

from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from django.utils import dateformat
from django.utils.translation import gettext as _

from bookings.models import Appointment, Tenant


@lru_cache(maxsize=512)
def zone(name: str) -> ZoneInfo:
    """The zone of this name, or UTC where no zone has it."""
    try:
        return ZoneInfo(name or "UTC")
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")


def of(tenant: Tenant) -> ZoneInfo:
    return zone(tenant.timezone)


def written(at: datetime | None, where: ZoneInfo, named: bool = False) -> str:
    """`5 Mar 2026, 09:00`, with the zone's name behind it if `named`; nothing for no time."""
    if at is None:
        return ""
    local = at.astimezone(where)
    text = dateformat.format(local, _("j M Y, H:i"))
    return f"{text} ({where.key})" if named else text


def day(of: date) -> str:
    """`5 Mar 2026`."""
    return dateformat.format(of, _("j M Y"))


def from_kept(text: str, where: ZoneInfo) -> str:
    """A time as history keeps it, `2026-05-03T14:00:00Z`, written; nothing for what is no time."""
    if len(text) < len("2026-05-03T14:00:00Z") or text[4] != "-" or "T" not in text:
        return ""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return ""
    return written(at, where) if at.tzinfo else ""


def start(booking: Appointment, named: bool = False) -> str:
    """When it begins, in the tenant's zone; never on another day than the source shows it on."""
    where = of(booking.tenant)
    if booking.starts_at.astimezone(where).date() != booking.service_date:
        own = zone(booking.timezone)
        if booking.starts_at.astimezone(own).date() == booking.service_date:
            return written(booking.starts_at, own, named=True)
    return written(booking.starts_at, where, named)
