import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_wsgi_application()

from integrations.checks import values  # noqa: E402 - once the apps are loaded

# To gunicorn this status means that trying again is no use.
values.refuse(status=4)
