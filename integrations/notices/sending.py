"""How does a message reach a mailbox, a webhook or a chat?"""

import hashlib
import hmac
import json
from xml.sax.saxutils import escape

from django.core.mail import send_mail

from integrations.conf import conf
from integrations.models import NoticeChannel
from integrations.secrets import Unreadable

SECONDS = 10
KINDS = NoticeChannel.Kind


class NotSent(Exception):
    """The message was not taken: the reason, without the address."""


def send(channel: NoticeChannel, subject: str, text: str) -> None:
    """Raises NotSent."""
    try:
        if channel.kind == KINDS.MAIL:
            send_mail(subject, text, None, [channel.address])
        else:
            _post(channel, subject, text)
    # OSError is any trouble of a request; ValueError an address or a subject that is no header.
    except (OSError, ValueError) as error:
        raise NotSent(type(error).__name__) from error


def signature(secret: str, body: bytes) -> str:
    """`sha256=` and the hexadecimal HMAC-SHA256 of the body."""
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


def _post(channel: NoticeChannel, subject: str, text: str) -> None:
    slack = channel.kind == KINDS.SLACK
    content = {"subject": subject, "text": text}
    if slack:
        # These three call people and make links there, also in what a client typed.
        content = {"text": escape(f"*{subject}*\n{text}", {})}
    body = json.dumps(content).encode()
    headers = {"Content-Type": "application/json"}
    if isinstance(channel.secret, Unreadable):
        raise NotSent("cannot be decrypted: enter it again")
    if channel.secret:
        headers["X-Signature"] = signature(channel.secret, body)
    import requests

    from integrations.acuity.source.outgoing import PublicOnly

    with requests.Session() as session:
        session.trust_env = False
        if not conf.ACUITY_ALLOW_PRIVATE_ADDRESSES:
            session.mount("http://", PublicOnly())
            session.mount("https://", PublicOnly())
        answer = session.post(
            channel.address,
            body,
            headers=headers,
            timeout=SECONDS,
            allow_redirects=False,
            # What else a stranger answers, without end perhaps, is not read.
            stream=True,
        )
    if not answer.ok or answer.is_redirect:
        raise NotSent(f"status {answer.status_code}")
