"""Runs validation with a crash point in place of the usual copies."""
import contextlib
import os
import subprocess

from servers import held_down
from shengyuan import wait_for


@contextlib.contextmanager
def crashing_validation(system, point):
    """Yields a function that waits until the process has killed itself at `point`."""
    environment = dict(os.environ)
    with open(f"/proc/{system.pids('validation')[0]}/environ", "rb") as file:
        environment.update(item.split("=", 1) for item in file.read().decode().split("\0") if "=" in item)
    with held_down(system, "validation-1", "validation-2"):
        with open(system.run_dir / "logs" / "validation-crashing.log", "ab") as log:
            process = subprocess.Popen(
                [str(system.bin / "sy-validation"), "--instance=validation-crashing", f"--crash-point={point}",
                 "--batch-max=20", "--admin-listen=127.0.0.1:0"],
                env=environment, stdout=log, stderr=log)

        def crashed():
            wait_for("the crash", lambda: process.poll() is not None, 60)
            assert process.returncode == -9, process.returncode
        try:
            yield crashed
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
