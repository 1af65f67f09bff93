"""What operators are given, against itself and against the code's tables: alerts, dashboard, run book, units.

promtool and systemd-analyze judge the files; here is what they cannot know: that every metric exists, that every alert
has its page and its cases, that the units of all services are alike.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = ROOT / os.environ.get("BUILD", "build") / "bin"
PROMETHEUS = ROOT / "deploy/prometheus"
ALERTS = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"][0]["rules"]
CASES = yaml.safe_load((PROMETHEUS / "alerts_test.yml").read_text())["tests"]
PANELS = [p for p in json.loads((ROOT / "deploy/grafana/dashboard.json").read_text())["panels"] if p.get("targets")]
RUNBOOK = ROOT / "docs/runbook"
SERVICES = ("authorization", "binding", "intake", "notification", "office", "validation")
UNITS = sorted((ROOT / "deploy/systemd").glob("*.service"))

METRIC = re.compile(r'^X\((\w+),\s*(COUNTER|GAUGE|HISTOGRAM),\s*"([^"]*)",\s*"([^"]+)"\)$', re.M)
METRICS = {name: (kind, set(filter(None, labels.split(","))))
           for name, kind, labels, _ in METRIC.findall((ROOT / "common/runtime/metrics.def").read_text())}
# Not made by our processes: by Prometheus itself, and by deploy/backup/backup.sh.
FOREIGN = {"up": set(), "sy_backup_success_timestamp_seconds": set()}
SCRAPED = {"instance", "job", "service"}  # labels that every series has once it is scraped


def tool(*argv, **options):
    return subprocess.run([str(a) for a in argv], capture_output=True, text=True, check=False, timeout=60, **options)


def expressions():
    yield from ((rule["alert"], rule["expr"]) for rule in ALERTS)
    yield from ((panel["title"], target["expr"]) for panel in PANELS for target in panel["targets"])


def used(expression):
    """(metric, labels that its matchers name) of an expression."""
    for name, matchers in re.findall(r'\b([a-z_]*[a-z]_[a-z_]+|up)\b(?!\s*\()(?:\{([^}]*)\})?', expression):
        if name in ("histogram_quantile", "sum_by") or name.startswith("__"):
            continue
        yield name, set(re.findall(r'(\w+)\s*[=!]', matchers))


def family(name):
    for suffix in ("_bucket", "_sum", "_count"):
        base = name.removesuffix(suffix)
        if base != name and METRICS.get(base, ("",))[0] == "HISTOGRAM":
            return base
    return name


# --- alerts ---

def test_promtool_accepts_rules_cases_and_configuration():
    for arguments in (("check", "rules", "alerts.yml"), ("test", "rules", "alerts_test.yml"),
                      ("check", "config", "prometheus.yml.example")):
        done = tool("promtool", *arguments, cwd=PROMETHEUS)
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_shown_to_fire_and_to_stay_quiet():
    shown = {kind: {case["alert_rule_test"][0]["alertname"] for case in CASES
                    if bool(case["alert_rule_test"][0]["exp_alerts"]) == (kind == "fires")}
             for kind in ("fires", "quiet")}
    names = {rule["alert"] for rule in ALERTS}
    assert len(names) == len(ALERTS) >= 20
    assert shown == {"fires": names, "quiet": names}


def test_every_alert_has_its_page_and_every_page_its_alert():
    pages = {path.stem: path.read_text() for path in RUNBOOK.glob("*.md") if path.stem != "README"}
    assert set(pages) == {rule["alert"] for rule in ALERTS}
    for rule in ALERTS:
        name = rule["alert"]
        assert rule["annotations"]["runbook"] == f"docs/runbook/{name}.md"
        assert rule["labels"]["severity"] in ("page", "ticket")
        for part in (f"# {name}\n", f"Severity: {rule['labels']['severity']}.", f"`{rule['expr']}`", "**Meaning.**",
                     "**See.**", "**Do.**", "**Who.**"):
            assert part in pages[name], (name, part)
        waits = re.search(r"` for (\S+)\.$", pages[name], re.M)
        assert (waits[1] if waits else None) == rule.get("for"), name


def test_metrics_and_labels_of_alerts_and_dashboard_exist():
    for where, expression in expressions():
        found = list(used(expression))
        assert found, (where, expression)
        known = set(SCRAPED)
        for name, labels in found:
            assert family(name) in METRICS or name in FOREIGN, (where, name)
            own = METRICS[family(name)][1] if family(name) in METRICS else FOREIGN[name]
            assert labels <= own | SCRAPED | {"le"}, (where, name, labels)
            known |= own | {"le"}
        for labels in re.findall(r"\bby \(([^)]*)\)", expression):
            assert {label.strip() for label in labels.split(",")} <= known, (where, labels)


def test_every_metric_is_on_the_dashboard_or_in_an_alert():
    seen = {family(name) for _, expression in expressions() for name, _ in used(expression)}
    assert set(METRICS) - seen == set()


# --- units ---

def test_one_unit_a_service():
    assert [path.name for path in UNITS if "backup" not in path.name] == [f"sy-{name}@.service" for name in SERVICES]


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_units_are_closed(unit):
    done = tool("systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=20", unit)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    assert re.search(r"exposure level for .*: [01]\.\d|: 2\.0", done.stdout), done.stdout[-300:]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    root = tmp_path_factory.mktemp("install")
    done = tool("make", "-s", "install", f"DESTDIR={root}", "PREFIX=/opt/sy",
                env={k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS")}, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return root


def test_install_brings_programs_units_examples_and_pages(installed):
    share = installed / "opt/sy/share/shengyuan"
    assert {p.name for p in (installed / "etc/systemd/system").iterdir()} >= {p.name for p in UNITS} | {"shengyuan.target"}
    for path in ("db/migrate.sh", "prometheus/alerts.yml", "grafana/dashboard.json", "runbook/ProcessDown.md", "backup/backup.sh",
                 "env/shengyuan.env.example", "env/sy-intake.env.example"):
        assert (share / path).exists(), path
    for name in SERVICES:
        assert f"ExecStart=/opt/sy/bin/sy-{name}\n" in (installed / f"etc/systemd/system/sy-{name}@.service").read_text()


def test_systemd_understands_the_units(installed, tmp_path):
    """verify looks for the program as well: the units are shown the built one."""
    for unit in (installed / "etc/systemd/system").iterdir():
        text = unit.read_text().replace("/opt/sy/", f"{installed}/opt/sy/")
        (tmp_path / unit.name).write_text(text)
    for unit in UNITS:
        done = tool("systemd-analyze", "verify", "--man=no", tmp_path / unit.name)
        assert done.returncode == 0 and tmp_path.name not in done.stderr, done.stderr


def section(unit):
    text = unit.read_text()
    return text[text.index("# --- the same"):].split("[Install]")[0].strip()


def test_the_closed_part_is_the_same_in_every_unit():
    assert len({section(unit) for unit in UNITS}) == 1


def test_units_wait_for_longer_than_a_process_drains():
    drains = set(re.findall(r"`--drain-timeout-ms` .*?`(\d+)`", (ROOT / "docs/reference/options.md").read_text()))
    for unit in (path for path in UNITS if "backup" not in path.name):
        stop = int(re.search(r"^TimeoutStopSec=(\d+)s$", unit.read_text(), re.M)[1])
        assert drains and all(stop * 1000 >= int(drain) + 5000 for drain in drains), (unit, stop, drains)


def env_of(path):
    return dict(line.split("=", 1) for line in path.read_text().splitlines() if re.match(r"[A-Z0-9_]+=", line))


@pytest.mark.parametrize("name", SERVICES)
def test_the_example_configuration_is_enough_to_start_with(name, tmp_path):
    """What unit and examples set is what the program wants: --check-config is satisfied."""
    env = {}
    for path in ("shengyuan.env.example", f"sy-{name}.env.example"):
        env.update({k: v.strip('"') for k, v in env_of(ROOT / "deploy/systemd" / path).items()})
    unit = (ROOT / f"deploy/systemd/sy-{name}@.service").read_text()
    given = set(re.findall(r"^LoadCredential=(\w+):", unit, re.M))
    for credential in given:
        path = tmp_path / credential
        path.write_text("".join(f"{p} {p[0]}1 {i * 2:064x}\n" for i, p in enumerate(("seal", "index", "submission"), 7))
                        if credential == "keys" else "secret-of-a-test\n")
        path.chmod(0o400)
    for variable, value in re.findall(r"^Environment=(\w+)=(.*)$", unit, re.M):
        if "%d/" in value:
            assert value.removeprefix("%d/") in given, (variable, value)
        env[variable] = value.replace("%d", str(tmp_path)).replace("%i", "1")
    options = (ROOT / "docs/reference/options.md").read_text()
    assert all(f"`{variable}`" in options for variable in env if variable.startswith("SY_"))
    done = tool(BIN / f"sy-{name}", "--check-config", env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    del env["SY_PG_DSN"]
    assert tool(BIN / f"sy-{name}", "--check-config", env=env).returncode != 0, "it does look"


def test_every_program_tells_its_version():
    for path in sorted(BIN.iterdir()):
        done = tool(path, "--version")
        assert done.returncode == 0 and re.match(rf"{path.name} \d+\.\d+\.\d+ \((?:[0-9a-f]{{7,}}|unknown)\)", done.stdout), path


def test_tools_are_there():
    """They are in deploy/packages/test.txt; a test that skipped without them would pass everywhere."""
    assert shutil.which("promtool") and shutil.which("systemd-analyze")
