"""YAMNet: the network, its class list; ``yamnet.pth`` beside them once it is fetched."""
