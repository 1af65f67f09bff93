"""The system of tests/integration, and its doors: the edge, and the services' own ports behind it."""
import importlib.util
import json
import pathlib
import sys

import pytest

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "lib"), str(TESTS / "integration"), str(TESTS / "contract")]
_spec = importlib.util.spec_from_file_location("integration_conftest", TESTS / "integration/conftest.py")
_integration = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_integration)
people = _integration.people
newcomer, student, running_stack = _integration.newcomer, _integration.student, _integration.running_stack
free_port = _integration.free_port

system = _integration.system
DOORS = ("edge", "own")


class Doors:
    """Where each service is reached: through the edge, or past it."""

    def __init__(self, running):
        self.ports = json.loads((running.run_dir / "ports.json").read_text())
        self.turn = 0

    def port(self, door, service):
        """Of the copies behind the edge the next one: whatever holds must hold at each."""
        if door == "edge":
            return self.ports["edge"]
        self.turn += 1
        return self.ports[f"{service}-{1 + self.turn % 2}"]

    def base(self, door, service):
        return f"http://127.0.0.1:{self.port(door, service)}"


@pytest.fixture(scope="session")
def doors(system):
    return Doors(system)
