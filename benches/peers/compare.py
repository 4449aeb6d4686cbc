#!/usr/bin/env python3
"""Our engine beside the runtimes that a user could pick instead: same model, same pictures, in turns.

    benches/peers/compare.py [--threads 1] [--rounds 20] [--only NAME,NAME] [--json FILE]

Makes a virtual environment in target/peers with onnxruntime, OpenVINO and ncnn, builds our bench, and prints for each
runtime the least, median and 90th percentile milliseconds of a picture, the first picture after 250 ms of idleness,
and the median over the rounds of its ratio to onnxruntime's, OpenVINO's, and that of OpenVINO with like instructions. As root it asks for real-time
priority (`chrt`) in bursts, so that other work on the machine is seen less. Every runtime reads the shipped model's file itself.
"""
import argparse
import json
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
MODEL = ROOT / "models/sonograde-phantom-a0.onnx"
PICTURES = sorted((ROOT / "models/golden").glob("*.png"))
# OpenVINO with the same instructions; left to itself it takes AMX where a processor has that.
LIKE = {
    "ours amx": "openvino",
    "ours avx512vnni": "openvino avx512-vnni",
    "ours avxvnni": "openvino avx2-vnni",
    "ours avx2": "openvino avx2",
}
PER_ROUND = 12
IDLE_S = 0.25


def python():
    """The interpreter of an environment with the peers in it."""
    folder = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "peers"
    wanted, ready = HERE / "requirements.txt", folder / "ready"
    if not ready.exists() or ready.read_bytes() != wanted.read_bytes():
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([folder / "bin/pip", "install", "-q", "-r", wanted], check=True)
        shutil.copyfile(wanted, ready)
    return folder / "bin/python"


def ours():
    """The built bench."""
    command = ["cargo", "bench", "--bench", "engine", "--no-run"]
    built = subprocess.run(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    found = re.search(r"Executable.*\((.*)\)", built.stderr)
    if built.returncode or not found:
        sys.exit(built.stderr)
    return ROOT / found.group(1)


def contenders(threads):
    bench, interpreter = ours(), python()
    flags = set(next(line for line in open("/proc/cpuinfo") if line.startswith("flags")).split())
    kernels = {"amx": "amx_int8", "avx512vnni": "avx512_vnni", "avxvnni": "avx_vnni", "avx2": "avx2"}
    for kernel in [k for k, flag in kernels.items() if flag in flags] + ["tract"]:
        yield f"ours {kernel}" if kernel != "tract" else kernel, [bench, "--serve", kernel, str(threads)], {}
    peers = {
        "onnxruntime": ("onnxruntime", {}),
        "openvino": ("openvino", {}),
        "openvino avx512-vnni": ("openvino", {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE_VNNI"}),
        "openvino avx2-vnni": ("openvino", {"ONEDNN_MAX_CPU_ISA": "AVX2_VNNI"}),
        "openvino avx2": ("openvino", {"ONEDNN_MAX_CPU_ISA": "AVX2"}),
        "ncnn": ("ncnn", {}),
    }
    for name, (runtime, environment) in peers.items():
        yield name, [interpreter, HERE / "peer.py", runtime, MODEL, str(threads), *PICTURES], environment


def start(command, environment, threads):
    cores = sorted(os.sched_getaffinity(0))[-threads:]
    before = ["taskset", "-c", ",".join(map(str, cores))]
    if os.geteuid() == 0 and shutil.which("chrt"):
        before = ["chrt", "-f", "5", *before]
    process = subprocess.Popen(
        [*before, *map(str, command)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
    )
    for line in process.stdout:
        if line.strip() == "ready":
            return process
    sys.exit(f"{command} did not start")


def ask(process, count):
    process.stdin.write(f"{count}\n")
    process.stdin.flush()
    return [float(t) for t in process.stdout.readline().split()]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--only", help="names, separated by commas")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    args = parser.parse_args()
    chosen = [c for c in contenders(args.threads) if not args.only or c[0] in args.only.split(",")]
    running = {name: start(command, environment, args.threads) for name, command, environment in chosen}
    rounds = {name: [] for name in running}
    first = {name: [] for name in running}
    for _ in range(args.rounds):
        for name in random.sample(list(running), len(running)):
            rounds[name].append(ask(running[name], PER_ROUND)[2:])
            time.sleep(IDLE_S)
            first[name] += ask(running[name], 1)
    figures = {}
    for name, times in rounds.items():
        every = sorted(t for turn in times for t in turn)
        figure = {
            "least_ms": every[0],
            "median_ms": statistics.median(every),
            "p90_ms": every[len(every) * 9 // 10],
            "after_idle_ms": statistics.median(first[name]),
        }
        for column, peer in {"onnxruntime": "onnxruntime", "openvino": "openvino", "like": LIKE.get(name)}.items():
            if peer in rounds:
                pairs = zip(times, rounds[peer], strict=True)
                figure[f"to_{column}"] = statistics.median(
                    statistics.median(a) / statistics.median(b) for a, b in pairs
                )
                figure[f"least_to_{column}"] = every[0] / min(t for turn in rounds[peer] for t in turn)
                pairs = zip(first[name], first[peer], strict=True)
                figure[f"idle_to_{column}"] = statistics.median(a / b for a, b in pairs)
        figures[name] = figure
    columns = sorted({c for f in figures.values() for c in f}, key=lambda c: ("to_" in c, c))
    print(f"{'':20}" + "".join(f"{c:>21}" for c in columns))
    for name, figure in sorted(figures.items(), key=lambda f: f[1]["median_ms"]):
        print(f"{name:20}" + "".join(f"{figure.get(c, float('nan')):21.3f}" for c in columns))
    if args.json:
        args.json.write_text(json.dumps({"threads": args.threads, "runtimes": figures}, indent=1) + "\n")
    for process in running.values():
        process.stdin.close()
        process.wait()


if __name__ == "__main__":
    main()
