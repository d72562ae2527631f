from django.contrib import admin
from django.urls import path
from django.views.generic import RedirectView

from integrations.api.health import healthz, metrics
from integrations.api.imports import api
from integrations.api.webhook import receive

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("healthz", healthz),
    path("metrics", metrics),
    path("integrations/booking/acuity/webhook/<int:account_id>", receive, name="acuity_webhook"),
    path("", api.urls),
]
