"""Where do people manage accounts, runs, rejected records and tokens? A file a subject; Django finds them here."""

from django.contrib import admin

from integrations.admin import accounts, deletable, notices, owned, plans, rejects, rights, runs

__all__ = [
    "accounts",
    "deletable",
    "notices",
    "owned",
    "plans",
    "rejects",
    "rights",
    "runs",
]

# A project's own home page stays.
admin.site.index_template = admin.site.index_template or "integrations/home.html"
