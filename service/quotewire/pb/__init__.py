"""The wire contract's generated code (see protos/ and scripts/generate_stubs.py)."""
