"""The ONNX graphs of each kind of head."""
