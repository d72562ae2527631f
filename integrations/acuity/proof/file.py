"""What can be shown of a run without the source? A file that holds the proof, and proves itself."""

import hashlib
from datetime import date, datetime
from importlib.metadata import version
from typing import Any, Literal
from uuid import UUID

import msgspec

from integrations.acuity.errors import ConfigurationError
from integrations.acuity.proof.digests import Digests, Month, stored
from integrations.acuity.proof.headline import headline
from integrations.acuity.reading import zones
from integrations.acuity.resources import RESOURCES
from integrations.acuity.resources.scope import Extent, Period
from integrations.models import ImportRun

FORMAT: Literal["acuity-proof 1"] = "acuity-proof 1"
NO_MONTH = Month(0, 0, "")


class Proof(msgspec.Struct, frozen=True):
    """What a run's proof has shown. Money is in hundredths of the currency's unit, or in thousandths
    where a month says that it has 3 places."""

    run: UUID
    tenant: UUID
    business: str
    account: str
    # Its ID at the source, by which its rows are told apart.
    source_account: str
    timezone: str
    currency: str
    min_date: date | None
    max_date: date | None
    proven_at: datetime
    verified: bool
    statement: str
    scope: dict[str, Any]
    ignored_parameters: list[str]
    gaps: list[dict[str, Any]]
    differences: list[dict[str, Any]]
    version: str
    # What a line of each resource is made of.
    lines: dict[str, str]
    resources: Digests
    format: Literal["acuity-proof 1"] = FORMAT

    @property
    def extent(self) -> Extent:
        return Extent(self.tenant, self.source_account, Period(self.min_date, self.max_date))

    @property
    def places(self) -> int:
        """The decimals by which its money is counted; before they were written down, two."""
        months = (month for months in self.resources.values() for month in months.values())
        return max((month.places for month in months), default=2)

    @property
    def sha256(self) -> str:
        """Of the whole proof, as JSON with sorted keys and no blanks."""
        return _digest(msgspec.to_builtins(self))


class Difference(msgspec.Struct, frozen=True):
    """A month that is no longer stored as it was proven."""

    resource: str
    month: str
    proven: Month
    stored: Month


class BadFile(ConfigurationError):
    """It holds no proof, or another one than was written."""


def of(run: ImportRun) -> Proof:
    """The last proof of the run. Raises ConfigurationError if there is none."""
    if not run.digests or run.verified_at is None:
        raise ConfigurationError(
            f"Run {run.pk} has no proof that could be written down: prove it with acuity_verify."
        )
    account, tenant = run.account, run.account.tenant
    return Proof(
        run=run.pk,
        tenant=tenant.pk,
        business=tenant.name,
        account=str(account),
        source_account=account.source_id,
        timezone=zones.resolve(account.timezone or tenant.timezone) or "UTC",
        currency=tenant.currency,
        min_date=run.min_date,
        max_date=run.max_date,
        proven_at=run.verified_at,
        verified=run.verified,
        statement=headline(run.scope, run.verified),
        scope=run.scope,
        ignored_parameters=run.ignored_parameters,
        gaps=run.gaps,
        differences=run.differences,
        version=version("acuity-importer"),
        lines={name: RESOURCES[name].line for name in run.digests if name in RESOURCES},
        resources=msgspec.convert(run.digests, Digests),
    )


def encode(proof: Proof) -> bytes:
    """The file: JSON for people and programs, with its own digest as `sha256`."""
    whole = msgspec.to_builtins(proof) | {"sha256": proof.sha256}
    return msgspec.json.format(msgspec.json.encode(whole), indent=2) + b"\n"


def decode(content: bytes) -> Proof:
    """The proof in a file that `encode` wrote. Raises BadFile."""
    try:
        whole = msgspec.json.decode(content)
        written = whole.pop("sha256") if isinstance(whole, dict) else ""
        proof = msgspec.convert(whole, Proof)
    except (msgspec.MsgspecError, KeyError, UnicodeDecodeError, RecursionError):
        raise BadFile("This is no proof file: write one with acuity_proof RUN.") from None
    if written != _digest(whole):
        raise BadFile("This proof file was changed after it was written: take another copy.")
    if unknown := sorted(proof.resources.keys() - RESOURCES.keys()):
        raise BadFile(f"This version knows no {', '.join(unknown)}: check with a newer one.")
    return proof


def differences(proof: Proof) -> list[Difference]:
    """The months that the database now holds otherwise than it was proven. Asks nobody else."""
    now = stored(proof.extent, proof.resources, proof.places)
    return [
        Difference(name, month, had.get(month, NO_MONTH), has.get(month, NO_MONTH))
        for name, had in proof.resources.items()
        for has in [now[name]]
        for month in sorted(had.keys() | has.keys())
        if had.get(month, NO_MONTH) != has.get(month, NO_MONTH)
    ]


def _digest(whole: dict[str, Any]) -> str:
    return hashlib.sha256(msgspec.json.encode(whole, order="sorted")).hexdigest()
