"""How does a page say in its reader's language what the rooms below say in English?

Logs, JSON, the terminal and what is stored stay English; a page translates a sentence when it shows
it. The sentences are listed here with their variable parts in braces, which are translated in turn. A
sentence that is not listed, a record's own words say, is shown as it is.
"""

import re
from collections.abc import Iterator
from datetime import date
from functools import cache, lru_cache

from django.utils import dateformat
from django.utils.formats import number_format
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_noop as _

SENTENCES = (
    # What a run says it has.
    _("All {parts}."),
    _("Stored: {parts}."),
    _("{n} bookings that Acuity lists"),
    _("{n} clients of its list"),
    _("the {n} payment lists that were read"),
    _("Not asked: the payments of {n} unpaid bookings."),
    _("Of {bookings} the payments do not add up to what Acuity says was paid."),
    _("Not proven to be whole: {what}."),
    _("This run's proof did not record what it asked; prove it again."),
    _("unpaid, nothing paid"),
    _("those made at a card processor are not in Acuity"),
    _("oldest first"),
    _("newest first by calendar"),
    _("oldest first by the import"),
    _("canceled apart"),
    _("newest first, between two days"),
    _("canceled ones too, by calendar"),
    _("canceled by calendar"),
    _("by type"),
    _("to come apart"),
    _("the latest, newest first"),
    _("each list by its booking"),
    _("stored rows compared column by column"),
    _("unchanged rows compared by their digests, not column by column"),
    _("their answers to forms, as the import read them: not asked again"),
    _("lists not read again stand as they were stored"),
    _("listed twice, alike"),
    _("listed twice, not alike"),
    _("the import's own list"),
    _("the import's own list, the one proven at {at}"),
    _("each is named by {what}"),
    _("each is named by {what} or {other}"),
    _("the import's own pages; cut differently at {at}"),
    _("asked with and without {what}"),
    _("asked for {done} of {all}"),
    _("asked for {n} products one by one"),
    _("asked for {n} calendars one by one"),
    _("{n} that are not listed asked for by their ID"),
    _("searched: more than listed"),
    _("searched for a few: no others"),
    # Gaps.
    _("Nothing was compared with Acuity: prove the run again."),
    _("Acuity ignores {names}: no other question lists the rest."),
    _("Every answer for this day is as long as Acuity's longest answer; there may be more."),
    # As older runs say it.
    _("Acuity cuts its answers for this day short, however it is asked."),
    _("Acuity ignores canceled: whether it hides canceled bookings cannot be told."),
    _("Acuity ignores max in its list of orders: where that ends cannot be told."),
    _(
        "Acuity answers no other question with all the bookings that it lists: whether there are more cannot"
        " be told."
    ),
    _("Acuity ignores {names} in its list of {what}: where that ends cannot be told."),
    _("Acuity's client list was different each time it was asked for."),
    _(
        "Acuity cuts its client list short: {n} more of its entries were found by searching;"
        " people without a booking may be missing."
    ),
    _("Acuity's {what} were different each time they were listed."),
    _("Acuity cuts its {what} short: another question showed {n} more."),
    _("Acuity says two different things about {n} {what} ({ids}), depending on how it is asked."),
    _("Acuity refuses this account its {what} (status {status})."),
    _("{n} {what} stored before."),
    _("{n} {what} that {source} name, and no list shows."),
    _("{n} {what} stored that Acuity no longer lists, half or more;"),
    _("import with --accept-removals if that is right."),
    _("{n} record of {what} that could not be read; see the rejected records."),
    _("{n} records of {what} that could not be read; see the rejected records."),
    _("{n} record of {what} ({ids}) that could not be read; see the rejected records."),
    _("{n} records of {what} ({ids}) that could not be read; see the rejected records."),
    _("{n} appointment listed by Acuity but not stored."),
    _("{n} appointments listed by Acuity but not stored."),
    _("{n} appointment stored that Acuity's listing does not show."),
    _("{n} appointments stored that Acuity's listing does not show."),
    _("{n} appointment{ids} whose payments could not be stored."),
    _("{n} appointments{ids} whose payments could not be stored."),
    _(
        "Acuity no longer shows {bookings}, and none was marked as gone: if that is right, import"
        " again with --accept-removals."
    ),
    _(
        "Acuity neither lists {bookings} nor finds them by their ID. A second look, at least a"
        " minute after the first, decides if they are gone: prove this run again."
    ),
    _("{n} booking"),
    _("{n} bookings"),
    # Errors, as a browser names the settings.
    _(
        "Acuity refused the user ID or API key: check the user ID and API key on the account's"
        " page, or connect again."
    ),
    _(
        "The user ID or API key has a character that no key of Acuity's has: check the user ID and"
        " API key on the account's page."
    ),
    _("The stored API key cannot be decrypted: enter it again, or put back the server's old key."),
    _("The account has neither an API key nor a connection by OAuth: enter a key, or connect it."),
    _("This Acuity plan has no API access: upgrade the plan, the key itself is right."),
    _("Acuity forbids this record to these credentials: use a key of the account's main admin."),
    _("Acuity has no such record or address: check the address on the account's page."),
    _("Acuity no longer has this booking, nor anything of it."),
    _("Acuity answered with something unexpected: the API may have changed."),
    _("Acuity's answer was far larger than it should be: the API may have changed."),
    _(
        "Acuity answered with a redirect, which is not followed: check the address on the"
        " account's page."
    ),
    _("Something before Acuity, a firewall or proxy, refused the request: the import tries again."),
    _("Acuity does not say whose account this is: nothing was written."),
    _("Acuity answers for another account than before: nothing was written."),
    _("Acuity's listing goes in circles: neither new records nor a new position came."),
    _("Acuity asked to slow down: the import waits and goes on."),
    _("Acuity is in trouble: the import waits and tries again."),
    _("Acuity took too long to answer: the import tries again, with a smaller page if it may."),
    _("Acuity answered with something that is not JSON: the import tries again."),
    _("Acuity sent a part of its answer: the import asks for the whole of it again."),
    _(
        "Acuity sent no list where one was asked for: the import asks again before it believes that."
    ),
    _("Acuity cannot be reached: check the network and the address on the account's page."),
    _("The account's address leads into a private network: correct it; nothing was sent."),
    _("Acuity's certificate cannot be trusted: check the network's proxy and the system's clock."),
    _("The database is in trouble: the import waits and tries again."),
    _("Several pages are already waiting for Acuity: try again in a minute."),
    _("Something unexpected stopped this: the server's log says where."),
    _("{sentence} ({detail})"),
    _("/me has no {what}"),
    _("Run {run} of this account is {state}: resume or cancel it first."),
    _("Run {run} is {state}: only a completed run can be proven."),
    _("Run {run} is {state}: cancel it first."),
    _("Run {run} has no proof that could be written down: prove it with acuity_verify."),
    _("The page limit must be from 1 to 1000, not {n}."),
    _("The first date {first} is after the last date {last}."),
    _("{host} is not known on the network: check the spelling of the address."),
    _(
        "the address on the account's page is not a web address: {url}; use"
        " https://acuityscheduling.com/api/v1."
    ),
    _("the address on the account's page must use https outside this machine, not {url}."),
    _("the address on the account's page must not carry credentials; {rest}"),
    _("Acuity sends webhooks to ports 443 and 80 alone: open this page under its public address."),
    _("There is no key to check who sent a webhook: enter the account's API key."),
    _("Acuity has 25 webhooks of this account, and takes no more: remove some there."),
    _("Acuity did not connect the account: it was not agreed to."),
    _("Acuity did not connect the account: try again."),
    _("Quiet hours need a beginning and an end, or neither."),
    _("Every list is read again within 1 night or more, not 0."),
    _("An allowance is 1 list a night or more; empty: as the nights take."),
    # A booking's or a client's record.
    _("the record is not an object"),
    _("the payments are not a list"),
    _("amount is missing"),
    _("{field} is not text"),
    _("{field} is not a number"),
    _("{field} is not a list"),
    _("{field} is out of range"),
    _("{field} is not an amount like 45.00"),
    _("{field} has fractions of a cent"),
    _("{field} has no offset"),
    _("{field} is not a time like 2026-06-15T09:30:00-0500"),
    # How far, how fast, and when.
    _("not begun"),
    _("done"),
    _("{done} of {all}"),
    _("{done} (expected {all})"),
    _("{n}/s"),
    _("first booking to last booking"),
    _("first booking to {day}"),
    _("{day} to last booking"),
    _("nothing planned"),
    _("hourly pass"),
    _("nightly audit {span}"),
    _("quiet {span}"),
    _("{n} requests a night read all {lists} payment lists again within {nights} nights."),
    _("What was chosen would take {n}."),
    _("never imported whole"),
    _("bookings as of {at}"),
    _("payments audited since {at}"),
    _("{n} payment lists never read"),
    _("webhooks missed: {n} of {all} this week"),
    # What a run is made of.
    _("Account"),
    _("Verification"),
    _("Calendars"),
    _("Add-ons"),
    _("Forms"),
    _("Appointment types"),
    _("Labels"),
    _("Clients"),
    _("Products"),
    _("Orders"),
    _("Certificates"),
    _("Appointments"),
    _("Payments"),
    _("Blocks"),
    _("calendars"),
    _("addons"),
    _("add-ons"),
    _("forms"),
    _("appointment_types"),
    _("appointment types"),
    _("labels"),
    _("clients"),
    _("products"),
    _("orders"),
    _("certificates"),
    _("appointments"),
    _("payments"),
    _("blocks"),
    _("Paid"),
    _("All"),
    # Options of an import.
    _("paid"),
    _("all"),
    # Who did what.
    _("started"),
    _("resumed"),
    _("paused"),
    _("cancelled"),
    _("accepted rejects"),
    _("proves again"),
    _("tried rejects again"),
    _("changed the pace"),
    _("{n} taken in, {left} left"),
    _("page limit {limit}, rate {rate}"),
    _("person"),
    _("command"),
    _("schedule"),
    _("token"),
    _("importer"),
    # What changed.
    _("new"),
    _("moved"),
    _("canceled"),
    _("repriced"),
    _("renamed"),
    _("refunded"),
    _("gone"),
    _("changed"),
    _("{client} booked {when}, {price}"),
    _("{client} moved from {before} to {after}"),
    _("{client} was {before}"),
    _("{about}: canceled"),
    _("{about}: no longer at Acuity"),
    _("{about}: price {after}, was {before}"),
    _("{about}: {amount} {currency} by {processor} paid"),
    _("{about}: {amount} {currency} by {processor} refunded"),
    _("{about}: {amount} {currency} by {processor} no longer listed"),
    _("{client}: payment {after}, was {before}"),
    _("{about}: {columns} changed"),
    _("{month}: now {n} bookings, {currency} {amount} (was {before} and {currency2} {earlier})"),
    # Who was forgotten.
    _("{n} client"),
    _("{n} bookings that stay without a name"),
    _("{n} rows of other lists"),
    _("{n} rejected record"),
    _("{n} rejected records"),
    _("{n} kept pages of client lists"),
)
Sentences = list[tuple[str, re.Pattern[str]]]
# Variable parts that are numbers; of the others, one that must not reach into the next sentence.
NUMBERS = ("n", "status", "nights", "lists", "left", "done", "all")
WITHIN = ("parts", "what")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# As the rooms below write a day.
DAY = re.compile(rf"\b([12]?\d|3[01]) ({'|'.join(MONTHS)})\b")
NUMBER = re.compile(r"-?\d{1,3}(?:,\d{3})*(?:\.\d+)?|-?\d+(?:\.\d+)?")
# So many characters of its own make a sentence that is not taken for another.
TELLING = 25
END = re.compile(r"(.*?)([,.;:]?)", re.DOTALL)


def said(text: object) -> str:
    """`text`, a sentence or several, in the reader's language."""
    language = get_language() or "en"
    return str(text) if language.startswith("en") else _said(str(text), language)


@lru_cache(maxsize=4096)
def _said(text: str, _language: str) -> str:
    if not text.strip() or (known := _known(text)) is None:
        return text
    return DAY.sub(_day, known)


def _known(text: str) -> str | None:
    """Its translation, if it or some part of it is listed."""
    if NUMBER.fullmatch(text):
        return _number(text)
    if text in SENTENCES:
        return gettext(text)
    telling, vague = _patterns()
    return (
        _filled(text, telling)
        or _cut(text, r"(?<=\.) ")
        or _cut(text, r"(?<=;) ")
        or _filled(text, vague)
        or _cut(text, r"(?<=,) ")
    )


def _filled(text: str, sentences: Sentences) -> str | None:
    for sentence, pattern in sentences:
        if found := pattern.fullmatch(text):
            parts = {name: _known(part) or part for name, part in found.groupdict().items()}
            return gettext(sentence).format(**parts)
    return None


def _cut(text: str, where: str) -> str | None:
    """Part by part, if one of them is listed."""
    parts = re.split(where, text)
    found = [_part(part) for part in parts] if len(parts) > 1 else []
    if not any(found):
        return None
    return " ".join(known or part for known, part in zip(found, parts, strict=True))


def _part(text: str) -> str | None:
    """As `_known`, with the mark at its end apart where it is not listed with it."""
    if (whole := _known(text)) is not None:
        return whole
    ended = END.fullmatch(text)
    if ended is None or not ended[2] or (bare := _known(ended[1])) is None:
        return None
    return bare + ended[2]


def _day(found: re.Match[str]) -> str:
    """`5 Mar`, as a reader writes it."""
    month = MONTHS.index(found[2]) + 1
    return dateformat.format(date(2000, month, int(found[1])), gettext("j M"))


def _number(text: str) -> str:
    whole, _, decimals = text.replace(",", "").partition(".")
    grouped = "," in text or bool(decimals)
    value = f"{whole}.{decimals}" if decimals else whole
    return number_format(value, len(decimals) or None, force_grouping=grouped)


@cache
def _patterns() -> tuple[Sentences, Sentences]:
    """The sentences with variable parts, those with most words of their own first; then the rest."""
    own = {s: len(re.sub(r"\{\w+\}", "", s)) for s in SENTENCES if "{" in s}
    ordered = sorted(own, key=lambda sentence: -own[sentence])
    telling = [(s, _pattern(s)) for s in ordered if own[s] >= TELLING]
    return telling, [(s, _pattern(s)) for s in ordered if own[s] < TELLING]


def _pattern(sentence: str) -> re.Pattern[str]:
    return re.compile("".join(_pieces(sentence)), re.DOTALL)


def _pieces(sentence: str) -> Iterator[str]:
    for piece in re.split(r"(\{\w+\})", sentence):
        name = piece[1:-1]
        if not piece.startswith("{"):
            yield re.escape(piece)
        elif name in NUMBERS:
            yield rf"(?P<{name}>-?[\d,.]+)"
        elif name in WITHIN:
            yield rf"(?P<{name}>[^.;:]+?)"
        else:
            yield rf"(?P<{name}>.{'*' if name == 'ids' else '+'}?)"
