#!/usr/bin/python3
"""Runs fuzz targets with libFuzzer, one after the other, on a copy of their corpus.

run.py --engines DIR [--seconds N] [--keep] [--jobs N] TARGET…    (make fuzz TARGET=t1 SECONDS=60 KEEP=1)

The inputs of tests/fuzz/corpus/<target>/*.lines are unpacked below DIR's parent; what the run adds stays there and is
taken up by the next run. --keep merges everything into the smallest set with the same edges and writes what is not in
the seeds to grown.lines. An input that breaks something is added to crashes.lines (fix it, then it is replayed for ever).
Prints one JSON line a target: seconds, execs, edges, features, inputs, broken. Exit 1 when something broke.
"""
import argparse
import hashlib
import json
import pathlib
import re
import shutil
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import lines  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
CORPUS = HERE / "corpus"
INPUT_SECONDS = 10
MEMORY_MB = 2048
KEPT_BYTES_MAX = 4096


def find(engines, wanted):
    found = [path for path in sorted(engines.iterdir()) if path.name.split("_")[0] == wanted or path.name == wanted]
    if not found:
        sys.exit(f"no target {wanted}; there are: {' '.join(sorted(p.name for p in engines.iterdir()))}")
    return found[0]


def corpus_of(name):
    return CORPUS / name.split("_")[0]


def unpack(name, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(corpus_of(name).glob("*.lines")):
        if path.name == "crashes.lines":
            continue
        for data in lines.read(path):
            (folder / hashlib.sha1(data).hexdigest()).write_bytes(data)


def options(name, folder):
    words = corpus_of(name) / "words.dict"
    return [f"-timeout={INPUT_SECONDS}", f"-rss_limit_mb={MEMORY_MB}", f"-artifact_prefix={folder}/broken-",
            *([f"-dict={words}"] if words.exists() else [])]


def numbers(text):
    """From libFuzzer's last lines: executions, edges, features."""
    last = re.findall(r"#(\d+)\t\S.*?cov: (\d+) ft: (\d+)", text)
    done = re.search(r"stat::number_of_executed_units: (\d+)", text)
    execs = int(done.group(1)) if done else int(last[-1][0]) if last else 0
    return {"execs": execs, "edges": int(last[-1][1]) if last else 0, "features": int(last[-1][2]) if last else 0}


def keep(engine, folder, work):
    """The smallest set of inputs with the same edges; what is not a seed becomes grown.lines."""
    small = work / "small"
    shutil.rmtree(small, ignore_errors=True)
    small.mkdir()
    subprocess.run([str(engine), "-merge=1", f"-max_len={KEPT_BYTES_MAX}", *options(engine.name, work), str(small),
                    str(folder)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    target = corpus_of(engine.name)
    seeds = {data for data in lines.read(target / "seeds.lines")}
    grown = sorted((path.read_bytes() for path in small.iterdir()), key=lambda data: (len(data), data))
    lines.write(target / "grown.lines", [data for data in grown if data not in seeds and len(data) <= KEPT_BYTES_MAX],
                "Found by libFuzzer, the smallest set with all edges; written by make fuzz KEEP=1.")


def note_broken(name, work):
    broken = sorted(work.glob("broken-*"))
    if not broken:
        return []
    path = corpus_of(name) / "crashes.lines"
    known = lines.read(path) if path.exists() else []
    fresh = [p.read_bytes() for p in broken]
    lines.write(path, known + [data for data in fresh if data not in known], "Each of these broke something once.")
    for one in broken:
        one.rename(one.with_name("noted-" + one.name))
    return [lines.escape(data)[:200] for data in fresh]


def run(engine, seconds, keeping):
    work = engine.parent.parent / "work" / engine.name
    folder = work / "inputs"
    unpack(engine.name, folder)
    started = time.monotonic()
    with open(work / "log", "wb") as log:
        done = subprocess.run([str(engine), f"-max_total_time={seconds}", "-print_final_stats=1",
                               *options(engine.name, work), str(folder)], stdout=log, stderr=log, check=False)
    text = (work / "log").read_text(errors="replace")
    result = {"target": engine.name, "seconds": round(time.monotonic() - started), **numbers(text),
              "inputs": len(list(folder.iterdir())), "broken": note_broken(engine.name, work)}
    if done.returncode and not result["broken"]:
        result["broken"] = ["the engine ended with " + str(done.returncode)]
    if result["broken"]:
        sys.stderr.write("\n".join(text.splitlines()[-60:]) + "\n")
    elif keeping:
        keep(engine, folder, work)
    with open(work.parent / "results.jsonl", "a", encoding="utf-8") as out:
        out.write(json.dumps(result) + "\n")
    print(json.dumps(result), flush=True)
    return not result["broken"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engines", type=pathlib.Path, required=True)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("target", nargs="+")
    args = parser.parse_args()
    good = [run(find(args.engines.resolve(), target), args.seconds, args.keep) for target in args.target]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
