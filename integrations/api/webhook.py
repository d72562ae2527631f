"""What happens when Acuity says that something changed? The signature is checked, a read is queued.

Why a replay is not refused but made harmless: see `integrations/acuity/sync/refresh.py`.
"""

import base64
import hashlib
import hmac
import secrets
from urllib.parse import parse_qs

from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from integrations.acuity.accounts import keys
from integrations.acuity.runs import messages
from integrations.acuity.sync import refresh, webhooks
from integrations.api.problems import problem
from integrations.models import AcuityAccount

LARGEST = 10_000
# As many as are tried of any account: its own and an application's.
MOST_KEYS = 2
CHALLENGE = 'Signature headers="X-Acuity-Signature"'


def signature(key: str, body: bytes) -> str:
    """As Acuity signs: base64 of HMAC-SHA256 over the raw body."""
    return base64.b64encode(hmac.new(key.encode(), body, hashlib.sha256).digest()).decode()


def _same(expected: str, given: str) -> bool:
    return hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace"))


@csrf_exempt
def receive(request: HttpRequest, account_id: int) -> HttpResponse:
    if request.method != "POST":
        refusal = problem(405, "Send webhooks by POST.")
        refusal["Allow"] = "POST"
        return refusal
    length = request.headers.get("Content-Length") or "0"
    if not length.isdecimal() or int(length[:20]) > LARGEST:
        return problem(413, "Acuity's webhooks are short; this is not one.")
    body, given = request.body, request.headers.get("X-Acuity-Signature", "")
    account = AcuityAccount.objects.filter(pk=account_id).first()
    # An unknown account takes as long, and gets the same answer, as a wrong signature.
    # Nor can anything be signed with a key that is not there or cannot be decrypted.
    known = keys.signing(account) if account else []
    tried = [*known, secrets.token_hex(), secrets.token_hex()][:MOST_KEYS]
    fits = [_same(signature(key, body), given) for key in tried]
    if not any(fits) or account is None:
        return problem(
            401, "The signature does not fit this account and body.", challenge=CHALLENGE
        )
    return _accept(account, parse_qs(body.decode("utf-8", "replace")))


def _accept(account: AcuityAccount, form: dict[str, list[str]]) -> HttpResponse:
    action, number = form.get("action", [""])[0], form.get("id", [""])[0]
    # Documented bare (`scheduled`), seen dotted (`appointment.scheduled`).
    if action.startswith("order"):
        return JsonResponse({"status": "ignored"})
    if not (number.isascii() and number.isdigit() and len(number) < 20):
        return problem(400, "The webhook names no appointment.")
    asked = refresh.request(account, number)
    if asked:
        webhooks.received(account)
        transaction.on_commit(lambda: messages.send_refresh(account.pk, number))
    return JsonResponse({"status": "queued" if asked else "queued already"})
