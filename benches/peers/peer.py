"""One peer: reads counts from stdin, answers each with the milliseconds of that many pictures.

    peer.py {onnxruntime|openvino} MODEL THREADS PICTURES...

Every peer gets the picture as it wants it, prepared before the clock starts.
"""
import sys
import time

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


def main():
    name, model, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
    planes = [np.asarray(Image.open(p).convert("RGB")).transpose(2, 0, 1) for p in sys.argv[4:]]
    pictures = [np.ascontiguousarray(p)[None] for p in planes]
    run = {"onnxruntime": onnxruntime, "openvino": openvino}[name](model, threads)
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
