"""Mission: teach a deployed ONNX model new labels on the device."""
