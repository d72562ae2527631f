import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_wsgi_application()

from config import urls  # noqa: E402, F401 - the pages are loaded now, not for the first visitor
from config.celery import app  # noqa: E402 - once the apps are loaded
from integrations.checks import values  # noqa: E402

# No page waits longer for a word of a Redis that hangs: what was not sent, the sweeps send later.
if "socket_timeout" in app.conf.broker_transport_options:
    app.conf.broker_transport_options["socket_timeout"] = 3

# To gunicorn this status means that trying again is no use.
values.refuse(status=4)
