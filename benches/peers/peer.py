"""One peer: reads counts from stdin, answers each with the milliseconds of that many pictures.

    peer.py {onnxruntime|openvino|ncnn} MODEL THREADS PICTURES...

Every peer gets the picture as it wants it, prepared before the clock starts.
"""
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image


def onnxruntime(model, threads):
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return lambda x: session.run(["logits", "activation_map"], {"pixels": x})


def openvino(model, threads):
    import openvino as ov

    config = {
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
        "ENABLE_CPU_PINNING": False,
    }
    request = ov.Core().compile_model(model, "CPU", config).create_infer_request()
    return lambda x: request.infer({0: x})


def ncnn(model, threads):
    import ncnn as runtime
    import to_ncnn

    net = runtime.Net()
    net.opt.num_threads = threads
    net.opt.use_vulkan_compute = False
    with tempfile.TemporaryDirectory() as folder:
        text, data = to_ncnn.convert(model)
        (Path(folder) / "param").write_text(text)
        (Path(folder) / "bin").write_bytes(data)
        if net.load_param(f"{folder}/param") or net.load_model(f"{folder}/bin"):
            sys.exit("ncnn cannot read what was made for it")

    def run(x):
        extractor = net.create_extractor()
        extractor.input("pixels", runtime.Mat(x[0].astype(np.float32)))
        return [np.array(extractor.extract(blob)[1]) for blob in ("logits", "activation_map")]

    return run


def main():
    name, model, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
    planes = [np.asarray(Image.open(p).convert("RGB")).transpose(2, 0, 1) for p in sys.argv[4:]]
    pictures = [np.ascontiguousarray(p)[None] for p in planes]
    run = {"onnxruntime": onnxruntime, "openvino": openvino, "ncnn": ncnn}[name](model, threads)
    print("ready", flush=True)
    turn = 0
    for line in sys.stdin:
        times = []
        for _ in range(int(line)):
            start = time.perf_counter()
            run(pictures[turn % len(pictures)])
            times.append((time.perf_counter() - start) * 1e3)
            turn += 1
        print(*(f"{t:.4f}" for t in times), flush=True)


if __name__ == "__main__":
    main()
