"""The addresses of this package, for a project's `include("integrations.urls")`."""

from django.urls import path

from integrations.api.health import healthz, metrics
from integrations.api.imports import api
from integrations.api.webhook import receive

urlpatterns = [
    path("healthz", healthz, name="acuity_healthz"),
    path("metrics", metrics),
    path("integrations/booking/acuity/webhook/<int:account_id>", receive, name="acuity_webhook"),
    path("", api.urls),
]
