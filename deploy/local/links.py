"""LINKS="PROGRAM…": parts reach each other through links that this program forwards. For fault tests.

It is started first, as PROGRAM… RUN_DIR/links.json, which names each link ("intake-1:kafka" is what
intake-1 takes for Kafka) with the ports it listens on and leads to. Kafka tells its clients where it
is, so every copy has a listener of its own there. Copies that are added later have no links.

With three brokers there is a link to each ("intake-1:kafka-2"), and between them: "replicas:kafka-2"
is where the others fetch from broker 2, "kafka-1:controller-2" where broker 1 finds controller 2.
"""
import json
import os
import shlex

from run_dir import base_env, HTTP_SERVICES, Part, SERVICES, write_private

NEEDS = {"authorization": ("kafka", "postgres", "redis", "sandbox"), "binding": ("kafka", "postgres", "redis", "sandbox"),
         "intake": ("kafka", "postgres", "redis"), "validation": ("kafka", "postgres"),
         "notification": ("kafka", "postgres", "redis", "sandbox"),

         "office": ("kafka", "postgres", "redis")}


def copies_of(copies, services=SERVICES):
    return [f"{name}-{number}" for name in services for number in range(1, copies.get(name, 1) + 1)]


def all_links(ports, copies):
    ends = {}
    for service, needs in NEEDS.items():
        for copy in copies_of(copies, [service]):
            ends |= {f"{copy}:{server}": server for server in needs if server != "kafka"}
            ends |= {f"{copy}:{broker}": f"{broker}/{copy}" for broker in ports.brokers}
    ends |= broker_links(ports)
    ends |= {f"edge:{copy}": copy for copy in copies_of(copies, HTTP_SERVICES)}
    ends |= {"client:edge": "edge"}
    return {name: {"listen": ports[name], "target": ports[target]} for name, target in ends.items()}


def broker_links(ports):
    if len(ports.brokers) == 1:
        return {}
    ends = {f"replicas:{broker}": f"{broker}/replicas" for broker in ports.brokers}
    return ends | {f"{broker}:{other.replace('kafka', 'controller')}": f"{other}_controller"
                   for broker in ports.brokers for other in ports.brokers if other != broker}


def kafka_listeners(ports, copies, broker):
    """What server.properties.in wants to know about one broker: nothing without links."""
    names = copies_of(copies) if ports.linked else []
    if ports.linked and len(ports.brokers) > 1:
        names.append("replicas")
    return {"LINK_LISTENERS": "".join(f",{n}://127.0.0.1:{ports[f'{broker}/{n}']}" for n in names),
            "LINK_ADVERTISED": "".join(f",{n}://127.0.0.1:{ports[f'{n}:{broker}']}" for n in names),
            "LINK_PROTOCOLS": "".join(f",{n}:PLAINTEXT" for n in names),
            "REPLICA_LISTENER": "replicas" if "replicas" in names else "PLAINTEXT"}


def controllers(ports, broker):
    """Where one broker finds the controllers: itself directly, the others by the links."""
    def port(other):
        if other == broker or not ports.linked:
            return ports[f"{other}_controller"]
        return ports[f"{broker}:{other.replace('kafka', 'controller')}"]
    return ",".join(f"{number}@127.0.0.1:{port(other)}" for number, other in enumerate(ports.brokers, 1))


def program(layout, ports, copies):
    path = layout.run_dir / "links.json"
    path.with_suffix(".sock").unlink(missing_ok=True)
    write_private(path, json.dumps(all_links(ports, copies), indent=1) + "\n")
    return Part("links", "links", [*shlex.split(os.environ["LINKS"]), str(path)], base_env(), str(layout.root))


def ready(layout):
    return (layout.run_dir / "links.sock").exists()
