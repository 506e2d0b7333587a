"""Models as things of their own: ONNX, torch.export and safetensors files, hub folders, cards."""
