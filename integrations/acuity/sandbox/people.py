"""Who are the sandbox's invented clients?"""

import random
from typing import Any, NamedTuple

FIRST = [
    "Ada",
    "Ben",
    "Cleo",
    "Dee",
    "Eli",
    "Fay",
    "Gus",
    "Hana",
    "Ivo",
    "Jade",
    "Kit",
    "Lena",
    "Milo",
    "Nora",
    "Otis",
    "Pia",
    "Quinn",
    "Rosa",
    "Sam",
    "Tess",
    "Uma",
    "Vic",
    "Wren",
    "Xena",
    "Yara",
    "Zoë",
    "Amos",
    "Bea",
    "Cyrus",
    "Dora",
    "Enzo",
    "Flo",
    "Gil",
    "Hope",
    "Iris",
    "Jonas",
    "Kaya",
    "Lars",
    "Maya",
    "Ned",
]
HEAD = [
    "Al",
    "Bar",
    "Cal",
    "Dun",
    "El",
    "Far",
    "Gal",
    "Har",
    "Is",
    "Jor",
    "Kel",
    "Lan",
    "Mar",
    "Nor",
    "O'Sam",
    "Par",
    "Quil",
    "Ros",
    "Stan",
    "Tor",
    "Um",
    "Ver",
    "Wes",
    "Yor",
    "Zan",
    "García-",
]
TAIL = [
    "berg",
    "by",
    "combe",
    "den",
    "dale",
    "ford",
    "gate",
    "ham",
    "kirk",
    "ley",
    "low",
    "mere",
    "ner",
    "ple",
    "ridge",
    "son",
    "stead",
    "ton",
    "vale",
    "wick",
    "worth",
]


class Person(NamedTuple):
    first: str
    last: str
    email: str
    phone: str  # as typed: "(615) 555-0101"
    digits: str  # as appointments show it


def name(index: int) -> tuple[str, str]:
    """The index-th invented name; no two indexes share one, however large."""
    rest, first = divmod(index, len(FIRST))
    rest, tail = divmod(rest, len(TAIL))
    rest, head = divmod(rest, len(HEAD))
    last = HEAD[(head + tail) % len(HEAD)] + TAIL[tail]
    return FIRST[first], last if not rest else f"{last} {HEAD[rest % len(HEAD)]}{rest}"


def _phone(index: int) -> tuple[str, str]:
    if index % 19 == 7:
        return "", ""
    if index % 41 == 5:
        line = f"{index % 10000:04d}"
        return f"+44 20 7946 {line}", f"+44207946{line}"
    area = 201 + (index // 100) % 780
    return f"({area}) 555-01{index % 100:02d}", f"{area}55501{index % 100:02d}"


def _email(index: int, first: str, last: str, empty: bool) -> str:
    if empty:
        return ""
    word = "".join(
        c for c in f"{first}.{last}".lower() if c.isascii() and (c.isalnum() or c == ".")
    )
    address = f"{word}{index}@example.com"
    return f"{address}, {word}.home{index}@example.com" if index % 97 == 3 else address


def people(rng: random.Random, first: int, count: int) -> list[Person]:
    """`count` different people; 26 in 100 have no e-mail."""
    silent = set(rng.sample(range(count), round(count * 0.26)))
    made = []
    for offset in range(count):
        index = first + offset
        given, family = name(index)
        made.append(
            Person(given, family, _email(index, given, family, offset in silent), *_phone(index))
        )
    return made


def _twin(rng: random.Random, one: Person) -> Person:
    """The same person typed a second time, a little differently."""
    first, last = rng.choice(
        [
            (one.first.upper(), one.last.upper()),
            (one.first.lower(), one.last),
            (one.first, f" {one.last} "),
            (f"{one.first}  ", one.last.lower()),
        ]
    )
    email = rng.choice([one.email, one.email.title() if one.email else "", one.email])
    phone = rng.choice([one.phone, one.digits, one.phone.replace("(", "").replace(") ", "-")])
    return Person(first, last, email, phone, one.digits)


def with_twins(rng: random.Random, distinct: list[Person], total: int) -> list[Person]:
    """`total` client entries standing for exactly the given people, in order of last name."""
    extra = [_twin(rng, rng.choice(distinct)) for _ in range(total - len(distinct))]
    return sorted(distinct + extra, key=lambda p: (p.last.strip().casefold(), p.first.casefold()))


def entry(person: Person, rng: random.Random) -> dict[str, Any]:
    notes = "Prefers evenings" if rng.random() < 0.05 else ""
    return {
        "firstName": person.first,
        "lastName": person.last,
        "email": person.email,
        "phone": person.phone,
        "notes": notes,
    }


def identity(first: str, last: str) -> tuple[str, str]:
    """Case and spacing do not make another client."""
    return " ".join(first.split()).casefold(), " ".join(last.split()).casefold()
