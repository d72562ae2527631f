"""How are keys and tokens kept? Encrypted, and never given out by anything that prints a row."""

from typing import TYPE_CHECKING, Any

from cryptography.fernet import InvalidToken
from django.conf import settings
from django.db import models
from django.utils.functional import cached_property
from encrypted_fields.fields import EncryptedTextField

if TYPE_CHECKING:
    # The library says no types.
    Encrypted = models.TextField[str, str]
else:
    Encrypted = EncryptedTextField

# What the settings' secrets make, which takes a while on purpose: once for all fields.
_keys: dict[tuple[str, ...], list[bytes]] = {}


class Unreadable(str):
    """The ciphertext of a secret that none of this server's keys decrypts. Saved, it stays as it is."""

    __slots__ = ()


class SecretField(Encrypted):
    """Text that is encrypted at rest; what cannot be decrypted comes as `Unreadable`."""

    f: Any

    @cached_property
    def keys(self) -> list[bytes]:
        secrets = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS, "", *settings.SALT_KEY)
        if secrets not in _keys:
            _keys[secrets] = EncryptedTextField.keys.func(self)
        return _keys[secrets]

    def from_db_value(self, value: Any, *_: Any) -> Any:
        if not value:
            return ""
        try:
            return self.f.decrypt(value.encode()).decode()
        except InvalidToken:
            return Unreadable(value)

    def get_prep_value(self, value: Any) -> str:
        if isinstance(value, Unreadable):
            return str(value)
        return super().get_prep_value(value) or ""

    def value_to_string(self, obj: Any) -> str:
        """What `dumpdata` and other exports see: the ciphertext."""
        return self.get_prep_value(self.value_from_object(obj))
