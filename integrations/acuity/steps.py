"""In which order does a run work? The account, each resource, then the proof."""

from integrations.acuity.proof.verification import Verification
from integrations.acuity.resources import RESOURCES
from integrations.acuity.resources.account import Account
from integrations.acuity.resources.base import Step

STEPS: dict[str, Step] = {
    step.name: step for step in (Account(), *RESOURCES.values(), Verification())
}
