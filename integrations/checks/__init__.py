"""What `manage.py check` says: of the resources' declarations, and of the project's settings."""

from integrations.checks import deployment, resources, setup, values

__all__ = ["deployment", "resources", "setup", "values"]
