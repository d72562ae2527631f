"""How is the web process run? Read by gunicorn itself; WEB_CONCURRENCY is its number of workers."""

import os

bind = f"0.0.0.0:{os.environ.get('PORT', '8000')}"
# A page may wait 3 s for Acuity; the others, and the health check, have threads of their own.
worker_class = "gthread"
threads = 8
# Of a process that shows no sign of life; no page is cut by it.
timeout = 60
graceful_timeout = 30
