"""How does the sandbox let an application connect? As Acuity's OAuth does, with PKCE where it comes."""

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode

from .booking import encode

Form = dict[str, str]


@dataclass
class OAuth:
    """The owner of the account agrees at once. `answer` gives (status, headers, body)."""

    client_id: str = "sandbox-app"
    client_secret: str = "sandbox-app-secret"
    tokens: set[str] = field(default_factory=set)
    # Codes that were not used yet: where they were sent to, and the challenge that came along.
    _codes: dict[str, tuple[str, str]] = field(default_factory=dict)

    def answer(self, method: str, path: str, query: Form, body: bytes) -> tuple[int, Form, bytes]:
        form = dict(parse_qsl(body.decode()))
        match method, path:
            case "GET", "/oauth2/authorize":
                return self._authorize(query)
            case "POST", "/oauth2/token" if self._known(form):
                return self._token(form)
            case "POST", "/oauth2/disconnect" if self._known(form):
                self.tokens.discard(form.get("access_token", ""))
                return 200, {}, encode({"success": True})
        return 401, {}, encode({"error": "invalid_client"})

    def _known(self, form: Form) -> bool:
        given = form.get("client_id"), form.get("client_secret")
        return given == (self.client_id, self.client_secret)

    def _authorize(self, query: Form) -> tuple[int, Form, bytes]:
        if query.get("client_id") != self.client_id or query.get("scope") != "api-v1":
            return 400, {}, encode({"error": "invalid_request"})
        code, back = secrets.token_urlsafe(16), query["redirect_uri"]
        self._codes[code] = (back, query.get("code_challenge", ""))
        return (
            302,
            {"Location": f"{back}?{urlencode({'code': code, 'state': query['state']})}"},
            b"",
        )

    def _token(self, form: Form) -> tuple[int, Form, bytes]:
        back, challenge = self._codes.pop(form.get("code", ""), ("", ""))
        verifier = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        proven = base64.urlsafe_b64encode(verifier).rstrip(b"=").decode() == challenge
        if not back or back != form.get("redirect_uri") or (challenge and not proven):
            return 400, {}, encode({"error": "invalid_grant"})
        token = secrets.token_urlsafe(24)
        self.tokens.add(token)
        return 200, {}, encode({"access_token": token, "token_type": "Bearer"})
