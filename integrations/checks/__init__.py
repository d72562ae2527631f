"""What `manage.py check` says: of the resources' declarations, and of the settings' values."""

from integrations.checks import resources, values

__all__ = ["resources", "values"]
