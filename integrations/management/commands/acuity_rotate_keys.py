"""manage.py acuity_rotate_keys: encrypt the stored keys with the first of ACUITY_ENCRYPTION_KEYS."""

import sys
from typing import Any

from integrations.acuity.accounts import keys
from integrations.management.refusals import FAILED, AcuityCommand


class Command(AcuityCommand):
    help = "Encrypt every account's key anew, with the first of ACUITY_ENCRYPTION_KEYS."

    def handle(self, **_: Any) -> None:
        done, left = keys.rotate()
        self.stdout.write(f"Encrypted with the first key: the secrets of {done:,} accounts.")
        for account in left:
            self.stderr.write(
                f"Account {account.pk} ({account}): no key of this server decrypts its API key."
                " Put the old key back, or enter the API key again."
            )
        sys.exit(FAILED if left else 0)
