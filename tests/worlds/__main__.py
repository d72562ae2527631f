"""Random worlds: `python -m tests.worlds [--count 1000] [--first SEED] [--seed N] [--database …]`.

Each seed is an invented account, a source with its lies and faults, what happens meanwhile, and one
or two imports. A judge that knows the world, and none of the importer's code, says what is false:

- false_verified: verified, and something of what that covers is missing, wrong, extra or someone
  else's; or a source was believed that can't be;
- false_gap: all is stored and the source allowed the proof, yet it isn't verified;
- false_gone: a booking that lives is marked as removed;
- lost: less is stored than could be had, without a word, or where nothing hindered it;
- endless: no end within 3,000 requests or two minutes of work, or a crash.

Which lie is for which law of evidence:

 1 an answer counts if it obeys  ignores …, by id, shuffled, ties shuffled, stray row, cap at 5 … 500,
                                 refuses max above, honours offset, days in utc, days of the calendar
 2 another cut for the proof     whole listing lacks a calendar, ignores (pairs), cap at …
 3 answers by ID, in no listing  listings without one calendar, month, day, 5 %, 95 %
 4 gone needs two witnesses      listings without …, 404 or null at one booking's payments,
                                 booking_vanishes
 5 no tick where numbers differ  listings without …, booking_vanishes
 6 bounds bind the question      booking_moves before an import with dates, stray row
 7 payments list by list         payment_is_corrected, payment_is_refunded, rows +x −x on unpaid
                                 bookings, payments of canceled ones, --payments all
 8 the client list has an end    clients cut at …, client_is_renamed, client_is_deleted
 9 who answers is checked        me is an error, me says id / currency / timezone
10 rows belong to an account     every world is a tenant of its own in one database; two accounts
                                 of one tenant: test_table.py
11 one record's fault            404, null, 403, 400, 410, 422, 500 at one booking's payments;
                                 once: 403 page, 408, 425, 302, 429, 500, 502, 503, an error with 200;
                                 every wording (amounts, times, yes and no, names, phones)
12 the proof never harms itself  a second import with hiding lies or a fault after a verified one
"""

import argparse
import os
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.worlds", description="Random worlds.")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--first", type=int, default=1, metavar="SEED")
    parser.add_argument("--seed", type=int, help="one world, told at length")
    parser.add_argument("--database", default="sqlite", help="sqlite, postgres or a DATABASE_URL")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="worlds-") as folder:
        prepare(options.database, folder)
        if options.seed is not None:
            return tell(options.seed)
        return play_all(range(options.first, options.first + options.count))


def prepare(database: str, folder: str) -> None:
    """Django, with an empty database of its own."""
    if database == "sqlite":
        database = f"sqlite:///{Path(folder) / 'worlds.sqlite3'}"
    elif database == "postgres":
        from tests.services import postgres_url

        database = postgres_url()
    os.environ |= {
        "DATABASE_URL": database,
        "REDIS_URL": "",
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "ACUITY_REQUESTS_PER_SECOND": "0",
    }
    import logging

    import django
    from django.core.management import call_command

    django.setup()
    logging.disable(logging.CRITICAL)
    call_command("migrate", verbosity=0)


def play_all(seeds: range) -> int:
    from tests.worlds.scenarios import play, scenario

    began, verified, requests = time.monotonic(), 0, 0
    by_kind: dict[str, list[tuple[int, list[str], str]]] = defaultdict(list)
    statuses: Counter[str] = Counter()
    for number, seed in enumerate(seeds, 1):
        story = scenario(seed)
        outcome = play(story)
        verified += outcome.verified
        requests += outcome.requests
        statuses[outcome.results[-1]["status"][:40]] += 1
        for kind in {verdict.kind for verdict in outcome.verdicts}:
            first = next(one.reason for one in outcome.verdicts if one.kind == kind)
            by_kind[kind].append((seed, story.kinds, first))
            print(f"seed {seed}: {kind}", file=sys.stderr)
        pace = number / (time.monotonic() - began)
        if number % 25 == 0 or number == len(seeds):
            wrong = ", ".join(f"{kind} {len(those)}" for kind, those in by_kind.items()) or "none"
            print(f"{number:>5} worlds, {pace:.1f} a second; false: {wrong}", file=sys.stderr)
    print(f"{len(seeds)} worlds, {verified} verified, {requests} requests; {dict(statuses)}")
    report(by_kind)
    return 1 if by_kind else 0


def report(by_kind: dict[str, list[tuple[int, list[str], str]]]) -> None:
    from tests.worlds.judge import KINDS

    for kind in KINDS:
        those = by_kind.get(kind, [])
        print(f"\n{kind}: {len(those)}")
        lies = Counter(lie for _, kinds, _ in those for lie in kinds or ["honest"])
        for lie, count in lies.most_common(12):
            print(f"  {count:>4}  {lie}")
        for seed, kinds, reason in those[:12]:
            print(f"    seed {seed} [{', '.join(kinds) or 'honest'}] {reason[:200]}")


def tell(seed: int) -> int:
    from tests.worlds.scenarios import play, scenario

    story = scenario(seed)
    world = story.world
    print(
        f"seed {seed}: {world.country} {world.timezone} {world.currency}, keyed by "
        f"{'name and phone' if world.by_phone else 'name'}; {len(world.entries)} clients, "
        f"{len(world.bookings)} bookings, {len(world.calendars)} calendars"
    )
    for number, each in enumerate(story.imports, 1):
        print(f"import {number}: {each.options}")
        for lie in each.lies:
            print(f"  lie: {lie.name} ({(lie.__doc__ or '').splitlines()[0]}) → {lie.right}")
        for event in each.before:
            print(f"  before: {event.__name__}")
        for after, event in each.during:
            print(f"  after {after} requests: {event.__name__}")
    outcome = play(story)
    for number, result in enumerate(outcome.results, 1):
        print(f"result {number}: {shortened(result)}")
    print(f"{outcome.requests} requests; moments: {len(world.past)}")
    for verdict in outcome.verdicts:
        print(f"FALSE {verdict}")
    return 1 if outcome.verdicts else 0


def shortened(result: dict[str, Any]) -> str:
    names = ("status", "verified", "reason", "gaps", "differences", "clients", "appointments")
    return ", ".join(f"{name}={str(result.get(name))[:300]}" for name in names)


if __name__ == "__main__":
    sys.exit(main())
