"""What is told about the running system: the block people read, demo.json that programs read."""
import csv
import json
import os
import sys

from programs import CONSENT_VERSION
from run_dir import SERVICES, write_private

DEMO_LISTED = 20


def demo_students(layout):
    with open(layout.run_dir / "roster.csv", newline="", encoding="utf-8") as file:
        rows = [row for _, row in zip(range(DEMO_LISTED), csv.DictReader(file))]
    return [{"name": row["XM"], "id_type": row["ZJLX"], "id_number": row["SFZH"], "student_number": row["XH"],
             "school_code": row["YXDM"], "school": row["YXMC"], "PYFSDM": row["PYFSDM"]} for row in rows]


def describe(layout, ports, processes):
    redis_url = f"redis://tests:{layout.secret('redis_tests')}@127.0.0.1:{ports['redis']}/0"
    reader = (f"postgresql://sy_reader:{layout.secret('pg_reader')}@127.0.0.1:{ports['postgres']}"
              "/shengyuan")
    write_private(layout.demo, json.dumps({
        "edge": f"http://127.0.0.1:{ports.between('client', 'edge')}",
        "sandbox": f"http://127.0.0.1:{ports['sandbox']}",
        "postgres": reader, "kafka": ports.bootstrap(), "redis": redis_url,
        "consent_version": CONSENT_VERSION, "processes": processes, "students": demo_students(layout),
        "staff": json.loads((layout.secrets / "staff.json").read_text())}, ensure_ascii=False, indent=1) + "\n")


BLOCK = {
    "zh": """生源信息上报 · demo  （演示用，不可用于生产：演示密钥、模拟的短信与人脸核验）
  入口            {edge}/            {name} · {number} · 学号 {xh}
  短信收件箱      {sandbox}/inbox?phone=…    每条模拟短信
  接口文档        {edge}/api/openapi.yaml
  指标            每个进程的 /metrics：make status 列出地址
  服务            {services}   （{seconds:.1f} 秒就绪）
下一步：make demo（三个学生从头到尾）   make status   make up COPIES=validation=3   {stop}
""",
    "en": """生源信息上报 · demo  (NOT FOR PRODUCTION: demo keys, simulated SMS and face check)
  entrance        {edge}/            try: {name} · {number} · student number {xh}
  SMS inbox       {sandbox}/inbox?phone=…    every simulated message
  API document    {edge}/api/openapi.yaml
  metrics         /metrics of every process: make status lists the addresses
  services        {services}   (ready in {seconds:.1f} s)
Next:  make demo (three students end to end)   make status   make up COPIES=validation=3   {stop}
""",
}


def block(layout, ports, copies, seconds):
    language = "zh" if "zh" in (os.environ.get("LC_ALL") or os.environ.get("LANG") or "") else "en"
    student = demo_students(layout)[0]
    services = " ".join(f"{name} ✓" + (f"×{copies[name]}" if copies[name] != 1 else "") for name in SERVICES)
    stop = {"zh": "Ctrl-C 停止全部", "en": "Ctrl-C stops all"} if sys.stdout.isatty() else \
        {"zh": "make down 停止全部", "en": "make down stops all"}
    return BLOCK[language].format(
        edge=f"http://127.0.0.1:{ports['edge']}", sandbox=f"http://127.0.0.1:{ports['sandbox']}",
        name=student["name"], number=student["id_number"][:4] + "…" + student["id_number"][-4:],
        xh=student["student_number"], services=services, seconds=seconds, stop=stop[language])
