"""Peers: what a user would pick instead, each as its users use it, on the same hours and the same alarm budget."""
