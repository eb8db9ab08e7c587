"""The networks: nn.Modules only; files, devices, ranks and prompts are other layers' business."""
