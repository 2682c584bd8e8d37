"""Networks built node by node: ResNet, MobileNet and a BERT-like encoder."""
