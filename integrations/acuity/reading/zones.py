"""Which time zone does a name mean, and in which country is it? Acuity shows names of several kinds."""

from functools import cache, lru_cache
from pathlib import Path
from zoneinfo import TZPATH, ZoneInfo, available_timezones

# How Rails and Windows call them.
OTHERWISE = {
    "hawaii": "Pacific/Honolulu",
    "hawaiian standard time": "Pacific/Honolulu",
    "alaska": "America/Anchorage",
    "alaskan standard time": "America/Anchorage",
    "pacific time (us & canada)": "America/Los_Angeles",
    "pacific standard time": "America/Los_Angeles",
    "tijuana": "America/Tijuana",
    "arizona": "America/Phoenix",
    "us mountain standard time": "America/Phoenix",
    "mountain time (us & canada)": "America/Denver",
    "mountain standard time": "America/Denver",
    "central time (us & canada)": "America/Chicago",
    "central standard time": "America/Chicago",
    "saskatchewan": "America/Regina",
    "canada central standard time": "America/Regina",
    "mexico city": "America/Mexico_City",
    "central standard time (mexico)": "America/Mexico_City",
    "eastern time (us & canada)": "America/New_York",
    "eastern standard time": "America/New_York",
    "indiana (east)": "America/Indiana/Indianapolis",
    "us eastern standard time": "America/Indiana/Indianapolis",
    "bogota": "America/Bogota",
    "sa pacific standard time": "America/Bogota",
    "atlantic time (canada)": "America/Halifax",
    "atlantic standard time": "America/Halifax",
    "newfoundland": "America/St_Johns",
    "newfoundland standard time": "America/St_Johns",
    "brasilia": "America/Sao_Paulo",
    "e. south america standard time": "America/Sao_Paulo",
    "buenos aires": "America/Argentina/Buenos_Aires",
    "argentina standard time": "America/Argentina/Buenos_Aires",
    "london": "Europe/London",
    "edinburgh": "Europe/London",
    "gmt standard time": "Europe/London",
    "dublin": "Europe/Dublin",
    "lisbon": "Europe/Lisbon",
    "amsterdam": "Europe/Amsterdam",
    "berlin": "Europe/Berlin",
    "w. europe standard time": "Europe/Berlin",
    "paris": "Europe/Paris",
    "romance standard time": "Europe/Paris",
    "madrid": "Europe/Madrid",
    "rome": "Europe/Rome",
    "stockholm": "Europe/Stockholm",
    "vienna": "Europe/Vienna",
    "bern": "Europe/Zurich",
    "zurich": "Europe/Zurich",
    "brussels": "Europe/Brussels",
    "copenhagen": "Europe/Copenhagen",
    "prague": "Europe/Prague",
    "central europe standard time": "Europe/Budapest",
    "warsaw": "Europe/Warsaw",
    "central european standard time": "Europe/Warsaw",
    "athens": "Europe/Athens",
    "gtb standard time": "Europe/Bucharest",
    "helsinki": "Europe/Helsinki",
    "fle standard time": "Europe/Kiev",
    "jerusalem": "Asia/Jerusalem",
    "israel standard time": "Asia/Jerusalem",
    "pretoria": "Africa/Johannesburg",
    "south africa standard time": "Africa/Johannesburg",
    "istanbul": "Europe/Istanbul",
    "turkey standard time": "Europe/Istanbul",
    "kuwait": "Asia/Kuwait",
    "riyadh": "Asia/Riyadh",
    "arab standard time": "Asia/Riyadh",
    "abu dhabi": "Asia/Dubai",
    "arabian standard time": "Asia/Dubai",
    "mumbai": "Asia/Kolkata",
    "new delhi": "Asia/Kolkata",
    "india standard time": "Asia/Kolkata",
    "bangkok": "Asia/Bangkok",
    "se asia standard time": "Asia/Bangkok",
    "beijing": "Asia/Shanghai",
    "china standard time": "Asia/Shanghai",
    "hong kong": "Asia/Hong_Kong",
    "singapore": "Asia/Singapore",
    "singapore standard time": "Asia/Singapore",
    "perth": "Australia/Perth",
    "w. australia standard time": "Australia/Perth",
    "tokyo": "Asia/Tokyo",
    "tokyo standard time": "Asia/Tokyo",
    "seoul": "Asia/Seoul",
    "korea standard time": "Asia/Seoul",
    "adelaide": "Australia/Adelaide",
    "cen. australia standard time": "Australia/Adelaide",
    "brisbane": "Australia/Brisbane",
    "e. australia standard time": "Australia/Brisbane",
    "sydney": "Australia/Sydney",
    "melbourne": "Australia/Melbourne",
    "aus eastern standard time": "Australia/Sydney",
    "auckland": "Pacific/Auckland",
    "wellington": "Pacific/Auckland",
    "new zealand standard time": "Pacific/Auckland",
}  # fmt: skip


@lru_cache(maxsize=1000)
def resolve(name: str) -> str:
    """The zone of that name as `zoneinfo` knows it; nothing if nobody does."""
    plain = " ".join(name.split()).casefold()
    known = _by_plain_name()
    return known.get(plain.replace(" ", "_")) or OTHERWISE.get(plain, "")


@lru_cache(maxsize=1000)
def zone(name: str) -> ZoneInfo | None:
    """The zone itself."""
    return ZoneInfo(found) if (found := resolve(name)) else None


@cache
def _by_plain_name() -> dict[str, str]:
    return {name.casefold(): name for name in available_timezones()}


@cache
def _countries() -> dict[str, str]:
    """Each zone's country, as the system's table has it."""
    tables = [table for path in TZPATH if (table := Path(path, "zone.tab")).is_file()]
    lines = tables[0].read_text().splitlines() if tables else []
    rows = (line.split("\t") for line in lines if not line.startswith("#"))
    return {zone: country for country, _, zone, *_ in rows}


def country(name: str) -> str:
    """The country (ISO 3166) of a zone, or nothing."""
    found = resolve(name)
    if found.startswith("US/"):
        return "US"
    return _countries().get(found, "")
