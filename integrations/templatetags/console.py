"""What the home page shows. Django's own index view fills it, so it asks for this itself."""

from typing import Any

from django import template
from django.template import Context

from integrations.console import home, menu, sentences

register = template.Library()


@register.simple_tag(takes_context=True)
def home_cards(context: Context) -> list[home.Card]:
    return home.cards(context["request"])


@register.simple_tag(takes_context=True)
def menu_groups(context: Context) -> list[dict[str, Any]]:
    return menu.groups(context["request"])


@register.filter
def said(text: Any) -> str:
    """A sentence from the rooms below, in the reader's language."""
    return "" if text is None else sentences.said(text)
