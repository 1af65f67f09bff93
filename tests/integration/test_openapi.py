"""docs/openapi.yaml asked of the running system: a short form of `make schemathesis`."""
import subprocess
import sys

from shengyuan import ROOT


def test_schemathesis_finds_nothing(system):
    done = subprocess.run([sys.executable, str(ROOT / "tests/schemathesis/run.py"), "--examples=25", "--seed=20261124",
                           f"--run-dir={system.run_dir}"], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
