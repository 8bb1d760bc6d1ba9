"""Stubs generated from protos/quotewire/v1 by scripts/generate_stubs.py."""
