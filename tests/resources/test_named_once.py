"""Is a resource named in its own room alone? Whatever is known of it elsewhere is one more place to change."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import integrations
from integrations.acuity.resources import RESOURCES

HOUSE = Path(integrations.__file__).parent
# A resource's own room, what knows nothing of the importer, and what was.
LEFT_OUT = ("acuity/resources/", "acuity/sandbox/", "migrations/")
# What a template asks of a value: `scope.payments`, and whatever follows a dot within its braces.
ASKED = re.compile(r"\.([a-z_]+)")
BRACES = re.compile(r"\{[{%].*?[}%]\}")
# Where a word that is also a resource's name means something else.
ANOTHER_SENSE = {
    ("acuity/reading/listing.py", "forms"): "a member of a booking's JSON",
    ("acuity/reconcile/bookings.py", "payments"): "a booking's rows",
    ("console/home.py", "clients"): "a number on an account's card",
    ("console/home.py", "payments"): "a number on an account's card",
    ("console/menu.py", "payments"): "an icon",
    **{("console/phrases.py", name): "a word for translators to find" for name in RESOURCES},
    ("management/commands/acuity_people.py", "clients"): "a member of its own JSON",
    ("privacy/forgetting.py", "forms"): "a column",
    ("templates/integrations/merge.html", "appointments"): "a client's rows",
    ("templates/integrations/people.html", "clients"): "those of a group",
    ("templates/integrations/proof.html", "payments"): "an amount",
    ("templates/integrations/run/body.html", "payments"): "an amount",
}
MOST = 8


def named() -> Iterator[str]:
    """`file:line name` of each resource that is named as text outside its room."""
    for path in sorted(HOUSE.rglob("*.py")):
        place = path.relative_to(HOUSE).as_posix()
        if place.startswith(LEFT_OUT):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Constant) and node.value in RESOURCES):
                continue
            if (place, node.value) not in ANOTHER_SENSE:
                yield f"{place}:{node.lineno} {node.value}"
    for path in sorted(HOUSE.rglob("*.html")):
        place = path.relative_to(HOUSE).as_posix()
        for number, line in enumerate(path.read_text().splitlines(), 1):
            for word in {w for part in BRACES.findall(line) for w in ASKED.findall(part)}:
                if word in RESOURCES and (place, word) not in ANOTHER_SENSE:
                    yield f"{place}:{number} {word}"


def test_few_places_name_a_resource() -> None:
    found = list(named())

    assert len(found) <= MOST, found
