"""Train, fuse, quantize and export the network that Sonograde runs on the cart.

A folder with `labels.csv` goes in; one ONNX file that keeps `models/README.md` comes out.
The modules in the order of that flow: data, preprocess, cache, augment, repvgg, guidance, train,
quantize, finetune, onnx_file, contract, runtime, calibrate, metrics, export, card, evaluate, golden;
smoke runs them all.
"""
