"""LINKS="PROGRAM…": parts reach each other through links that this program forwards. For fault tests.

It is started first, as PROGRAM… RUN_DIR/links.json, which names each link ("intake-1:kafka" is what
intake-1 takes for Kafka) with the ports it listens on and leads to. Kafka tells its clients where it
is, so every copy has a listener of its own there. Copies that are added later have no links.
"""
import json
import os
import shlex

from run_dir import base_env, HTTP_SERVICES, Part, SERVICES, write_private

NEEDS = {"authorization": ("kafka", "postgres", "redis", "sandbox"), "binding": ("kafka", "postgres", "redis", "sandbox"),
         "intake": ("kafka", "postgres", "redis"), "validation": ("kafka", "postgres")}


def copies_of(copies, services=SERVICES):
    return [f"{name}-{number}" for name in services for number in range(1, copies[name] + 1)]


def all_links(ports, copies):
    ends = {f"{copy}:{server}": f"kafka/{copy}" if server == "kafka" else server
            for service, needs in NEEDS.items() for copy in copies_of(copies, [service]) for server in needs}
    ends |= {f"edge:{copy}": copy for copy in copies_of(copies, HTTP_SERVICES)}
    ends |= {"client:edge": "edge"}
    return {name: {"listen": ports[name], "target": ports[target]} for name, target in ends.items()}


def kafka_listeners(ports, copies):
    """What server.properties.in wants to know: nothing without links."""
    names = copies_of(copies) if ports.linked else []
    return {"LINK_LISTENERS": "".join(f",{n}://127.0.0.1:{ports['kafka/' + n]}" for n in names),
            "LINK_ADVERTISED": "".join(f",{n}://127.0.0.1:{ports[n + ':kafka']}" for n in names),
            "LINK_PROTOCOLS": "".join(f",{n}:PLAINTEXT" for n in names)}


def program(layout, ports, copies):
    path = layout.run_dir / "links.json"
    path.with_suffix(".sock").unlink(missing_ok=True)
    write_private(path, json.dumps(all_links(ports, copies), indent=1) + "\n")
    return Part("links", "links", [*shlex.split(os.environ["LINKS"]), str(path)], base_env(), str(layout.root))


def ready(layout):
    return (layout.run_dir / "links.sock").exists()
