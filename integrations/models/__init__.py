"""What an import remembers: the account, the run, its steps, and what could not be stored."""

from integrations.models.accounts import AcuityAccount
from integrations.models.notices import Notice, NoticeChannel, NoticeMessage
from integrations.models.people import ApiToken, AuditEntry, Membership, Role
from integrations.models.results import DryRun, ExportFile, ExportPart
from integrations.models.runs import (
    CompletionEvent,
    EndpointMetric,
    ImportRun,
    ImportStep,
    PageFetch,
    RejectedRecord,
    StagedPage,
)
from integrations.models.sync import Plan, RefreshRequest, WebhookDay, Webhooks

__all__ = [
    "AcuityAccount",
    "ApiToken",
    "AuditEntry",
    "CompletionEvent",
    "DryRun",
    "EndpointMetric",
    "ExportFile",
    "ExportPart",
    "ImportRun",
    "ImportStep",
    "Membership",
    "Notice",
    "NoticeChannel",
    "NoticeMessage",
    "PageFetch",
    "Plan",
    "RefreshRequest",
    "RejectedRecord",
    "Role",
    "StagedPage",
    "WebhookDay",
    "Webhooks",
]
