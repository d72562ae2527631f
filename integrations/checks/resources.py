"""Does each resource declare itself as the importer needs it? Said by `manage.py check`."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, register
from django.db.models import Model

from integrations.acuity.resources import RESOURCES
from integrations.acuity.resources.base import Log, Resource
from integrations.acuity.resources.whole import Whole

# What a table's row, a flag, a task's name and a JSON key can all hold.
PLAIN = re.compile(r"[a-z][a-z0-9_]{0,31}")
DOES = ("fetch", "save", "stored", "dry_run", "read_one", "lines")


@register()
def resources(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    return list(faults(RESOURCES.values()))


def faults(declared: Iterable[Resource]) -> Iterator[CheckMessage]:
    """`integrations.E001` for each fault of a declaration, in one sentence."""
    known: set[str] = set()
    for resource in declared:
        for fault in _faults(resource, known):
            yield Error(f"{type(resource).__name__} {fault}.", obj=resource, id="integrations.E001")
        known.add(getattr(resource, "name", ""))


def _faults(resource: Any, known: set[str]) -> Iterator[str]:
    name = getattr(resource, "name", None)
    if not isinstance(name, str) or not PLAIN.fullmatch(name):
        yield f"needs a name of small letters, digits and _, up to 32 of them, not {name!r}"
    elif name in known:
        yield f"has a name that another resource has, {name}"
    for word in ("title", "noun", "task"):
        if not getattr(resource, word, ""):
            yield f"needs a {word}"
    model = getattr(resource, "model", None)
    if not (isinstance(model, type) and issubclass(model, Model)):
        yield "needs a model"
    elif not any(field.name == "external_id" for field in model._meta.get_fields()):
        yield f"has a model without a key: {model.__name__} needs external_id"
    if not isinstance(getattr(resource, "log", None), Log):
        yield "needs a log: names of its page and progress lines, and how often"
    for other in getattr(resource, "after", ()):
        if other not in known:
            yield f"comes after {other}, which must stand before it in RESOURCES"
    for option, choices in getattr(resource, "options", {}).items():
        if not choices:
            yield f"has the option {option} without a choice"
    for what in DOES:
        if not callable(getattr(resource, what, None)):
            yield f"has no {what}"
    if isinstance(resource, Whole):
        yield from _faults_of_whole(resource)


def _faults_of_whole(resource: Any) -> Iterator[str]:
    path = getattr(resource, "path", "")
    if not (isinstance(path, str) and path.startswith("/")):
        yield f"needs a path that begins with /, not {path!r}"
    if not callable(getattr(resource, "check", None)):
        yield "has no check, so nothing would prove it"
    if not hasattr(resource.model, "_meta"):
        return
    for column in {*resource.personal} - {*getattr(resource, "columns", ())}:
        yield f"calls {column} personal, which it does not fill"
    fields = {field.attname for field in resource.model._meta.concrete_fields}
    for column in getattr(resource, "columns", ()):
        if column not in fields:
            yield f"fills {column}, which its model does not have"
