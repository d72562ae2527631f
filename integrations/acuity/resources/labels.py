"""Labels: the colours that a business gives its bookings."""

from typing import Any

from bookings.models import Label
from integrations.acuity.reading.values import plain, text
from integrations.acuity.resources.whole import Whole


class Labels(Whole):
    name, title, noun = "labels", "Labels", "label"
    path, model, columns = "/labels", Label, ("name", "color")

    def read(self, payload: dict[str, Any]) -> tuple[str, ...]:
        return text(payload.get("name"), "name").strip()[:255], plain(payload.get("color"))[:32]
