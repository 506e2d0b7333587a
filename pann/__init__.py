"""PANN ResNet38: the network, its class list; its weights beside them once they are fetched."""
