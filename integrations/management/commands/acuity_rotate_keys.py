"""manage.py acuity_rotate_keys: encrypt the stored secrets with the first of ACUITY_ENCRYPTION_KEYS."""

import sys
from typing import Any

from integrations.acuity.accounts import keys
from integrations.management.refusals import FAILED, AcuityCommand
from integrations.models import AcuityAccount


class Command(AcuityCommand):
    help = "Encrypt the secrets of accounts and channels anew, with the first of ACUITY_ENCRYPTION_KEYS."

    def handle(self, **_: Any) -> None:
        done, left = keys.rotate()
        accounts = sum(isinstance(row, AcuityAccount) for row in done)
        others = f" and {n:,} channels" if (n := len(done) - accounts) else ""
        self.stdout.write(
            f"Encrypted with the first key: the secrets of {accounts:,} accounts{others}."
        )
        for row in left:
            kind, secret = (
                ("Account", "API key") if isinstance(row, AcuityAccount) else ("Channel", "secret")
            )
            self.stderr.write(
                f"{kind} {row.pk} ({row}): no key of this server decrypts its {secret}."
                f" Put the old key back, or enter the {secret} again."
            )
        sys.exit(FAILED if left else 0)
