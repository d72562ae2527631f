"""Where is the stand-in for the Acuity API that tests and local runs talk to?"""

from .data import Account, make_account
from .server import Sandbox, SandboxOptions, serve

__all__ = ["Account", "Sandbox", "SandboxOptions", "make_account", "serve"]
