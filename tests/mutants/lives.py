"""Which mutants may live, and why: they change nothing that anybody could see."""

from tests.mutants.rooms import ACUITY, BOOKINGS, SOURCE

# By module, function and text, and change.
LIVES: dict[tuple[str, str, str], str] = {
    (
        f"{ACUITY}.reading.identity",
        "_phone_key: return digits[:40]: 40",
        "40 → 41",
    ): "a phone that can be parsed has fewer digits than that",
    (
        f"{SOURCE}.paging",
        "_beyond: return bool(self.last_day) and any((row.day > str(self.last_day) for row in stra",
        "returns None",
    ): "the day is then asked for by itself, and found whole: a question or two more",
    (
        f"{ACUITY}.runs.page",
        "grown: steps = (GROWN * 4 ** n for n in range(12)): 12",
        "12 → 13",
    ): "two thousand million rows are no more than an account has",
    (
        f"{ACUITY}.runs.page",
        "process_page: if grown(step.created, step.created + counts.created):: step.created + counts.created",
        "Add → Sub",
    ): "only how soon the database's planner hears of new rows",
    (
        f"{ACUITY}.runs.page",
        "process_page: if grown(step.created, step.created + counts.created):",
        "condition negated",
    ): "only how soon the database's planner hears of new rows",
    (
        f"{SOURCE}.slices",
        "_parts: if self.source.requests >= self.until:: self.source.requests >= self.until",
        "GtE → Gt",
    ): "a crowded day then takes one question more before it is given up",
    (
        f"{SOURCE}.paging",
        "_reaches: return row.day >= day.isoformat() or max(self.dates(row), default=date.max) >= d"
        ": row.day >= day.isoformat()",
        "GtE → Gt",
    ): "a row's own day is among the dates that are looked at next",
    (
        f"{SOURCE}.paging",
        "_anew: behind = replace(cursor, seen={}, canceled=True): True",
        "True → False",
    ): "the walk is over, and nobody asks any more whether a canceled booking was seen",
    (
        f"{ACUITY}.resources.clients.check",
        "compare_all: names = people.some_names(known.filter(pk__in=left[:people.ASKED * 4]).order_by(: 4",
        "4 → 5",
    ): "of those no more than ASKED * 4 are looked at",
    (
        f"{SOURCE}.slices",
        "_of_any_day: size = max(self.limit, self.source.longest + 1): 1",
        "1 → 2",
    ): "one row more than is needed is asked for",
    (
        f"{SOURCE}.slices",
        "_everybody: known = all((any((_folded(getattr(person, way)) in names for way, names in zip(I: True",
        "True → False",
    ): "the two are made of one list, and always of one length",
    (
        f"{SOURCE}.closed",
        "_crowded: self._until += self.source.requests - began: self.source.requests - began",
        "Sub → Add",
    ): "only how long a source that brings something new is asked on",
    (
        f"{ACUITY}.runs.page",
        "process_page: context.source.parse_prefetched()",
        "parse_prefetched(…) left out",
    ): "only how early the next answer is made sense of: whoever asks for it does so, too",
    (
        f"{ACUITY}.runs.page",
        "_checkpoint: moved = {'version': step.version + 1, 'cursor': as_json(page.cursor), 'offset': : 1000",
        "1000 → 1001",
    ): "a thousandth of the working time that is shown",
    (
        f"{BOOKINGS}.cuts",
        "ask: cursor = CutCursor(n=cut.n, among=cut.among, until=until, since=since, shown={ke"
        ": day <= _latest(since)",
        "LtE → Lt",
    ): "a row of the day two days after an instant is later than that, in whatever zone",
    (
        f"{BOOKINGS}.check",
        "_month: last = (first + timedelta(days=31)).replace(day=1): 31",
        "31 → 32",
    ): "32 days after the first of a month the next one has not ended either",
    (
        f"{BOOKINGS}.otherwise",
        "ask_otherwise: longest = max(walk.longest, 0 if cursor.reused else cursor.longest): 0",
        "0 → 1",
    ): "a walk that has shown a booking had an answer of one row",
}
