"""Which webhooks are registered with the sandbox, and how are they delivered? As the API documents it."""

import base64
import hashlib
import hmac
import json
import threading
import urllib.request
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

EVENTS = {
    f"appointment.{action}" for action in ("scheduled", "rescheduled", "canceled", "changed")
} | {"order.completed"}
MOST = 25


@dataclass
class Hooks:
    """`rows` are as `GET /webhooks` lists them; whoever deletes one there does it behind our back."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    _next: int = 1
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, method: str, number: str, body: bytes) -> tuple[int, Any]:
        """Status and content; `number` is empty for the collection."""
        with self._lock:
            match method, number:
                case "GET", "":
                    return 200, list(self.rows)
                case "POST", "":
                    return self._add(body)
                case "DELETE", number if any(str(row["id"]) == number for row in self.rows):
                    self.rows = [row for row in self.rows if str(row["id"]) != number]
                    return 204, None
        return (405, None) if method not in ("GET", "DELETE") else (404, None)

    def _add(self, body: bytes) -> tuple[int, Any]:
        try:
            asked = json.loads(body)
            event, target = asked["event"], asked["target"]
        except (ValueError, KeyError, TypeError):
            return 400, None
        if event not in EVENTS or len(self.rows) >= MOST:
            return 400, None
        row = {"id": self._next, "event": event, "target": target, "status": "active"}
        self._next += 1
        self.rows.append(row)
        return 200, row

    def deliver(self, key: str, action: str, number: int) -> int:
        """Tell everybody registered for the action; how many were told. Signed with `key`."""
        body = urlencode({"action": action, "id": number}).encode()
        signed = base64.b64encode(hmac.new(key.encode(), body, hashlib.sha256).digest()).decode()
        targets = [r["target"] for r in self.rows if r["event"] == f"appointment.{action}"]
        for target in targets:
            request = urllib.request.Request(
                target, body, {"X-Acuity-Signature": signed}, method="POST"
            )
            urllib.request.urlopen(request, timeout=5).close()
        return len(targets)
