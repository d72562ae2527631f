"""Settings, from the environment; every variable is in .env.example."""

import logging
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import environ
from celery.schedules import crontab
from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static

BASE_DIR = Path(__file__).resolve().parent.parent
VAR = BASE_DIR / "var"
env = environ.Env()
environ.Env.read_env(BASE_DIR / ".env")
VAR.mkdir(exist_ok=True)  # the keys of a demo, its database


def local_secret(name: str) -> str:
    """A secret of this installation, made on first use and readable by its owner only."""
    path = VAR / name
    if not path.exists():
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return path.read_text()
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_urlsafe(50))
    return path.read_text()


# A sentence for each variable that could not be read; the system checks say them, and nothing starts.
ACUITY_MISREAD: list[str] = []


def flag(name: str) -> bool:
    """Whether the environment says yes; no without a word."""
    said = env(name, default="").strip().lower()
    if said not in ("", "false", "off", "no", "n", "0", *env.BOOLEAN_TRUE_STRINGS):
        ACUITY_MISREAD.append(f"{name} must be true or false, not {said!r}.")
    return said in env.BOOLEAN_TRUE_STRINGS


def number(name: str, default: float, read: Callable[[str], float] = float) -> Any:
    """The number that the environment has, or its words as they are: the system checks refuse them."""
    said = env(name, default="").strip()
    try:
        return read(said) if said else default
    except ValueError:
        return said


def database(url: str) -> dict[str, Any]:
    """What Django wants to know of a database; of one that is not supported it is told of none, and
    the system checks refuse it."""
    scheme = url.partition(":")[0]
    if scheme in ("sqlite", "postgres", "postgresql", "psql", "pgsql"):
        with suppress(ValueError):
            found: dict[str, Any] = env.db_url_config(url)
            if found["NAME"]:
                return found
    return {"ENGINE": "django.db.backends.dummy"}


def mail(url: str) -> dict[str, Any]:
    """Through what mail is sent; nothing but a sentence about an address that cannot be read."""
    with suppress(ValueError, ImproperlyConfigured):
        found: dict[str, Any] = env.email_url_config(url)
        return found
    # The address may hold a password.
    ACUITY_MISREAD.append(
        "EMAIL_URL must be an address like smtp+tls://user:password@mail.example.com:587."
    )
    return {}


DEBUG = flag("DEBUG")
SECRET_KEY = env("SECRET_KEY", default="") or local_secret("secret_key")
# Older ones still read what they wrote: sessions, and keys of accounts.
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1"])
# The first key encrypts, every key decrypts: put a new one in front to rotate.
SALT_KEY = env.list("ACUITY_ENCRYPTION_KEYS", default=[]) or [local_secret("encryption_key")]
# For `check --deploy`: which keys only this machine has.
ACUITY_KEYS_MADE_HERE = [
    name
    for name in ("SECRET_KEY", "ACUITY_ENCRYPTION_KEYS")
    if not env(name, default="").strip(", ")
]

# A proxy that ends TLS, sets X-Forwarded-Proto, and adds the caller to X-Forwarded-For.
BEHIND_TLS_PROXY = flag("BEHIND_TLS_PROXY")
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
SECURE_HSTS_SECONDS = number("SECURE_HSTS_SECONDS", 0, int)
if BEHIND_TLS_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = ["^metrics$"]  # scraped inside
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
# Other hosts of the same domain, and browsers' lists, are not for this project to decide.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
# The admin's theme computes its expressions (eval) and sets styles; no page has a script of its own.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, UNSAFE_EVAL],
        "style-src": [SELF, UNSAFE_INLINE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}

# Counted in the database, so by all processes together.
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_HANDLER = "config.login.Handler"
AXES_CLIENT_IP_CALLABLE = "config.login.address"
AXES_LOCKOUT_CALLABLE = "config.login.locked_out"
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False  # `manage.py axes_reset` unlocks
AXES_VERBOSE = False

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "config.apps.Admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "bookings",
    "integrations",
    "axes",
    "django_celery_beat",
]
MIDDLEWARE = [
    "integrations.api.health.HealthFirst",
    "integrations.api.problems.ProblemsOnly",
    "django.middleware.security.SecurityMiddleware",
    # Files and pages; it varies a page's length against BREACH.
    "django.middleware.gzip.GZipMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "config" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
STATIC_URL = "static/"
WHITENOISE_MAX_AGE = 3600
WHITENOISE_USE_FINDERS = True  # straight from the packages: there is no collectstatic
# In place of the theme's own: fonts without what no page shows, scripts that no page uses.
STATICFILES_DIRS = [BASE_DIR / "config" / "static"]
# Those of /api/docs: as an app, ninja would be loaded by each command and worker.
if (ninja := find_spec("ninja")) and ninja.origin:
    STATICFILES_DIRS.append(Path(ninja.origin).parent / "static")
# What a browser may ask for; logs, JSON and the terminal are English.
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
LANGUAGE_CODE = "en"
LOCALE_PATHS = [BASE_DIR / "config" / "locale"]
USE_TZ = True
TIME_ZONE = "UTC"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

DATABASE_URL = env("DATABASE_URL", default="") or f"sqlite:///{VAR}/acuity.sqlite3"
DATABASES = {"default": database(DATABASE_URL)}
if DATABASES["default"]["ENGINE"].endswith("postgresql"):
    # One that takes no connection is away, and is waited for as such.
    DATABASES["default"].setdefault("OPTIONS", {}).setdefault("connect_timeout", 10)
    # A new connection costs as much as ten statements: a worker keeps its own from task to task, and
    # asks at each one's start whether it still is one.
    DATABASES["default"] |= {"CONN_MAX_AGE": 600, "CONN_HEALTH_CHECKS": True}
    CELERY_DB_REUSE_MAX = 1_000_000
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 30,
        # A transaction that begins by reading and then writes would fail instead of waiting.
        "transaction_mode": "IMMEDIATE",
        # The log is copied back every 200 MB instead of every 4.
        "init_command": (
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-16384;"
            " PRAGMA wal_autocheckpoint=50000;"
        ),
    }
    # A file, because an in-memory database is not shared between threads.
    DATABASES["default"]["TEST"] = {"NAME": str(VAR / "test.sqlite3")}

UNFOLD = {
    "SITE_TITLE": "Acuity importer",
    "SITE_HEADER": "Acuity importer",
    "SITE_SYMBOL": "sync_alt",
    "SHOW_HISTORY": False,
    "SIDEBAR": {"navigation": "integrations.console.menu.groups"},
    "STYLES": [lambda request: static("integrations/console.css")],
}
# Where Flower is, for the link on the run page; empty: no link.
METRICS_TOKEN = env("METRICS_TOKEN", default="")
FLOWER_URL = env("FLOWER_URL", default="").rstrip("/")

REDIS_URL = env("REDIS_URL", default="")
ACUITY_BASE_URL = env("ACUITY_BASE_URL", default="https://acuityscheduling.com/api/v1")
ACUITY_USER_ID = env("ACUITY_USER_ID", default="")
ACUITY_API_KEY = env("ACUITY_API_KEY", default="")
# Where this deployment is registered with Acuity, owners may connect without a key.
ACUITY_OAUTH_URL = env("ACUITY_OAUTH_URL", default="https://acuityscheduling.com/oauth2")
ACUITY_OAUTH_CLIENT_ID = env("ACUITY_OAUTH_CLIENT_ID", default="")
ACUITY_OAUTH_CLIENT_SECRET = env("ACUITY_OAUTH_CLIENT_SECRET", default="")
ACUITY_PAGE_LIMIT = number("ACUITY_PAGE_LIMIT", 100, int)
ACUITY_REQUESTS_PER_SECOND = number("ACUITY_REQUESTS_PER_SECOND", 10)
ACUITY_MAX_CONNECTIONS = number("ACUITY_MAX_CONNECTIONS", 20, int)
# The address that this process goes out by; each has a budget of its own.
ACUITY_EGRESS = env("ACUITY_EGRESS", default="")
ACUITY_CONNECT_TIMEOUT = number("ACUITY_CONNECT_TIMEOUT", 5)
ACUITY_READ_TIMEOUT = number("ACUITY_READ_TIMEOUT", 60)
ACUITY_STALL_SECONDS = number("ACUITY_STALL_SECONDS", 120, int)
ACUITY_KEEP_PAGES_DAYS = number("ACUITY_KEEP_PAGES_DAYS", 90, int)
ACUITY_KEEP_STAGED_DAYS = number("ACUITY_KEEP_STAGED_DAYS", 30, int)
ACUITY_KEEP_WEBHOOKS_DAYS = number("ACUITY_KEEP_WEBHOOKS_DAYS", 30, int)
ACUITY_KEEP_REJECTS_DAYS = number("ACUITY_KEEP_REJECTS_DAYS", 90, int)
ACUITY_LOG_LEVEL = env("ACUITY_LOG_LEVEL", default="INFO").upper()
ACUITY_ALLOW_PRIVATE_ADDRESSES = flag("ACUITY_ALLOW_PRIVATE_ADDRESSES")
# This database is the importer's alone: `acuity_import` migrates it on first use.
ACUITY_MIGRATE = True

CELERY_BROKER_URL = env("CELERY_BROKER_URL", default="") or REDIS_URL or "memory://"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, float] = {}
if CELERY_BROKER_URL.startswith("redis"):
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "visibility_timeout": 600,
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
        "socket_timeout": 30,
        "socket_connect_timeout": 5,
    }
elif CELERY_BROKER_URL.startswith("memory"):
    CELERY_BROKER_TRANSPORT_OPTIONS = {"polling_interval": 0.05}
CELERY_TASK_DEFAULT_QUEUE = "acuity"
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 3, "interval_start": 0, "interval_max": 0.5}
CELERY_WORKER_SEND_TASK_EVENTS = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 30
CELERY_WORKER_ENABLE_SOFT_SHUTDOWN_ON_IDLE = True
CELERY_WORKER_MAX_MEMORY_PER_CHILD = 280_000
# Where notices are mailed through: smtp+tls://user:password@mail.example.com:587
vars().update(mail(env("EMAIL_URL", default="") or "consolemail://"))
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env("DEFAULT_FROM_EMAIL", default="importer@localhost")

# What beat sends, and when it did last, are rows: a container needs no disk for it.
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_BEAT_SCHEDULE = {
    "acuity-resume-stalled": {
        "task": "acuity.resume_stalled",
        "schedule": 15.0,
        # Sweeps don't pile up while no worker is there to take them.
        "options": {"expires": 15},
    },
    "acuity-begin-planned": {
        "task": "acuity.begin_planned",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "acuity-send-notices": {
        "task": "acuity.send_notices",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "acuity-resend-refreshes": {
        "task": "acuity.resend_refreshes",
        "schedule": 15.0,
        "options": {"expires": 15},
    },
    "acuity-prune": {
        "task": "acuity.prune",
        "schedule": crontab(hour="3", minute="20"),
        "options": {"expires": 3600},
    },
}

known_level = ACUITY_LOG_LEVEL in logging.getLevelNamesMapping()
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(message)s"}},
    "filters": {"no_values": {"()": "integrations.logs.NoValues"}},
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "filters": ["no_values"],
        }
    },
    "loggers": {
        "acuity": {"handlers": ["stderr"], "level": ACUITY_LOG_LEVEL if known_level else "INFO"},
        "celery": {"handlers": ["stderr"], "level": "WARNING"},
    },
}
