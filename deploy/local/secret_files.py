"""What the first run puts into RUN_DIR: folders, passwords, keys, where the operator's tool connects."""
import json
import secrets

from run_dir import write_private

PG_ROLES = ("owner", "authorization", "binding", "intake", "validation", "notification", "office", "reader", "monitor", "staffing", "keeper", "archive")
PASSWORDS = tuple(f"pg_{role}" for role in ("superuser",) + PG_ROLES) + ("redis_sy", "redis_keeper", "redis_tests")
PLATFORM_SECRETS = ("wechat", "wechat_h5", "sms")


def prepare(layout, ports):
    layout.run_dir.mkdir(parents=True, exist_ok=True)
    for path in (layout.logs, layout.edge, layout.edge / "tmp", layout.run_dir / "redis"):
        path.mkdir(exist_ok=True)
    layout.secrets.mkdir(mode=0o700, exist_ok=True)
    layout.marker.write_text("made by make run; make clean-data removes this folder\n")
    for name in PASSWORDS + PLATFORM_SECRETS:
        path = layout.secrets / f"{name}.secret"
        if not path.exists():
            write_private(path, secrets.token_hex(16) + "\n", 0o400)
    keys = layout.secrets / "keys"
    if not keys.exists():
        write_private(keys, "# demonstration keys: the production profile refuses them\n" + "".join(f"{purpose} {key_id} {secrets.token_hex(32)}\n" for purpose, key_id in
                                    (("seal", "k1"), ("index", "i1"), ("submission", "s1"))), 0o400)
    write_private(layout.secrets / "pgpass", "".join(
        f"127.0.0.1:*:*:sy_{role}:{layout.secret('pg_' + role)}\n" for role in PG_ROLES))
    write_private(layout.run_dir / "operator.json", json.dumps({
        "kafka": ports.bootstrap(), "office_dsn": dsn(layout, ports["postgres"], "office"),
        "monitor_dsn": dsn(layout, ports["postgres"], "monitor"), "keeper_dsn": dsn(layout, ports["postgres"], "keeper"),
        "staffing_dsn": dsn(layout, ports["postgres"], "staffing"),
        "redis_url": f"redis://keeper@127.0.0.1:{ports['redis']}/0",
        "redis_password_file": str(layout.secrets / "redis_keeper.secret"), "keys_file": str(keys)}, indent=1) + "\n")


def dsn(layout, port, role):
    return (f"host=127.0.0.1 port={port} dbname=shengyuan user=sy_{role} "
            f"passfile={layout.secrets}/pgpass connect_timeout=3")
